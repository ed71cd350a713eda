//! What tables look like.

use super::{
    server::{Server, ask},
    statement::quote,
    types::{self, Base, Kind},
};
use crate::hub::{
    error::{Blame, Result},
    policy::{Chosen, Types},
};
use engine_language::{
    column::ColumnType,
    name::Name,
    table::{Column, ForeignKey, Index, RowCheck, TableDefinition},
};
use sqlx::{PgConnection, Row};

/// A table as it stands in the catalog.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its number.
    pub oid: i64,
    /// `r` table, `p` partitioned, `v` view, `m` materialized view, `f` foreign.
    pub sort: String,
    /// Whether other tables inherit from it.
    pub inherited: bool,
    /// Whether policies choose the rows that this role sees.
    pub guarded: bool,
    pub columns: Vec<Carried>,
    pub definition: TableDefinition,
}

impl Relation {
    /// Whether COPY gives all of its rows if it is named as it is.
    pub fn plain(&self) -> bool {
        self.sort == "r" && !self.inherited
    }
}

/// A column and how it is carried.
#[derive(Clone, Debug)]
pub struct Carried {
    pub name: String,
    pub kind: Kind,
    /// Its type in PostgreSQL's words.
    pub declared: String,
    /// Whether it is computed.
    pub computed: bool,
    /// Whether equal texts have the same bytes.
    pub exact: bool,
    /// The function that gives its bytes.
    pub send: String,
    /// What the user chose for its values.
    pub chosen: Chosen,
}

impl Carried {
    /// What reads it.
    pub fn expression(&self) -> String {
        if self.kind.as_text { self.text() } else { quote(&self.name) }
    }

    /// What makes text of it, as PostgreSQL shows it. Only a cast of `inet` shows the mask of a single host.
    pub fn text(&self) -> String {
        let name = quote(&self.name);
        if self.send == "inet_send" { format!("abbrev({name})") } else { format!("{name}::text") }
    }
}

/// How a table is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    pub schema: &'a str,
    /// What the user chose for values that cannot be carried.
    pub types: &'a Types,
    /// Whether its rows only pass to another PostgreSQL.
    pub passing: bool,
}

/// The tables and views that are the user's, sorted.
pub async fn tables(server: &Server) -> Result<Vec<Name>> {
    let sql = "select relname::text from pg_class where relnamespace = (select oid from pg_namespace where nspname = $1) \
               and relkind in ('r', 'p', 'v', 'm', 'f') and not relispartition and relname not like 'engine\\_%'";
    let doing = "listing tables";
    let rows = server.rows(doing, sql, &[server.schema()]).await?;
    let there = "select to_regnamespace(quote_ident($1)) is not null";
    if rows.is_empty() && !server.rows(doing, there, &[server.schema()]).await?[0].get::<bool, _>(0) {
        let message = format!("there is no schema `{}`", server.schema());
        return Err(server.error(doing, Blame::User, message).hint("check `schema`, or create it"));
    }
    let mut names: Vec<Name> = rows.iter().map(|row| row.get::<String, _>(0).into()).collect();
    names.sort();
    Ok(names)
}

/// What stands for a table: the row of it, or none.
pub const RELATION: &str = "select c.oid::int8, c.relkind::text, c.relhassubclass, row_security_active(c.oid) \
    from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')";

/// A table; `None` if it is not there.
pub async fn relation(on: &mut PgConnection, look: Lookup<'_>, table: &str) -> sqlx::Result<Option<Relation>> {
    let found = ask(on, RELATION, &[look.schema, table]).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let mut relation = Relation {
        oid: row.get(0),
        sort: row.get(1),
        inherited: row.get(2),
        guarded: row.get(3),
        columns: vec![],
        definition: TableDefinition::default(),
    };
    columns(on, look, table, &mut relation).await?;
    constraints(on, &mut relation).await?;
    indexes(on, &mut relation).await?;
    unsaid(on, &mut relation).await?;
    Ok(Some(relation))
}

/// A domain is looked through to what it is a domain of, but for our own.
const COLUMNS: &str = "
select a.attname::text, a.attnotnull, format_type(a.atttypid, a.atttypmod),
       case when b.typtype = 'e' then 'enum' when b.typtype in ('b', 'r', 'm') or b.typname = 'engine_ubigint'
            then b.typname::text else '' end,
       b.oid::int8, b.modifier, format_type(b.oid, b.modifier), b.typsend <> 0 and b.typreceive <> 0,
       case i.typtype when 'e' then 'enum' when 'b' then i.typname::text end, i.oid::int8,
       pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text,
       coalesce((select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e where e.enumtypid = b.oid), '{}'),
       coalesce(o.collisdeterministic, true), b.typsend::regproc::text, b.typname::text
from pg_attribute a
cross join lateral (
    with recursive base as (
        select t.*, a.atttypmod as modifier from pg_type t where t.oid = a.atttypid
        union all
        select n.*, base.typtypmod from base join pg_type n on n.oid = base.typbasetype
        where base.typtype = 'd' and base.typname <> 'engine_ubigint'
    )
    select * from base where typtype <> 'd' or typname = 'engine_ubigint'
) b
left join pg_type i on i.oid = b.typelem and b.typcategory = 'A' and b.typname not in ('int2vector', 'oidvector')
left join pg_collation o on o.oid = a.attcollation
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = $1::text::oid and a.attnum > 0 and not a.attisdropped
order by a.attnum";

async fn columns(on: &mut PgConnection, look: Lookup<'_>, table: &str, relation: &mut Relation) -> sqlx::Result<()> {
    for row in ask(on, COLUMNS, &[&relation.oid.to_string()]).await? {
        let name: String = row.get(0);
        let number = |at: usize| row.get::<Option<i64>, _>(at).and_then(|n| u32::try_from(n).ok());
        let base = Base {
            name: row.get(3),
            number: number(4).unwrap_or_default(),
            modifier: row.get(5),
            own: row.get(15),
            declared: row.get(6),
            binary: row.get(7),
            items: row.get::<Option<String>, _>(8).zip(number(9)),
        };
        let chosen = look.types.column(table, &name);
        let kind = kind(&base, look.passing, &chosen);
        let computed = !row.get::<String, _>(11).is_empty();
        let default = row.get::<Option<String>, _>(10).filter(|_| !computed);
        relation.definition.columns.push(Column {
            nullable: !row.get::<bool, _>(1) || !chosen.exact(),
            default: default.as_deref().and_then(constant),
            labels: row.get(12),
            native: base.native(&kind).filter(|_| chosen.r#as.is_none()),
            ..Column::new(&name, kind.column.clone())
        });
        let (exact, send) = (row.get(13), row.get(14));
        relation.columns.push(Carried { name, kind, declared: row.get(2), computed, exact, send, chosen });
    }
    Ok(())
}

fn kind(base: &Base, passing: bool, chosen: &Chosen) -> Kind {
    match &chosen.r#as {
        Some(ColumnType::Text(None)) => types::text(),
        Some(ColumnType::Decimal(p, s)) if base.name == "numeric" => types::decimal(*p, *s),
        _ if passing => base.passing(),
        _ => base.kind(),
    }
}

/// What the catalog knows of a table beyond its definition.
async fn unsaid(on: &mut PgConnection, relation: &mut Relation) -> sqlx::Result<()> {
    let sql = "
        select 'the type `' || format_type(a.atttypid, null) || '` of column `' || a.attname || '`' from pg_attribute a
            join pg_type t on t.oid = a.atttypid where a.attrelid = $1::text::oid and a.attnum > 0 and not a.attisdropped
            and t.oid >= 16384 and t.typtype <> 'e' and t.typname <> 'engine_ubigint'
        union all select 'the collation of column `' || a.attname || '`' from pg_attribute a join pg_collation c
            on c.oid = a.attcollation where a.attrelid = $1::text::oid and not a.attisdropped and not c.collisdeterministic
        union all select 'how column `' || attname || '` is computed' from pg_attribute
            where attrelid = $1::text::oid and attgenerated <> ''
        union all select 'the index `' || c.relname || '`' from pg_index i join pg_class c on c.oid = i.indexrelid
            where i.indrelid = $1::text::oid and (i.indexprs is not null or i.indpred is not null or i.indnatts <> i.indnkeyatts
            or c.relam <> (select oid from pg_am where amname = 'btree'))
            and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
        union all select 'the constraint `' || conname || '`' from pg_constraint where conrelid = $1::text::oid and contype = 'x'
        union all select 'its row security' from pg_class where oid = $1::text::oid and relrowsecurity
        union all select 'the way it is partitioned' from pg_class where oid = $1::text::oid and relkind = 'p'
        order by 1";
    let found = ask(on, sql, &[&relation.oid.to_string()]).await?;
    relation.definition.unsaid.extend(found.iter().map(|row| row.get::<String, _>(0)));
    relation.definition.unsaid.sort();
    Ok(())
}

/// A default that other systems understand too, in standard SQL.
fn constant(expression: &str) -> Option<String> {
    if expression == "now()" || expression == "CURRENT_TIMESTAMP" {
        return Some("CURRENT_TIMESTAMP".into());
    }
    let literal = uncast(expression);
    let inner = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let text = inner.is_some_and(|inner| !inner.replace("''", "").contains('\''));
    let number = literal.parse::<f64>().is_ok() && literal.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    (text || number || ["true", "false"].contains(&literal)).then(|| literal.to_owned())
}

/// Without the cast that PostgreSQL writes behind every literal.
fn uncast(expression: &str) -> &str {
    match expression.rfind("::") {
        Some(at) if !expression[at..].contains('\'') => &expression[..at],
        _ => expression,
    }
}

async fn constraints(on: &mut PgConnection, relation: &mut Relation) -> sqlx::Result<()> {
    let sql = "select c.conname::text, c.contype::text, pg_get_expr(c.conbin, c.conrelid), f.relname::text, \
               (select array_agg(a.attname::text order by k.n) from unnest(c.conkey) with ordinality k(num, n) \
                join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num), \
               (select array_agg(a.attname::text order by k.n) from unnest(c.confkey) with ordinality k(num, n) \
                join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.num), \
               f.relnamespace is distinct from (select relnamespace from pg_class where oid = c.conrelid), \
               c.confrelid::regclass::text \
               from pg_constraint c left join pg_class f on f.oid = c.confrelid \
               where c.conrelid = $1::text::oid order by c.oid";
    for row in ask(on, sql, &[&relation.oid.to_string()]).await? {
        let columns: Option<Vec<String>> = row.get(4);
        let columns = columns.unwrap_or_default();
        let definition = &mut relation.definition;
        match row.get::<String, _>(1).as_str() {
            "p" => definition.key = columns,
            "u" => definition.unique.push(columns),
            "c" => {
                let sql = super::standard_sql::sql(&row.get::<String, _>(2));
                definition.checks.push(RowCheck { name: Some(row.get(0)), sql });
            }
            // A table of another schema is another one than that of its name here.
            "f" if row.get(6) => {
                let what = format!("the reference of ({}) to `{}`", columns.join(", "), row.get::<String, _>(7));
                definition.unsaid.push(what);
            }
            "f" => {
                let to: Option<Vec<String>> = row.get(5);
                let table = row.get::<Option<String>, _>(3).unwrap_or_default();
                definition.foreign_keys.push(ForeignKey { columns, table, to: to.unwrap_or_default() });
            }
            _ => {}
        }
    }
    Ok(())
}

async fn indexes(on: &mut PgConnection, relation: &mut Relation) -> sqlx::Result<()> {
    let sql = "select c.relname::text, i.indisunique, \
               (select array_agg(a.attname::text order by k.n) from unnest(i.indkey::int2[]) with ordinality k(num, n) \
                join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.num) \
               from pg_index i join pg_class c on c.oid = i.indexrelid \
               where i.indrelid = $1::text::oid and i.indexprs is null and i.indpred is null and i.indisvalid \
               and not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) \
               and i.indnatts = i.indnkeyatts and c.relam = (select oid from pg_am where amname = 'btree') order by c.relname";
    for row in ask(on, sql, &[&relation.oid.to_string()]).await? {
        let columns: Vec<String> = row.get::<Option<_>, _>(2).unwrap_or_default();
        if row.get(1) {
            relation.definition.unique.push(columns);
        } else {
            relation.definition.indexes.push(Index { name: row.get(0), columns });
        }
    }
    Ok(())
}
