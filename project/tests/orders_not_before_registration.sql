{{ config(severity = "warn") }}
-- Nobody orders before they registered. Who signs up once more with the same e-mail is registered anew, after orders of theirs.
select o.order_id, o.order_date, u.registration_date
from {{ ref("replica.orders") }} as o
join {{ ref("replica.users") }} as u using (user_id)
where o.order_date < u.registration_date
