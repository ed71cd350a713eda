//! Whether a table is what it was.

use super::{Database, snapshot::Coordinator, table::Table, types::KIND};
use crate::{
    arrow::digest::{Digest, Digester},
    hub::{
        connection::Connection as _,
        error::{Blame, Error, Result},
        position::Token,
        source::{OpenTable, ReadRequest, Reading, TableRequest},
    },
};
use datafusion::{error::DataFusionError, prelude::SessionContext};
use futures::StreamExt;
use sqlx::Row;

/// The token of a table: a digest of its rows, made by the server where that is sound, unless no transaction has begun
/// to write since `last`.
pub async fn of(database: &Database, table: &TableRequest, last: Option<&Token>) -> Result<Option<Token>> {
    let doing = format!("digesting `{}`", table.table);
    if let Some(last) = last
        && at(database, table.table.as_str(), &now(database, &doing).await?) == last.hint
    {
        return Ok(Some(last.clone()));
    }
    if database.describe(table).await?.is_none() {
        return Ok(None);
    }
    let asked = TableRequest { bound_for: Some(KIND), ..table.clone() };
    let reading = database.read(ReadRequest { tables: vec![asked] }).await?;
    let open = &reading.tables[0];
    let held = held(&reading).expect("a reading holds its instant");
    let hint = at(database, table.table.as_str(), &held.instant);
    if let Some(digest) = database.digest(&reading, open).await? {
        return Ok(Some(Token { value: value(digest), hint }));
    }
    let value = read_all(database, open, &doing).await?.to_string();
    Ok(Some(Token { value, hint }))
}

async fn read_all(database: &Database, open: &OpenTable, doing: &str) -> Result<Digest> {
    let wrong = |error| match error {
        DataFusionError::External(ours) if ours.is::<Error>() => *ours.downcast().expect("it was just asked"),
        other => database.server.error(doing, Blame::System, other),
    };
    let frame = SessionContext::new().read_table(open.provider.clone()).map_err(wrong)?;
    let mut digester = Digester::new(&frame.schema().inner().clone()).map_err(|e| wrong(e.into()))?;
    let mut rows = frame.execute_stream().await.map_err(wrong)?;
    while let Some(batch) = rows.next().await {
        digester.add(&batch.map_err(wrong)?).map_err(|e| wrong(e.into()))?;
    }
    Ok(digester.digest())
}

fn held(reading: &Reading) -> Option<std::sync::Arc<Coordinator>> {
    reading.snapshot.as_ref()?.clone().downcast().ok()
}

/// Digests by the server are told from others.
fn value(digest: Digest) -> String {
    format!("inside-{digest}")
}

/// The token of rows that were all read. Without their digest it only says when that was.
pub fn stamp(database: &Database, reading: &Reading, open: &OpenTable, digest: Option<Digest>) -> Option<Token> {
    let held = held(reading)?;
    let place = open.provider.downcast_ref::<Table>()?.place();
    // A token is made of columns as they are, not of texts that stand for them.
    let digest = digest.filter(|_| !place.columns.iter().any(|column| column.kind.as_text));
    let value = digest.map_or_else(|| format!("as of {}", held.instant), value);
    Some(Token { value, hint: at(database, &place.table, &held.instant) })
}

/// The same where the server cannot digest: if the rows were read as a token reads them.
pub fn stamp_plain(database: &Database, reading: &Reading, open: &OpenTable, digest: Digest) -> Option<Token> {
    let held = held(reading)?;
    let place = open.provider.downcast_ref::<Table>()?.place();
    let hint = at(database, &place.table, &held.instant);
    place.passing.then(|| Token { value: digest.to_string(), hint })
}

fn at(database: &Database, table: &str, instant: &str) -> serde_json::Value {
    serde_json::json!([database.server.at(), database.server.schema(), table, instant])
}

/// What the instant is now.
async fn now(database: &Database, doing: &str) -> Result<String> {
    let ask = async || {
        let rows = database.server.rows(doing, "select txid_current_snapshot()::text", &[]).await?;
        Ok(rows[0].get(0))
    };
    database.instant.get(ask).await
}
