{{ config(
    key = ["status", "loyalty_status"],
    description = "Average order value by order status and loyalty tier",
    checks = [
        not_null("average_check"),
        unique("status", "loyalty_status"),
        accepted_values("loyalty_status", ["Gold", "Silver", "Bronze"]),
        expression("average_check >= 0"),
    ],
) }}

select
    o.status,
    u.loyalty_status,
    cast(avg(o.total_amount) as decimal(14, 6)) as average_check
from {{ ref("replica.orders") }} as o
join {{ ref("replica.users") }} as u using (user_id)
group by o.status, u.loyalty_status
