-- 25340, 8241: a constant on the left of `not in`
select id from a where 3 not in (select x from b);
select id from a where not (3 in (select x from b));
select id from a where 3 not in (select x from b) or id = 1;
select id from a where (3 not in (select x from b)) is null;
select 'found' as f where 1 not in (select * from (values (3), (null)) t);
select 'found' as f where 1 not in (select * from (values (3), (4)) t);
-- 25347, 25336: correlated `not in`
select id from a where 3 not in (select x from b where b.s = a.s);
select id from a where x not in (select b.x from b where b.y < a.y);
select id from a where not (x in (select b.x from b where b.y < a.y)) or id = 4;
select id from a where x not in (select b.x from b where b.y = a.y);
-- 10583
select id from a where (x not in (select y from a)) = true;
select id from a t1 where x not in (select y from a t2 where t1.x = t2.x);
-- 23410
select id from a where x <> 1 and x not in (select x from b);
-- 24960: aggregates without groups give a row
select id from a where exists (select count(*) from b where a.x = b.x);
select id from a where not exists (select count(*) from b where a.x = b.x);
select id from a where 0 in (select count(*) from b where a.x = b.x);
-- 25519: grouping sets in a correlated subquery
-- refused
select id, exists (select 1 from b where b.x = a.x group by rollup (b.x)) as e from a;
-- 15032, 22317: expressions over nothing
select id, (select case when max(b.y) > 10 then 'a' else 'b' end from b where b.x = a.x + 1) as e from a;
select id, (select regr_count(b.y, b.x) from b where b.x = a.x) as e from a;
-- 21205, 21206, 20315
select id from a where x in (select b.x from b where b.x > a.x);
select id, (select count(*) as x from b where b.x = a.x) as c, x from a;
-- 13135
select id from a where exists (select 1 from b where b.x = a.x) or x = 5;
-- 14335: limits and outer joins
select count(*) from (select a.id, b.id from a full join b on a.id = b.id limit 3) t;
select count(*) from (select a.id from a full join b on a.id = b.id offset 2) t;
select count(*) from (select p.id from (select id from a order by id limit 1) p cross join (select id from b order by id limit 1) q limit 10) t;
-- 4308
select id from (select id from (select id from a order by id limit 4) t order by id offset 2) u limit 1;
-- 21316, 5672: twins of grouping sets
select s, x, sum(y), grouping(s), grouping(x) from a group by grouping sets ((s, x), (s), (s, x));
-- 16965: grouping sets over what is sorted
select s from (select 'id' as s union all select 'id' as s order by s) t group by grouping sets ((s), ());
select c from (select b, x as c, grouping(b, x) as g from (select * from a order by x) t group by grouping sets ((b, x), (x))) u order by c limit 5;
-- 25350
select count(*) from (select distinct s, count(*) over (partition by s) as n from a limit 30) t;
-- 12403, and keys of both kinds in one join
select p.id, q.id from a p join a q on p.x is not distinct from q.x where p.y = q.y;
select p.id, q.id from a p join a q on p.x = q.x where p.y is not distinct from q.y;
select p.id, q.id from a p left join a q on p.x is not distinct from q.x and p.y = q.y;
select x, y from a intersect select x, y from a where id > 2;
-- 24854: outer joins whose condition is about one side
select a.id, b.id from a left join b on a.x = b.x and a.id > 2 and b.y is not null;
select a.id, b.id from a full join b on a.x = b.x and a.y < b.y + 5;
-- names inside that are also outside
select id from a where x = (select x from b where b.id = a.id);
select id from a where (select count(*) from b where x = a.x) = 1;
select id from a where id in (select a.id from b);
-- a name that is ambiguous inside is not one of the outside
-- refused
select id from a where exists (select 1 from b, c where s = 'one' and b.id = c.id);
-- sorts and limits of subqueries
select x from (select x from a order by y desc limit 3) t order by x nulls last;
select id, (select max(y) from (select y from b where b.x = a.x order by y limit 1) t) as m from a;
-- names of tables outside that are columns inside
-- refused
select b.id from b where exists (select 1 from c where c.id = b.id);
select bb.id from b bb where exists (select 1 from c where c.id = bb.id);
