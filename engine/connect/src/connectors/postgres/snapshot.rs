//! Reading tables as of one instant.
//!
//! A coordinator holds a transaction whose snapshot all readers take over, and locks that keep the tables from being
//! replaced meanwhile. Each part of a table is read by a connection of its own, which is closed whatever happens.

use super::{
    describe::{self, Lookup, Relation},
    increment::{self, Increment},
    read_lock,
    scan_ranges::{self, Part},
    server::Server,
    statement::{literal, within},
    table::{Table, TableLocation, Through},
    table_swap::run,
    types::KIND,
    version::TableInstant,
    write_counters,
};
use crate::{
    arrow::types,
    hub::{
        error::{Blame, Error, Result},
        rejected::Rejects,
        source::{OpenTable, ReadRequest, Snapshot, TableRequest},
    },
    sql::aggregate::AggregatingTable,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row};
use std::{fmt, fmt::Write as _, sync::Arc};
use tokio::sync::Mutex;

/// As long as an instant may be held open: the server keeps all that was deleted since.
const OLDEST: &str = "24h";

/// A transaction that holds an instant open.
pub struct Coordinator {
    /// Its name for others.
    snapshot: String,
    /// What the instant is, for versions.
    pub instant: String,
    server: Server,
    /// `None` once this is dropped.
    connection: Mutex<Option<PgConnection>>,
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        if let Some(on) = self.connection.get_mut().take() {
            self.server.rest(on, "rollback; ");
        }
    }
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

impl Coordinator {
    /// Begins a transaction that sees what the coordinator sees.
    pub async fn join(&self, on: &mut PgConnection) -> sqlx::Result<()> {
        let snapshot = literal(&self.snapshot);
        run(on, format!("begin isolation level repeatable read read only; set transaction snapshot {snapshot}")).await
    }

    /// That the instant and the locks were held until now. Without them a table might have been replaced between two parts,
    /// and as of this instant the new one is empty.
    pub async fn held(&self, doing: &str) -> Result<()> {
        let gone =
            |error| self.server.error(doing, Blame::System, format!("the snapshot that is read is gone: {error}"));
        let mut connection = self.connection.lock().await;
        let on = connection.as_mut().expect("whoever asks has this");
        on.ping().await.map_err(|error| gone(error).hint("run again").later())
    }
}

/// Opens tables as of one instant.
pub async fn open(server: &Server, request: ReadRequest) -> Result<Snapshot> {
    let (coordinator, opened) = coordinate(server, &request).await?;
    let coordinator = Arc::new(coordinator);
    let tables = request.tables.iter().zip(opened).map(|(asked, opened)| {
        let rejected = Rejects::default();
        let place = TableLocation {
            plain: opened.relation.plain(),
            key: opened.relation.definition.key.clone(),
            columns: opened.relation.columns,
            parts: opened.parts,
            passing: asked.bound_for == Some(KIND),
            conditions: opened.increment.conditions,
            through: Through::Own(Some(coordinator.clone())),
            replaced: rejected.replaced.clone(),
            ..TableLocation::new(server.clone(), asked.table.to_string())
        };
        let table = Arc::new(Table::new(types::schema(&opened.relation.definition), place));
        OpenTable {
            provider: Arc::new(AggregatingTable(table.clone())),
            definition: opened.relation.definition,
            next: opened.increment.next,
            more: false,
            size_bytes: opened.size_bytes,
            rejected,
            instant: Some(Arc::new(TableInstant { table, coordinator: coordinator.clone(), writes: opened.writes })),
        }
    });
    Ok(Snapshot { tables: tables.collect() })
}

/// A table as it was found, and what is to be read of it.
pub struct Opened {
    relation: Relation,
    parts: Vec<Part>,
    size_bytes: Option<u64>,
    increment: Increment,
    writes: Option<String>,
}

/// Takes an instant, and looks at the tables as of it.
pub async fn coordinate(server: &Server, request: &ReadRequest) -> Result<(Coordinator, Vec<Opened>)> {
    let doing = match request.tables.as_slice() {
        [one] => format!("opening `{}`", one.table),
        all => format!("opening {} tables", all.len()),
    };
    let fault = |error| server.fault(&doing, error);
    let mut on = server.connect(&doing).await?;
    let version = server.known_facts().version;
    let names = request.tables.iter().map(|asked| asked.table.as_str());
    read_lock::share(&mut on, server.schema(), names).await.map_err(fault)?;
    let lockable = lockable(server, &doing, &mut on, request).await?;
    // Before the instant: what is counted by then is seen by it.
    let names: Vec<&str> = request.tables.iter().map(|asked| asked.table.as_str()).collect();
    let writes = write_counters::of(server, &mut on, &names).await.map_err(fault)?;
    run(&mut on, beginning(version, &lockable)).await.map_err(fault)?;
    let sql = format!("select pg_export_snapshot(), {}", write_counters::instant());
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut on).await.map_err(fault)?;
    let (snapshot, instant): (String, String) = (row.get(0), row.get(1));
    let mut opened = vec![];
    for (asked, writes) in request.tables.iter().zip(writes) {
        let look = Lookup { passing: asked.bound_for == Some(KIND), ..server.look() };
        let found = describe::relation(&mut on, look, asked.table.as_str()).await.map_err(fault)?;
        let relation = found.ok_or_else(|| missing(server, &doing, asked.table.as_str()))?;
        chosen_fits(server, asked, &relation)?;
        let parts = scan_ranges::of(&mut on, server.schema(), asked.table.as_str(), &relation, version).await;
        let increment = increment::of(server, &mut on, asked, &relation).await?;
        let (parts, size_bytes) = parts.map_err(fault)?;
        opened.push(Opened { relation, parts, size_bytes, increment, writes });
    }
    run(&mut on, "set local plan_cache_mode to default").await.map_err(fault)?;
    let connection = Mutex::new(Some(on));
    Ok((Coordinator { snapshot, instant, server: server.clone(), connection }, opened))
}

/// The statements that begin a transaction to be held for long, with its tables locked against being replaced.
fn beginning(version: i32, lockable: &[String]) -> String {
    let mut sql = format!(
        "begin isolation level repeatable read read only; \
                           set local idle_in_transaction_session_timeout = '{OLDEST}'"
    );
    // The same questions are asked of each table: the server plans each of them once.
    sql.push_str("; set local plan_cache_mode = force_generic_plan");
    if version >= 170_000 {
        sql.push_str("; set local transaction_timeout = 0");
    }
    if !lockable.is_empty() {
        write!(sql, "; lock table {} in access share mode", lockable.join(", ")).expect("text can be written to");
    }
    sql
}

/// The tables that can be locked. What may be locked besides depends on the version and on rights; what is not locked
/// is not ours to replace either.
async fn lockable(server: &Server, doing: &str, on: &mut PgConnection, request: &ReadRequest) -> Result<Vec<String>> {
    let names: Vec<&str> = request.tables.iter().map(|asked| asked.table.as_str()).collect();
    let sql = "select t.name, c.oid is not null, c.relkind in ('r', 'p') and has_table_privilege(c.oid, 'select') \
               from unnest($1::text[]) with ordinality t(name, n) left join (pg_class c join pg_namespace s \
               on s.oid = c.relnamespace and s.nspname = $2) on c.relname = t.name order by t.n";
    let found = sqlx::query(sql).bind(&names).bind(server.schema()).fetch_all(on).await;
    let mut lockable = vec![];
    for row in found.map_err(|error| server.fault(doing, error))? {
        let (name, there, ours): (String, bool, Option<bool>) = (row.get(0), row.get(1), row.get(2));
        if !there {
            return Err(missing(server, doing, &name));
        }
        if ours == Some(true) {
            lockable.push(within(server.schema(), &name));
        }
    }
    Ok(lockable)
}

fn missing(server: &Server, doing: &str, table: &str) -> Error {
    let message = format!("there is no table `{table}` in schema `{}`", server.schema());
    server.error(doing, Blame::User, message).absent("check the table's name and `schema`")
}

/// That the types that the user chose can be had.
fn chosen_fits(server: &Server, asked: &TableRequest, relation: &Relation) -> Result<()> {
    for column in &relation.columns {
        let Some(wanted) = column.chosen.r#as.as_ref().filter(|wanted| **wanted != column.kind.column) else {
            continue;
        };
        let message =
            format!("`{}.{}` is {}, and cannot be carried as {wanted}", asked.table, column.name, column.declared);
        let hint = "in `types`, `as` may be `text`, and for numeric columns a `decimal(p,s)`";
        return Err(server.error(&format!("opening `{}`", asked.table), Blame::User, message).hint(hint));
    }
    Ok(())
}
