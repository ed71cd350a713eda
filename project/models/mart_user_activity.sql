{{ config(
    key = ["user_id", "status"],
    description = "Orders and money spent by user and order status",
    checks = [
        not_null("order_count"),
        unique("user_id", "status"),
        relationships("user_id", to = "replica.users", field = "user_id"),
        expression("order_count > 0"),
    ],
) }}

select
    u.user_id,
    u.first_name,
    u.last_name,
    o.status,
    count(o.order_id) as order_count,
    sum(o.total_amount) as total_spent
from {{ ref("replica.orders") }} as o
join {{ ref("replica.users") }} as u using (user_id)
group by u.user_id, u.first_name, u.last_name, o.status
