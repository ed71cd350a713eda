-- The mart spreads the users' orders over its rows: none is lost, none counts twice.
select made.orders as in_the_mart, there.orders as in_the_shop
from (select sum(order_count) as orders, sum(total_spent) as spent from {{ ref("mart_user_activity") }}) as made
cross join (
    select count(*) as orders, sum(total_amount) as spent
    from {{ ref("replica.orders") }}
    where user_id is not null
) as there
where (made.orders is distinct from there.orders) or (made.spent is distinct from there.spent)
