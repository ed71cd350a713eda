{{ config(
    key = ["user_id"],
    description = "Loyalty points of each user who ever got or spent some",
    checks = [unique("user_id"), not_null("total_loyalty_points")],
) }}

select
    u.user_id,
    u.first_name,
    u.last_name,
    u.loyalty_status,
    sum(l.points) as total_loyalty_points
from {{ ref("replica.users") }} as u
join {{ ref("replica.loyalty_points") }} as l using (user_id)
group by u.user_id, u.first_name, u.last_name, u.loyalty_status
