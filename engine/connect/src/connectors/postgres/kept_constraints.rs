//! Constraints and comments that a table has beside its definition, for the new table that takes its place.

use super::{
    statement::{names, quote, within},
    table_swap::{ask, run},
};
use engine_language::table::{ForeignKey, TableDefinition};
use sqlx::{AssertSqlSafe, PgConnection, Row};

/// What a new table gets once it has the name of the old one. Texts name tables as they are called by then.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    foreign_keys: Vec<KeptForeignKey>,
    /// Names of constraints and indexes, and the statements that comment on them.
    comments: Vec<(String, String)>,
}

/// A foreign key as the catalog spells it out.
#[derive(Clone, Debug)]
struct KeptForeignKey {
    name: String,
    text: String,
    columns: Vec<String>,
    table: String,
    to: Vec<String>,
}

impl KeptForeignKey {
    fn is(&self, key: &ForeignKey, schema: &str) -> bool {
        self.columns == key.columns && self.to == key.to && self.table == within(schema, &key.table)
    }
}

impl Kept {
    /// Of a table that is still in its place.
    pub async fn of(on: &mut PgConnection, (schema, table): (&str, &str), oid: i64) -> sqlx::Result<Self> {
        let sql = "select c.conname::text, pg_get_constraintdef(c.oid), \
                   (select array_agg(a.attname::text order by k.n) from unnest(c.conkey) with ordinality k(num, n) \
                    join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.num), n.nspname::text, f.relname::text, \
                   (select array_agg(a.attname::text order by k.n) from unnest(c.confkey) with ordinality k(num, n) \
                    join pg_attribute a on a.attrelid = c.confrelid and a.attnum = k.num) \
                   from pg_constraint c join pg_class f on f.oid = c.confrelid join pg_namespace n on n.oid = f.relnamespace \
                   where c.conrelid = $1::text::oid and c.contype = 'f' order by c.oid";
        let found = ask(on, sql, oid).await?;
        let foreign_keys = found.iter().map(|row| KeptForeignKey {
            name: row.get(0),
            text: row.get(1),
            columns: row.get(2),
            table: within(&row.get::<String, _>(3), &row.get::<String, _>(4)),
            to: row.get(5),
        });
        let foreign_keys: Vec<KeptForeignKey> = foreign_keys.collect();
        let sql = "select c.conname::text, 'comment on constraint ' || quote_ident(c.conname) || ' on ' || $2 || ' is ' \
                   || quote_literal(obj_description(c.oid, 'pg_constraint')) from pg_constraint c \
                   where c.conrelid = $1::text::oid and obj_description(c.oid, 'pg_constraint') is not null \
                   union all select c.relname::text, 'comment on index ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname) \
                   || ' is ' || quote_literal(obj_description(c.oid, 'pg_class')) from pg_index i join pg_class c on c.oid = i.indexrelid \
                   join pg_namespace n on n.oid = c.relnamespace \
                   where i.indrelid = $1::text::oid and obj_description(c.oid, 'pg_class') is not null";
        let found = sqlx::query(sql).bind(oid.to_string()).bind(within(schema, table)).fetch_all(on).await?;
        Ok(Self { foreign_keys, comments: found.iter().map(|row| (row.get(0), row.get(1))).collect() })
    }

    /// Makes the references to other tables: those of the definition, as the old table had them if it had, and others of its
    /// own. All tables of the publication are in their places.
    pub async fn refer(
        &self,
        on: &mut PgConnection,
        (schema, table): (&str, &str),
        definition: &TableDefinition,
    ) -> sqlx::Result<()> {
        let at = within(schema, table);
        let text =
            |kept: &KeptForeignKey| format!("alter table {at} add constraint {} {}", quote(&kept.name), kept.text);
        for key in &definition.foreign_keys {
            let kept = self.foreign_keys.iter().find(|kept| kept.is(key, schema));
            let added = || {
                let (columns, to) = (names(&key.columns), names(&key.to));
                let table = within(schema, &key.table);
                format!("alter table {at} add foreign key ({columns}) references {table} ({to})")
            };
            run(on, kept.map_or_else(added, text)).await?;
        }
        for kept in &self.foreign_keys {
            let known = definition.foreign_keys.iter().any(|key| kept.is(key, schema));
            let gone = kept.columns.iter().any(|column| definition.column(column).is_none());
            if known || gone || !is_there(on, &kept.table).await? {
                continue;
            }
            run(on, text(kept)).await?;
        }
        Ok(())
    }

    /// Comments on the constraints and indexes that the new table has too. They have their names.
    pub async fn comment(&self, on: &mut PgConnection, (schema, table): (&str, &str)) -> sqlx::Result<()> {
        if self.comments.is_empty() {
            return Ok(());
        }
        let sql = "select conname::text from pg_constraint where conrelid = to_regclass($1) \
                   union all select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid \
                   where i.indrelid = to_regclass($1)";
        let rows = sqlx::query(sql).bind(within(schema, table)).fetch_all(&mut *on).await?;
        let there: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        for (name, sql) in &self.comments {
            if there.contains(name) {
                run(on, sql.clone()).await?;
            }
        }
        Ok(())
    }
}

async fn is_there(on: &mut PgConnection, table: &str) -> sqlx::Result<bool> {
    Ok(sqlx::query("select to_regclass($1) is not null").bind(table).fetch_one(on).await?.get(0))
}

/// Gives a staging table the checks, unique sets and exclusions that only the old table has. Says which index is to be called
/// what.
pub async fn dress(
    on: &mut PgConnection,
    (schema, stage): (&str, &str),
    oid: i64,
    definition: &TableDefinition,
) -> sqlx::Result<Vec<(String, String)>> {
    let to = within(schema, stage);
    let sql = "select conname::text, contype::text, pg_get_constraintdef(oid), \
               coalesce((select array_agg(a.attname::text) from unnest(conkey) k(num) join pg_attribute a \
               on a.attrelid = conrelid and a.attnum = k.num), '{}') \
               from pg_constraint where conrelid = $1::text::oid and contype in ('c', 'u', 'x') order by oid";
    let old = ask(on, sql, oid).await?;
    let stage_oid: i64 =
        sqlx::query(AssertSqlSafe("select to_regclass($1)::oid::int8")).bind(&to).fetch_one(&mut *on).await?.get(0);
    let new = ask(on, sql, stage_oid).await?;
    let mut renames = vec![];
    for (number, row) in old.iter().enumerate() {
        let (name, sort, text, columns): (String, String, String, Vec<String>) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        let same = |new: &sqlx::postgres::PgRow| {
            new.get::<String, _>(2) == text || sort == "c" && new.get::<String, _>(0) == name
        };
        if new.iter().any(same) || columns.iter().any(|column| definition.column(column).is_none()) {
            continue;
        }
        let mut called = name.clone();
        if sort != "c" {
            called = format!("{stage}_k{number}");
            renames.push((called.clone(), name));
        }
        run(on, format!("alter table {to} add constraint {} {text}", quote(&called))).await?;
    }
    Ok(renames)
}
