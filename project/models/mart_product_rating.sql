{{ config(
    key = ["product_id"],
    description = "Average rating of each product that has reviews",
    checks = [unique("product_id"), between("rating", 1, 5)],
) }}

select
    p.product_id,
    p.name,
    cast(avg(r.rating) as double precision) as rating
from {{ ref("replica.products") }} as p
join {{ ref("replica.reviews") }} as r using (product_id)
group by p.product_id, p.name
