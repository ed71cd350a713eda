//! Whether a table is what it was.

use super::{Database, read::Coordinator};
use crate::{
    connector::Connection as _,
    digest::{Digest, Digester},
    error::{Blame, Error, Result},
    position::Token,
    read::{ReadRequest, Reading, TableRequest},
};
use datafusion::{error::DataFusionError, prelude::SessionContext};
use futures::StreamExt;
use sqlx::Row;

/// The token of a table: its rows, unless no transaction has begun to write since `last`.
pub async fn of(database: &Database, table: &TableRequest, last: Option<&Token>) -> Result<Option<Token>> {
    let doing = format!("digesting `{}`", table.table);
    if let Some(last) = last
        && at(database, table, &now(database, &doing).await?) == last.hint
    {
        return Ok(Some(last.clone()));
    }
    if database.describe(table).await?.is_none() {
        return Ok(None);
    }
    let wrong = |error| match error {
        DataFusionError::External(ours) if ours.is::<Error>() => *ours.downcast().expect("it was just asked"),
        other => database.server.error(&doing, Blame::System, other),
    };
    let mut reading = database.read(ReadRequest { tables: vec![table.clone()] }).await?;
    let open = reading.tables.pop().expect("one table was asked for");
    let frame = SessionContext::new().read_table(open.provider).map_err(wrong)?;
    let mut digester = Digester::new(&frame.schema().inner().clone()).map_err(|e| wrong(e.into()))?;
    let mut rows = frame.execute_stream().await.map_err(wrong)?;
    while let Some(batch) = rows.next().await {
        digester.add(&batch.map_err(wrong)?).map_err(|e| wrong(e.into()))?;
    }
    Ok(stamp(database, &reading, table, digester.digest()))
}

/// The token of rows that were read.
pub fn stamp(database: &Database, reading: &Reading, table: &TableRequest, digest: Digest) -> Option<Token> {
    let held = reading.snapshot.as_ref()?.clone().downcast::<Coordinator>().ok()?;
    Some(Token { value: digest.to_string(), hint: at(database, table, &held.instant) })
}

fn at(database: &Database, table: &TableRequest, instant: &str) -> serde_json::Value {
    serde_json::json!([database.server.at(), database.server.schema(), table.table, instant])
}

/// What the instant is now.
async fn now(database: &Database, doing: &str) -> Result<String> {
    let rows = database.server.rows(doing, "select txid_current_snapshot()::text", &[]).await?;
    Ok(rows[0].get(0))
}
