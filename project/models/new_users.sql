{{ config(
    materialized = "stream",
    sink = "shop",
    alias = "users",
    key = ["email"],
    description = "Sign-ups and profile changes from the topic, upserted into the shop's users by e-mail",
    checks = [not_null("email"), accepted_values("loyalty_status", ["Gold", "Silver", "Bronze"])],
) }}

select
    trim(first_name) as first_name,
    trim(last_name) as last_name,
    {{ normalized_email("email") }} as email,
    phone,
    registration_date,
    loyalty_status
from {{ source("events", "users-data") }}
