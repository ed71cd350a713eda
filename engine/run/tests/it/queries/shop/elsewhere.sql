-- there: select coalesce(x, 0) as n from a
select nvl(x, 0) as n from a;
-- there: select coalesce(x, y) as n from a
select ifnull(x, y) as n from a;
-- there: select case when x is not null then 1 else 2 end as n from a
select nvl2(x, 1, 2) as n from a;
-- there: select case when x > 1 then 'big' else 'small' end as n from a
select iff(x > 1, 'big', 'small') as n from a;
-- there: select coalesce(x, 0) as n from a
select zeroifnull(x) as n from a;
-- there: select string_agg(s, ',' order by id) as n from a
select listagg(s, ',') within group (order by id) as n from a;
-- there: select b, string_agg(s, '' order by id desc) as n from a group by b
select b, listagg(s) within group (order by id desc) as n from a group by b;
-- there: select count(*) filter (where x > 1) as n from a
select count_if(x > 1) as n from a;
-- there: select 'two' as n
select max_by(s, y) as n from a where s = 'two' and y is not null;
-- there: select b, (array_agg(id order by y desc) filter (where y is not null))[1] as n from a group by b
select b, max_by(id, y) as n from a group by b;
-- there: select b, (array_agg(id order by y) filter (where y is not null))[1] as n from a group by b
select b, min_by(id, y) as n from a group by b;
-- there: select strpos(s, 'o') as n from a
select charindex('o', s) as n from a;
-- there: select strpos(s, 'o') as n from a
select instr(s, 'o') as n from a;
-- there: select length(s) as n from a
select len(s) as n from a;
-- there: select id, placed::date - date '2024-01-01' as n from orders
select id, datediff(day, date '2024-01-01', placed) as n from orders;
-- there: select id, (extract(year from placed) * 12 + extract(month from placed) - 24277)::int as n from orders
select id, datediff('month', date '2023-01-01', placed) as n from orders;
-- there: select id, sum(case when status = 'paid' then amount end) as paid, sum(case when status = 'open' then amount end) as open from orders group by id
select * from (select id, status, amount from orders) pivot (sum(amount) for status in ('paid', 'open'));
-- there: select y, id, s, b from a
select * exclude (x) from (select y, id, s, x, b from a) t;
-- there: select id, x + 1 as x from a
select * replace (x + 1 as x) from (select id, x from a) t;
-- there: select id as key, x from a
select * rename (id as key) from (select id, x from a) t;
-- there: select s, count(*) as n from a group by s
select s, count(*) as n from a group by all;
-- there: select id from (select id, row_number() over (partition by s order by id) as n from a) t where n = 1
select id from a qualify row_number() over (partition by s order by id) = 1;
-- there: select id from a where s like 'o%' or s like 't%'
select id from a where s like any ('o%', 't%');
-- there: select id from a where s ilike 'O%' or s ilike 'T%'
select id from a where s ilike any ('O%', 'T%');
-- there: select bool_and(b) as n, bool_or(b) as m from a
select booland_agg(b) as n, boolor_agg(b) as m from a;
-- refused
select group_concat(s) from a;
-- refused
select iif(x > 1, 1, 2) from a;
-- there: select id, placed + 3 * interval '1 day' as later from orders
select id, dateadd(day, 3, placed) as later from orders;
-- there: select id, placed + id * interval '1 month' as later from orders
select id, date_add(month, id, placed) as later from orders;
