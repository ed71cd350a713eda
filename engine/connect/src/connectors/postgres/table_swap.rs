//! Putting a new table in an old one's place, with all that the old one had.

use super::{
    kept_constraints,
    statement::{quote, within},
};
use engine_language::table::TableDefinition;
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow};

/// Why a table cannot be put in another's place.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Views, triggers and the like, which would stay with the old table.
    pub by: Vec<String>,
    /// Tables that refer to it, and the columns that they refer to.
    pub references: Vec<(i64, Vec<String>)>,
}

/// Rows of a question about a table.
pub async fn ask(on: &mut PgConnection, sql: &str, oid: i64) -> sqlx::Result<Vec<PgRow>> {
    sqlx::query(AssertSqlSafe(sql)).bind(oid.to_string()).fetch_all(on).await
}

/// Runs statements, one after the other.
pub async fn run(on: &mut PgConnection, sql: impl Into<String>) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(on).await.map(drop)
}

/// What else belongs to a table and cannot be given to another: it keeps its place.
const OTHERS: &str = "
    select 'rule ' || rulename from pg_rewrite where ev_class = $1::text::oid and rulename <> '_RETURN'
    union all select 'a security label' from pg_seclabel where classoid = 'pg_class'::regclass and objoid = $1::text::oid
    union all select pg_describe_object(d.classid, d.objid, d.objsubid) from pg_depend d
        where d.deptype = 'n' and d.classid in ('pg_proc'::regclass, 'pg_policy'::regclass, 'pg_type'::regclass, 'pg_class'::regclass)
        and (d.refclassid = 'pg_class'::regclass and d.refobjid = $1::text::oid
            or d.refclassid = 'pg_type'::regclass and d.refobjid in (select t.oid from pg_type t join pg_class c
                on t.oid = c.reltype or t.typelem = c.reltype and t.typtype = 'b' where c.oid = $1::text::oid))
        and not (d.classid = 'pg_class'::regclass and d.objid = $1::text::oid)
    union all select 'its storage' from pg_class c left join pg_class t on t.oid = c.reltoastrelid where c.oid = $1::text::oid
        and (c.reltablespace <> 0 or c.relpersistence <> 'p' or c.reloftype <> 0 or t.reloptions is not null
            or c.relam <> (select oid from pg_am where amname = current_setting('default_table_access_method')))
    union all select 'a replica identity' from pg_class where oid = $1::text::oid and relreplident = 'i'
    union all select 'its order by an index' from pg_index where indrelid = $1::text::oid and indisclustered
    union all select 'rights that another role has granted' from pg_class c
        where c.oid = $1::text::oid and (exists (select from aclexplode(c.relacl) g where g.grantor <> c.relowner)
            or exists (select from pg_attribute a, aclexplode(a.attacl) g where a.attrelid = c.oid and g.grantor <> c.relowner))";

/// What holds a table.
pub async fn held(on: &mut PgConnection, oid: i64) -> sqlx::Result<Held> {
    let by = "select distinct 'view ' || c.relname from pg_depend d join pg_rewrite r on r.oid = d.objid \
              join pg_class c on c.oid = r.ev_class where d.classid = 'pg_rewrite'::regclass \
              and d.refclassid = 'pg_class'::regclass and d.refobjid = $1::text::oid and r.ev_class <> $1::text::oid \
              union all select 'trigger ' || tgname from pg_trigger where tgrelid = $1::text::oid and not tgisinternal \
              union all select 'policy ' || polname from pg_policy where polrelid = $1::text::oid \
              union all select 'a publication' from pg_publication_rel where prrelid = $1::text::oid \
              union all select 'statistics ' || stxname from pg_statistic_ext where stxrelid = $1::text::oid \
              union all select 'inheritance' from pg_inherits where inhparent = $1::text::oid or inhrelid = $1::text::oid \
              union all select 'partitions' from pg_class where oid = $1::text::oid and relkind <> 'r' order by 1";
    let mut by: Vec<String> = ask(on, by, oid).await?.iter().map(|row| row.get(0)).collect();
    by.extend(ask(on, OTHERS, oid).await?.iter().map(|row| row.get::<String, _>(0)));
    let sql = "select c.conrelid::int8, (select array_agg(a.attname::text order by k.n) \
               from unnest(c.confkey) with ordinality k(num, n) join pg_attribute a \
               on a.attrelid = c.confrelid and a.attnum = k.num) from pg_constraint c \
               where c.contype = 'f' and c.confrelid = $1::text::oid and c.conrelid <> $1::text::oid order by c.oid";
    let references = ask(on, sql, oid).await?.iter().map(|row| (row.get(0), row.get(1))).collect();
    Ok(Held { by, references })
}

/// Gives a staged table the indexes and defaults that only the old one knows. Says which index is to be called what.
pub async fn dress(
    on: &mut PgConnection,
    (schema, stage): (&str, &str),
    oid: i64,
    definition: &TableDefinition,
) -> sqlx::Result<Vec<(String, String)>> {
    let sql = "select c.relname::text, pg_get_indexdef(i.indexrelid), i.indisunique, \
               quote_ident(n.nspname) || '.' || quote_ident(t.relname), \
               (select array_agg(a.attname::text order by k.n) from unnest(i.indkey::int2[]) with ordinality k(num, n) \
                join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num), \
               coalesce((select string_agg(quote_ident(a.attname), ', ' order by k.n) from unnest(i.indkey::int2[]) \
                with ordinality k(num, n) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num), '') \
               from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid \
               join pg_namespace n on n.oid = t.relnamespace where i.indrelid = $1::text::oid and i.indisvalid \
               and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) \
               order by 1";
    let mut renames = vec![];
    for (number, row) in ask(on, sql, oid).await?.iter().enumerate() {
        let (name, made, unique, table): (String, String, bool, String) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let columns: Vec<String> = row.get::<Option<_>, _>(4).unwrap_or_default();
        // Others may be of the same columns and yet not the same: of another kind, or over a part of the rows.
        let plain = made.ends_with(&format!(" USING btree ({})", row.get::<String, _>(5)));
        let known = definition.indexes.iter().any(|index| index.name == name || plain && index.columns == columns);
        let gone = columns.iter().any(|column| definition.column(column).is_none());
        let Some((_, how)) = made.split_once(&format!(" ON {table} USING ")) else { continue };
        if gone || known || plain && unique && definition.unique.contains(&columns) {
            continue;
        }
        let (word, staged) = (if unique { "unique " } else { "" }, format!("{stage}_x{number}"));
        let to = within(schema, stage);
        run(on, format!("create {word}index {} on {to} using {how}", quote(&staged))).await?;
        renames.push((staged, name));
    }
    renames.extend(kept_constraints::dress(on, (schema, stage), oid, definition).await?);
    Ok(renames)
}

/// A table's comment, options and flags.
const TABLE: &str = "
    select 'comment on table ' || $2 || ' is ' || quote_literal(obj_description($1::text::oid, 'pg_class')), ''
        where obj_description($1::text::oid, 'pg_class') is not null
    union all select 'alter table ' || $2 || ' set (' || (select string_agg(quote_ident(split_part(o, '=', 1)) || ' = '
        || quote_literal(substr(o, strpos(o, '=') + 1)), ', ') from unnest(reloptions) o) || ')', ''
        from pg_class where oid = $1::text::oid and reloptions is not null
    union all select 'alter table ' || $2 || ' enable row level security', '' from pg_class
        where oid = $1::text::oid and relrowsecurity
    union all select 'alter table ' || $2 || ' force row level security', '' from pg_class
        where oid = $1::text::oid and relforcerowsecurity
    union all select 'alter table ' || $2 || ' replica identity ' || case relreplident when 'f' then 'full' else 'nothing' end, ''
        from pg_class where oid = $1::text::oid and relreplident in ('f', 'n')";

/// What counts by itself: its sequence has the name, the options and the rights of the old one, which steps aside until it goes.
const IDENTITY: &str = "
    with counted as (
        select a.attname, a.attidentity, s.*, c.oid, c.relname, c.relacl, c.relowner,
            quote_ident(n.nspname) || '.' || quote_ident(c.relname) as called
        from pg_attribute a join pg_depend d on d.refobjid = a.attrelid and d.refobjsubid = a.attnum and d.deptype = 'i'
            and d.classid = 'pg_class'::regclass join pg_sequence s on s.seqrelid = d.objid join pg_class c on c.oid = d.objid
            join pg_namespace n on n.oid = c.relnamespace where a.attrelid = $1::text::oid and a.attidentity <> ''
    )
    select sql, column_name from (
        select 1 as part, 'alter sequence ' || called || ' rename to ' || quote_ident('engine_old_' || oid) as sql,
            attname::text as column_name from counted
        union all select 2, 'alter table ' || $2 || ' alter ' || quote_ident(attname) || ' add generated '
            || case attidentity when 'a' then 'always' else 'by default' end || ' as identity (sequence name ' || called
            || ' start with ' || seqstart || ' increment by ' || seqincrement || ' minvalue ' || seqmin || ' maxvalue ' || seqmax
            || ' cache ' || seqcache || case when seqcycle then ' cycle)' else ')' end, attname::text from counted
        union all select 3, 'select setval(' || quote_literal(called) || ', ' || pg_sequence_last_value(oid) || ')', attname::text
            from counted where pg_sequence_last_value(oid) is not null
        union all select 4, 'grant ' || g.privilege_type || ' on sequence ' || called || ' to ' || case g.grantee when 0 then 'public'
            else quote_ident(pg_get_userbyid(g.grantee)) end || case when g.is_grantable then ' with grant option' else '' end,
            attname::text from counted, aclexplode(relacl) g where g.grantee <> relowner
    ) statements order by part";

/// How columns are kept.
const COLUMNS: &str = "
    select 'alter table ' || $2 || ' alter ' || quote_ident(a.attname) || ' set statistics ' || (to_jsonb(a) ->> 'attstattarget'),
        a.attname::text from pg_attribute a where a.attrelid = $1::text::oid and a.attnum > 0
        and coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1) >= 0
    union all select 'alter table ' || $2 || ' alter ' || quote_ident(a.attname) || ' set storage ' || case a.attstorage
        when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end, a.attname::text
        from pg_attribute a join pg_type t on t.oid = a.atttypid
        where a.attrelid = $1::text::oid and a.attnum > 0 and a.attstorage <> t.typstorage
    union all select 'alter table ' || $2 || ' alter ' || quote_ident(a.attname) || ' set compression ' || case
        to_jsonb(a) ->> 'attcompression' when 'l' then 'lz4' else 'pglz' end, a.attname::text from pg_attribute a
        where a.attrelid = $1::text::oid and a.attnum > 0 and coalesce(to_jsonb(a) ->> 'attcompression', '') <> ''
    union all select 'alter table ' || $2 || ' alter ' || quote_ident(a.attname) || ' set ('
        || array_to_string(a.attoptions, ', ') || ')', a.attname::text from pg_attribute a
        where a.attrelid = $1::text::oid and a.attnum > 0 and a.attoptions is not null";

/// Whose a table is, and who may do what with it: just those who might with the old one, whatever a new table grants to others.
const RIGHTS: &str = "
    with old as (select * from pg_class where oid = $1::text::oid),
    granted as (
        select 1 as part, n, g.grantee, g.privilege_type || ' on ' || $2 as what, g.is_grantable, '' as name
            from old, aclexplode(old.relacl) with ordinality g (grantor, grantee, privilege_type, is_grantable, n)
        union all select 2, a.attnum * 1000 + n, g.grantee, g.privilege_type || ' (' || quote_ident(a.attname) || ') on ' || $2,
            g.is_grantable, a.attname::text from pg_attribute a,
            aclexplode(a.attacl) with ordinality g (grantor, grantee, privilege_type, is_grantable, n)
            where a.attrelid = $1::text::oid and a.attnum > 0 and not a.attisdropped
    )
    select * from (
        select distinct 'revoke all on ' || $2 || ' from ' || case g.grantee when 0 then 'public'
            else quote_ident(pg_get_userbyid(g.grantee)) end, '', 0 as part, 0::int8 as n
            from pg_class c, aclexplode(c.relacl) g where c.oid = to_regclass($2) and g.grantee <> c.relowner
        union all select 'alter table ' || $2 || ' owner to ' || quote_ident(pg_get_userbyid(relowner)), '', 0, 1 from old
            where pg_get_userbyid(relowner) <> current_user
        union all select 'revoke all on ' || $2 || ' from ' || quote_ident(pg_get_userbyid(relowner)), '', 0, 2 from old
            where relacl is not null
        union all select 'grant ' || what || ' to ' || case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end
            || case when is_grantable and grantee <> (select relowner from old) then ' with grant option' else '' end, name, part, n from granted
    ) all_rights order by part, n";

/// Gives the new table the owner, rights, comments, sequences and defaults of the old one. Both are in the schema.
pub async fn carry_over(
    on: &mut PgConnection,
    (schema, table): (&str, &str),
    oid: i64,
    definition: &TableDefinition,
) -> sqlx::Result<()> {
    let to = within(schema, table);
    let sql = "select 'alter sequence ' || d.objid::regclass || ' owned by ' || $2 || '.' || quote_ident(a.attname), \
               a.attname::text from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S' \
               join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid \
               where d.refobjid = $1::text::oid and d.classid = 'pg_class'::regclass and d.deptype = 'a'";
    let mut statements = told(on, sql, oid, &to, definition).await?;
    let sql = "select 'alter table ' || $2 || ' alter ' || quote_ident(a.attname) || ' set default ' \
               || pg_get_expr(d.adbin, d.adrelid), a.attname::text from pg_attrdef d join pg_attribute a \
               on a.attrelid = d.adrelid and a.attnum = d.adnum where d.adrelid = $1::text::oid and a.attgenerated = ''";
    statements.extend(told(on, sql, oid, &to, definition).await?);
    statements.extend(told(on, IDENTITY, oid, &to, definition).await?);
    let sql = "select 'comment on column ' || $2 || '.' || quote_ident(a.attname) || ' is ' || \
               quote_literal(col_description(a.attrelid, a.attnum)), a.attname::text from pg_attribute a \
               where a.attrelid = $1::text::oid and a.attnum > 0 and col_description(a.attrelid, a.attnum) is not null";
    statements.extend(told(on, sql, oid, &to, definition).await?);
    for sql in [TABLE, COLUMNS, RIGHTS] {
        statements.extend(told(on, sql, oid, &to, definition).await?);
    }
    for statement in statements {
        run(on, statement).await?;
    }
    Ok(())
}

/// Statements that the catalog spells out, but for columns that the new table does not have.
async fn told(
    on: &mut PgConnection,
    sql: &str,
    oid: i64,
    to: &str,
    definition: &TableDefinition,
) -> sqlx::Result<Vec<String>> {
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(oid.to_string()).bind(to).fetch_all(on).await?;
    let pairs = rows.iter().map(|row| (row.get::<String, _>(0), row.get::<String, _>(1)));
    Ok(pairs.filter(|(_, c)| c.is_empty() || definition.column(c).is_some()).map(|(sql, _)| sql).collect())
}

/// The names of a table's keys and unique sets, by their columns.
pub async fn constraint_names(on: &mut PgConnection, oid: i64) -> sqlx::Result<Vec<(Vec<String>, String)>> {
    let sql = "select c.conname::text, (select array_agg(a.attname::text order by k.n) \
               from unnest(c.conkey) with ordinality k(num, n) join pg_attribute a \
               on a.attrelid = c.conrelid and a.attnum = k.num) from pg_constraint c \
               where c.contype in ('p', 'u') and c.conrelid = $1::text::oid";
    Ok(ask(on, sql, oid).await?.iter().map(|row| (row.get(1), row.get(0))).collect())
}

/// Gives the new table's keys and indexes their lasting names, where those are free.
pub async fn name_rules(
    on: &mut PgConnection,
    (schema, table, stage): (&str, &str, &str),
    definition: &TableDefinition,
    old: &[(Vec<String>, String)],
    extra: &[(String, String)],
) -> sqlx::Result<()> {
    let mut renames: Vec<(String, String)> = extra.to_vec();
    let kept = |columns: &[String]| old.iter().find(|(c, _)| c == columns).map(|(_, name)| name.clone());
    if !definition.key.is_empty() {
        renames.push((format!("{stage}_pkey"), kept(&definition.key).unwrap_or_else(|| cut(table, "_pkey"))));
    }
    for (i, columns) in definition.unique.iter().enumerate() {
        let name = kept(columns).unwrap_or_else(|| cut(&format!("{table}_{}", columns.join("_")), "_key"));
        renames.push((format!("{stage}_u{i}"), name));
    }
    for (i, index) in definition.indexes.iter().enumerate() {
        renames.push((format!("{stage}_i{i}"), cut(&index.name, "")));
    }
    for (from, to) in renames {
        let sql = "select to_regclass($1) is null";
        let mut name = to.clone();
        for again in 1..100 {
            let free: bool = sqlx::query(sql).bind(within(schema, &name)).fetch_one(&mut *on).await?.get(0);
            if free {
                break;
            }
            name = cut(&to, &format!("_{again}"));
        }
        run(on, format!("alter index {} rename to {}", within(schema, &from), quote(&name))).await?;
    }
    name_checks(on, (schema, table, stage)).await
}

/// Checks without a name of their own were named after staging.
async fn name_checks(on: &mut PgConnection, (schema, table, stage): (&str, &str, &str)) -> sqlx::Result<()> {
    let at = within(schema, table);
    let sql = "select conname::text from pg_constraint \
               where conrelid = to_regclass($1) and contype = 'c' and starts_with(conname::text, $2)";
    let found = sqlx::query(sql).bind(&at).bind(stage).fetch_all(&mut *on).await?;
    for from in found.iter().map(|row| row.get::<String, _>(0)) {
        let to = cut(table, &from[stage.len()..]);
        run(on, format!("alter table {at} rename constraint {} to {}", quote(&from), quote(&to))).await?;
    }
    Ok(())
}

/// A name with an ending, as long as PostgreSQL keeps it.
pub fn cut(name: &str, ending: &str) -> String {
    let mut end = name.len().min(super::server::LONGEST_NAME - ending.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &name[..end])
}
