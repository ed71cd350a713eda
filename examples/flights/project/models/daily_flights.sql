{{ config(
    materialized = "incremental",
    key = ["origin", "day"],
    cursor = "day",
    description = "Flights and cancellations by airport and day; a run adds the days that are new",
    checks = [unique("origin", "day"), expression("cancelled <= flights")],
) }}

select
    origin,
    make_date(year, month, day) as day,
    count(*) as flights,
    count(*) filter (where dep_time is null) as cancelled,
    sum(distance) as miles
from {{ source("nyc", "flights") }}
{% if is_incremental() %}
where make_date(year, month, day) >= (select max(day) from {{ this }})
{% endif %}
group by origin, year, month, day
