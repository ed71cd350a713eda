select id + 1, x * 2 from a;
select sum(x), sum(y) from a;
select id, id + 1 from a;
select t.* from (select id + 1, s from a) t;
select t.sum from (select sum(x) from a) t;
select "case" from (select case when x = 1 then 2 end from a) t;
select int4 from (select 1::int) t;
select coalesce from (select coalesce(x, 0) from a) t;
select count from (select count(*) from a) t;
select x from (select x::bigint from a) t;
select max from (select (select max(x) from a)) t;
select "exists" from (select exists (select 1 from a)) t;
select "row_number" from (select row_number() over (order by id) from a) t;
select t.x from (select case when id > 2 then y else x end from a) t;
select date from (select date '2024-01-01') t;
select "?column?" from (select 1) t;
select * from (select 1, 2) t;
select * from (select a.*, b.* from a join b on a.id = b.id) t;
select t.z from (select a.*, b.*, 1 as z from a join b on a.id = b.id) t;
select count(*) from (select sum(x), sum(x) from a) t;
select count(*) from (select a.id, b.id from a, b) t;
-- refused
select id from (select a.*, b.* from a join b on a.id = b.id) t;
-- refused
select t.id from (select a.id, b.id from a, b) t;
-- refused
select id from a join b on a.id = b.id;
-- refused
select a.id from a join a on true;
-- refused
select nope from a;
-- refused
select a.nope from a;
-- refused
select id from a join b using (nope);
-- refused
select id from a full join b using (id) join c on c.id = x;
select x from (select id as x from a) t order by x;
select A.ID, a.X from a;
select "id" from a;
select a.id as "Id", x as "X y" from a;
select t."Id" from (select id as "Id" from a) t;
select t.id from a as t where t.id > 1;
select a1.id from a a1, a a2 where a1.id = a2.x;
select count(*) as n from a;
select sum(x) as "SUM" from a;
select extract from (select extract(year from placed) from orders) t;
select substring, upper, btrim from (select substring(s from 1 for 2), upper(s), trim(s) from a) t;
select nullif, greatest from (select nullif(x, 1), greatest(x, y) from a) t;
select "array" from (select array[1, 2]) t;
select "interval" is not null as f from (select interval '1 day') t;
