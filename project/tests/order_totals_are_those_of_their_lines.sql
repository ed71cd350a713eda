-- An order's total is the sum of its lines, to the cent.
select o.order_id, o.total_amount, d.total
from {{ ref("replica.orders") }} as o
left join (
    select order_id, sum(total_price) as total from {{ ref("replica.order_details") }} group by order_id
) as d using (order_id)
where o.total_amount is distinct from d.total
