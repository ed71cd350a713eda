{{ config(
    key = ["carrier"],
    description = "How late each airline is",
    checks = [unique("carrier"), not_null("name"), relationships("carrier", to = "nyc.airlines", field = "carrier")],
) }}

select
    f.carrier,
    a.name,
    count(*) as flights,
    count(f.arr_delay) as arrived,
    avg(f.arr_delay) as average_delay,
    max(f.arr_delay) as worst_delay
from {{ source("nyc", "flights") }} as f
join {{ source("nyc", "airlines") }} as a on a.carrier = f.carrier
group by f.carrier, a.name
