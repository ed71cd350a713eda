-- Nobody orders before they registered.
select o.order_id, o.order_date, u.registration_date
from {{ ref("replica.orders") }} as o
join {{ ref("replica.users") }} as u using (user_id)
where o.order_date < u.registration_date
