//! References between tables: who holds a table in its place, and whether each finds its row.

use super::Staged;
use crate::{
    connectors::mysql::{
        describe::text,
        server::{Server, ask},
        statement::{self, literal, quote},
    },
    hub::error::{Blame, Result},
};
use engine_language::table::ForeignKey;
use futures::{StreamExt, TryStreamExt, stream};
use sqlx::{AssertSqlSafe, MySqlConnection};

/// References that are checked at once.
const AT_ONCE: usize = 2;

/// A foreign key.
#[derive(Clone, Debug)]
pub struct Reference {
    pub database: String,
    pub table: String,
    columns: Vec<String>,
    to_database: String,
    pub to_table: String,
    to: Vec<String>,
}

impl Reference {
    /// A table's own, to a table that is called `parent` for now.
    pub fn own(server: &Server, table: &str, key: &ForeignKey, parent: &str) -> Self {
        let database = server.database().to_owned();
        Self {
            database: database.clone(),
            table: table.into(),
            columns: key.columns.clone(),
            to_database: database,
            to_table: parent.into(),
            to: key.to.clone(),
        }
    }

    /// The table of a publication that it belongs to.
    pub fn of(&self, staged: &Staged) -> Option<usize> {
        let ours = self.database == staged.server.database();
        let found = staged.publication.tables.iter().position(|target| target.table.as_str() == self.table);
        found.filter(|_| ours)
    }

    /// That each row which refers finds its row. `tables` are what users call them. `kept` rows stay as they are until the
    /// transaction ends; of staging nobody else knows.
    pub async fn check(
        &self,
        server: &Server,
        on: &mut MySqlConnection,
        tables: (&str, &str),
        kept: bool,
    ) -> Result<()> {
        let doing = format!("publishing `{}`", tables.0);
        let child = format!("{}.{}", quote(&self.database), quote(&self.table));
        let parent = format!("{}.{}", quote(&self.to_database), quote(&self.to_table));
        let lock = if kept { " lock in share mode" } else { "" };
        let sql = statement::orphan(&child, &self.columns, &parent, &self.to) + lock;
        let found = ask(on, &sql, &[]).await.map_err(|error| server.fault(&doing, error))?;
        if found.is_empty() {
            return Ok(());
        }
        let columns = self.columns.join(", ");
        let message =
            format!("a row of `{}` ({columns}) refers to a row of `{}` that is not there", tables.0, tables.1);
        Err(server.error(&doing, Blame::Data, message))
    }
}

/// Checks references of staging tables, each with what users call its two tables; some at once.
pub async fn check_all(staged: &Staged, references: Vec<(Reference, String, String)>) -> Result<()> {
    let checks: Vec<_> = references.into_iter().map(|reference| check_one(staged.server.clone(), reference)).collect();
    stream::iter(checks).buffer_unordered(AT_ONCE).try_collect().await
}

async fn check_one(server: Server, (reference, table, to): (Reference, String, String)) -> Result<()> {
    let check = async |on: &mut MySqlConnection| reference.check(&server, on, (&table, &to), false).await;
    server.briefly("comparing references", check).await
}

/// What would stay with a table if another took its place.
pub async fn holds(server: &Server, on: &mut MySqlConnection, table: &str) -> sqlx::Result<Vec<String>> {
    let database = server.database();
    let sql = "select concat('trigger ', trigger_name) from information_schema.triggers \
               where event_object_schema = ? and event_object_table = ? \
               union all select case when table_type = 'BASE TABLE' then 'partitions' else 'versions of its rows' end \
               from information_schema.tables where table_schema = ? and table_name = ? \
               and (table_type <> 'BASE TABLE' or create_options like '%partitioned%')";
    let rows = ask(on, sql, &[database, table, database, table]).await?;
    let mut holds: Vec<String> = rows.iter().filter_map(|row| text(row, 0)).collect();
    if !sees_triggers(on, database, table).await? {
        holds.push("triggers that this account may not see".into());
    }
    Ok(holds)
}

/// What refers to some tables from others. Asked for all of them at once: the server looks at every table that it has.
pub async fn to(server: &Server, on: &mut MySqlConnection, tables: &[&str]) -> sqlx::Result<Vec<Reference>> {
    if tables.is_empty() {
        return Ok(vec![]);
    }
    let database = server.database();
    let each: Vec<String> = tables.iter().map(|table| literal(table)).collect();
    let query = |within: &str| {
        format!(
            "select table_schema, table_name, constraint_name, column_name, referenced_table_name, \
             referenced_column_name from information_schema.key_column_usage where referenced_table_schema = {} \
             and referenced_table_name in ({}){within} order by table_schema, table_name, constraint_name, ordinal_position",
            literal(database),
            each.join(", ")
        )
    };
    let queries = databases(server, on).await?.iter().map(|within| query(within)).collect::<Vec<_>>();
    let mut references: Vec<Reference> = vec![];
    let mut last = String::new();
    for row in sqlx::raw_sql(AssertSqlSafe(queries.join("; "))).fetch_all(on).await? {
        let [schema, child, name, column, to_table, to] =
            [0, 1, 2, 3, 4, 5].map(|at| text(&row, at).unwrap_or_default());
        // A table's own references go with it.
        if schema == database && child == to_table {
            continue;
        }
        let key = format!("{schema}.{child}.{name}");
        if key != last {
            let (columns, to_database, to) = (vec![], database.to_owned(), vec![]);
            references.push(Reference { database: schema, table: child, columns, to_database, to_table, to });
            last = key;
        }
        let reference = references.last_mut().expect("one was just added");
        reference.columns.push(column);
        reference.to.push(to);
    }
    Ok(references)
}

/// Conditions that together hold for all databases which may refer to ours. MariaDB opens every table that a condition
/// leaves possible, and a hundred views of its own if they are among them.
async fn databases(server: &Server, on: &mut MySqlConnection) -> sqlx::Result<Vec<String>> {
    if !server.known_product().mariadb {
        return Ok(vec![String::new()]);
    }
    let sql = "select schema_name from information_schema.schemata \
               where schema_name not in ('information_schema', 'mysql', 'performance_schema', 'sys')";
    let rows = ask(on, sql, &[]).await?;
    let names = rows.iter().filter_map(|row| text(row, 0));
    Ok(names.map(|name| format!(" and table_schema = {}", literal(&name))).collect())
}

/// Whether the account would see triggers: without the right they are hidden, and would go with the old table.
async fn sees_triggers(on: &mut MySqlConnection, database: &str, table: &str) -> sqlx::Result<bool> {
    let sql = "select 1 from information_schema.user_privileges where privilege_type = 'TRIGGER' \
               union all select 1 from information_schema.schema_privileges where privilege_type = 'TRIGGER' \
               and ? like table_schema \
               union all select 1 from information_schema.table_privileges where privilege_type = 'TRIGGER' \
               and table_schema = ? and table_name = ? limit 1";
    Ok(!ask(on, sql, &[database, database, table]).await?.is_empty())
}
