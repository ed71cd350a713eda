{{ config(materialized = "stream", key = ["email"]) }}

select lower(email) as email, n, status
from {{ source("events", "users") }}
