-- Only what was delivered has a delivery date, and not one before the order's.
select order_id, status, order_date, delivery_date
from {{ ref("replica.orders") }}
where delivery_date is not null and (status not in ('Delivered', 'Returned') or delivery_date < order_date)
