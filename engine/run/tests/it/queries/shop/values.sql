-- Values that DataFusion gives otherwise: each is PostgreSQL's, or an error where PostgreSQL has one.
select case when status <> 'Completed' then 0 else amount end as v from orders;
select coalesce(0, amount) as v from orders;
select 0 as v union all select amount from orders;
select sum(case when status = 'Pending' then 0 else amount end) as v from orders;
-- refused
select cast(50000 as int) * cast(50000 as int) as v;
-- refused
select sum(x) as v from (values (9223372036854775807), (1)) as t(x) having sum(x)::bigint > 0;
-- refused
select cast(2147483647 as int) + 1 as v;
-- refused
select cast(9223372036854775807 as bigint) + 1 as v;
-- refused
select abs(cast('-9223372036854775808' as bigint)) as v;
select sum(x) as v from (values (9223372036854775807), (1)) as t(x);
select cast(1 as numeric(10, 2)) / 3 as v;
select round(1.255, 2) as v;
select 1.1 + 2.2 as v;
select 100.00 * amount as v from orders;
select sum(amount) / count(*) as v from orders;
select amount / sum(amount) over () as v from orders where amount > 0;
select 2.7::int as v, 2.5::int as w, (-2.5)::int as x, 2.5::float8::int as y;
select 2 ^ 3 as v, 2 ^ 0.5 as w, 7 % 3 as x, mod(-7, 3) as y;
select to_char(placed, 'YYYY-MM') as v, to_char(placed, 'DD.MM.YYYY HH24:MI:SS') as w from orders;
select 'abc' similar to 'a%' as v;
select cast('abcdef' as varchar(3)) as v;
select extract(second from timestamp '2026-01-02 03:04:05.678901') as v;
select E'a\nb' as v;
select cast('2026-01-02 03:04:05+02' as timestamptz) at time zone 'UTC' as v;
select cast('2026-01-02 23:30:00+00' as timestamptz) at time zone 'Europe/Berlin' as v;
select cast('a  ' as char(3)) = 'a' as v;
select percentile_cont(0.3) within group (order by amount) as v from orders;
select interval '1 day' * 3 + date '2026-01-02' as v;
select sign(amount) as v, width_bucket(amount, 0, 1000, 5) as w from orders;
select cast(age(timestamp '2026-03-01', timestamp '2024-02-29') as text) as v;
select make_timestamp(2026, 1, 2, 3, 4, 5) as v;
-- refused
select to_number('1,234.50', '9,999.99') as v;
select split_part('a,b,c', ',', 2) as v;
select date '2026-03-01' - date '2026-02-01' as v;
select date '2026-03-01' + interval '1 month' as v;
select round(2.5::float8) as v, round(-2.5::float8) as w, round(2.5) as x;
select '9999-12-31'::timestamp as v;
select bool_and(amount > 0) as v, count(*) filter (where amount > 10) as w from orders;
-- refused
select 1 / 0 as v;
-- refused
select cast('abc' as int) as v;
-- refused
select cast('2026-02-30' as date) as v;
-- refused
select 12345678901234567890123456789012345678.0 * 12345678901234567890123456789012345678.0 * 100000000000000000000.0 as v;
