//! Reading tables as of one instant.
//!
//! A transaction first touches every table, so that none can be replaced or altered, and only then looks: from there on it
//! sees one instant. Scans take turns on its connection. Several connections that see the same instant are only to be had
//! while nobody may write, so `parallel` is asked for.

use super::{
    Database, binlog,
    describe::{self, Relation},
    increment,
    server::{Server, ask, run},
    server_error::number,
    snapshot_pool::{PoolConnection, SnapshotPool},
    statement::quote,
    table::{Table, TableLocation},
    types::Wire,
    version,
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
use sqlx::MySqlConnection;
use std::{sync::Arc, time::Duration};

/// How often a reading begins anew when a table is replaced under it.
const ATTEMPTS: u32 = 20;
/// How often tables are asked for that writers hold.
const KEEPS: u32 = 1000;
/// Parts of a table for each connection, so that they end together although keys have gaps.
const PARTS_EACH: i128 = 4;

/// Opens tables as of one instant.
pub async fn open(database: &Database, request: ReadRequest) -> Result<Snapshot> {
    let server = &database.server;
    let doing = match request.tables.as_slice() {
        [one] => format!("opening `{}`", one.table),
        all => format!("opening {} tables", all.len()),
    };
    server.product(&doing).await?;
    let position = binlog::position(server, &doing).await?;
    let (mut connections, relations) = begin(database, &request, &doing).await?;
    let (mut parts, mut increments) = (vec![], vec![]);
    for (asked, relation) in request.tables.iter().zip(&relations) {
        let found = cut(&mut connections[0], database.parallel, asked, relation).await;
        parts.push(found.map_err(|error| server.fault(&doing, error))?);
        increments.push(increment::of(server, connections[0].on(), asked, relation).await?);
    }
    let pool = SnapshotPool::that_read(connections, server);
    let cut = parts.into_iter().zip(increments);
    let tables = request.tables.iter().zip(relations).zip(cut).map(|((asked, relation), (parts, increment))| {
        let names = (asked.table.to_string(), asked.table.as_str());
        let rejected = Rejects::default();
        let hint = version::hint(server, asked.table.as_str(), position.as_deref());
        let place = TableLocation {
            columns: relation.columns,
            key: relation.definition.message_key().to_vec(),
            parts,
            conditions: increment.conditions,
            replaced: rejected.replaced.clone(),
            ..TableLocation::new(server.clone(), names, pool.clone())
        };
        let provider = Arc::new(Table::new(types::schema(&relation.definition), place));
        let provider = Arc::new(AggregatingTable(provider));
        OpenTable {
            definition: relation.definition,
            provider,
            next: increment.next,
            more: false,
            size_bytes: relation.size_bytes,
            rejected,
            instant: Some(Arc::new(version::Rows { hint })),
        }
    });
    Ok(Snapshot { tables: tables.collect() })
}

type Begun = (Vec<PoolConnection>, Vec<Relation>);

async fn begin(database: &Database, request: &ReadRequest, doing: &str) -> Result<Begun> {
    let server = &database.server;
    for attempt in 1.. {
        let error = match begin_once(database, request, doing).await? {
            Ok(begun) => return Ok(begun),
            Err(error) => error,
        };
        // A deadlock with who replaces the tables, or a table that came after the instant.
        let passing = matches!(number(&error), Some(1213 | 1412 | 1684 | 1020 | 1615));
        if !passing || attempt == ATTEMPTS {
            return Err(server.fault(doing, error));
        }
        tokio::time::sleep(Duration::from_millis(5 * u64::from(attempt))).await;
    }
    unreachable!("the last attempt returns")
}

/// The outer error is for the user, the inner one may pass.
async fn begin_once(
    database: &Database,
    request: &ReadRequest,
    doing: &str,
) -> Result<std::result::Result<Begun, sqlx::Error>> {
    let server = &database.server;
    let mut keeper = None;
    if database.parallel > 1 && !request.tables.is_empty() {
        let mut on = server.connect(doing).await?;
        if let Err(error) = keep(server, &mut on, request).await {
            return missing(server, &mut on, request, doing, error).await.map(Err);
        }
        keeper = Some(on);
    }
    let mut connections = vec![];
    for _ in 0..database.parallel {
        let mut connection = PoolConnection::open(server, doing).await?;
        if let Err(error) = look(&mut connection, request).await {
            return missing(server, connection.on(), request, doing, error).await.map(Err);
        }
        connections.push(connection);
    }
    if let Some(mut on) = keeper
        && let Err(error) = run(&mut on, "unlock tables").await
    {
        return Ok(Err(error));
    }
    let mut relations = vec![];
    for asked in &request.tables {
        match describe::relation(server, connections[0].on(), asked.table.as_str()).await {
            Ok(Some(relation)) => relations.push(readable(server, doing, asked, relation)?),
            Ok(None) => return Err(no_table(server, doing, asked)),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok((connections, relations)))
}

/// Keeps the tables from being written. Waiting for one while it holds another would be a deadlock with who writes both,
/// and the server would end the writer: at first it asks again and again instead.
async fn keep(server: &Server, on: &mut MySqlConnection, request: &ReadRequest) -> sqlx::Result<()> {
    let each = request.tables.iter().map(|asked| format!("{} read", quote(asked.table.as_str())));
    let sql = format!("lock tables {}", each.collect::<Vec<_>>().join(", "));
    if server.known_product().mariadb {
        run(on, "set lock_wait_timeout = 0").await?;
        for _ in 0..KEEPS {
            match run(on, sql.clone()).await {
                Err(error) if matches!(number(&error), Some(1205 | 1213)) => {}
                done => return done,
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        run(on, "set lock_wait_timeout = 120").await?;
    }
    run(on, sql).await
}

/// Touches the tables, none of whose rows are looked at, and then looks.
async fn look(connection: &mut PoolConnection, request: &ReadRequest) -> sqlx::Result<()> {
    let tables = request.tables.iter().map(|asked| quote(asked.table.as_str()));
    let touch = tables.clone().map(|table| format!("select 1 from {table} limit 0"));
    let look = tables.map(|table| format!("select 1 from {table} limit 1"));
    let begin = std::iter::once("start transaction read only".to_owned());
    run(connection.on(), begin.chain(touch).chain(look).collect::<Vec<_>>().join("; ")).await
}

/// Says which table is not there, if that is why.
async fn missing(
    server: &Server,
    on: &mut MySqlConnection,
    request: &ReadRequest,
    doing: &str,
    error: sqlx::Error,
) -> Result<sqlx::Error> {
    if number(&error) != Some(1146) {
        return Ok(error);
    }
    for asked in &request.tables {
        if describe::is_there(server, on, asked.table.as_str()).await.is_ok_and(|there| !there) {
            return Err(no_table(server, doing, asked));
        }
    }
    Ok(error)
}

fn no_table(server: &Server, doing: &str, asked: &TableRequest) -> Error {
    let message = format!("there is no table `{}` in database `{}`", asked.table, server.database());
    server.error(doing, Blame::User, message).absent("check the table's name and `database`")
}

fn readable(server: &Server, doing: &str, asked: &TableRequest, relation: Relation) -> Result<Relation> {
    if relation.transactional || relation.engine.is_empty() {
        return Ok(relation);
    }
    let message = format!("`{}` is a {} table, which cannot be read as of one instant", asked.table, relation.engine);
    let hint = format!("alter table {} engine = InnoDB", quote(asked.table.as_str()));
    Err(server.error(doing, Blame::User, message).hint(hint))
}

/// Conditions that cut a table into parts by its key, if that is one whole number.
async fn cut(
    connection: &mut PoolConnection,
    parallel: usize,
    asked: &TableRequest,
    relation: &Relation,
) -> sqlx::Result<Vec<String>> {
    let whole = vec![String::new()];
    let [key] = relation.definition.key.as_slice() else { return Ok(whole) };
    let column = relation.columns.iter().find(|column| column.name == *key);
    if parallel == 1 || !column.is_some_and(|column| matches!(column.kind.wire, Wire::Int(..))) {
        return Ok(whole);
    }
    let (key, table) = (quote(key), quote(asked.table.as_str()));
    let sql = format!("select cast(min({key}) as char), cast(max({key}) as char) from {table}");
    let rows = ask(connection.on(), &sql, &[]).await?;
    let end = |at| describe::text(&rows[0], at).and_then(|text| text.parse::<i128>().ok());
    let (Some(low), Some(high)) = (end(0), end(1)) else { return Ok(whole) };
    let count = (parallel as i128 * PARTS_EACH).min(high - low);
    if count < 2 {
        return Ok(whole);
    }
    let border = |number: i128| low + (high - low) * number / count;
    let first = format!("{key} < {}", border(1));
    let middle = (1..count - 1).map(|i| format!("{key} >= {} and {key} < {}", border(i), border(i + 1)));
    let last = format!("{key} >= {}", border(count - 1));
    Ok(std::iter::once(first).chain(middle).chain(std::iter::once(last)).collect())
}
