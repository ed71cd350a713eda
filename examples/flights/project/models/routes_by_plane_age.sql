{{ config(
    key = ["origin", "dest", "decade"],
    description = "Routes by the decade in which the planes were built",
    checks = [row_count(min = 100), not_null("flights")],
) }}

select
    f.origin,
    f.dest,
    d.name as destination,
    p.year / 10 * 10 as decade,
    count(*) as flights,
    count(distinct f.tailnum) as planes,
    avg(f.air_time) as average_air_time
from {{ source("nyc", "flights") }} as f
join {{ source("nyc", "planes") }} as p on p.tailnum = f.tailnum
left join {{ source("nyc", "airports") }} as d on d.faa = f.dest
where p.year is not null
group by f.origin, f.dest, d.name, p.year / 10 * 10
