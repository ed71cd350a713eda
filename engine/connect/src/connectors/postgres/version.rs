//! Whether a table is what it was.

use super::{Database, server::Server, snapshot::Coordinator, table::Table, types::KIND};
use crate::{
    arrow::digest::{Digest, Digester, RowDigester},
    hub::{
        error::{Blame, Error, Result},
        source::{Instant, OpenTable, ReadRequest, Source as _, TableDigest, TableRequest},
        version::{Content, Reads, RowDigests},
    },
};
use datafusion::{error::DataFusionError, prelude::SessionContext};
use futures::StreamExt;
use sqlx::Row;
use std::sync::Arc;

/// What stands for a table's rows: a digest of them, made by the server where that is sound, unless no transaction has
/// begun to write since `last`.
pub async fn of(database: &Database, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>> {
    let doing = format!("digesting `{}`", table.table);
    let server = &database.server;
    if let Some(last) = last
        && hint(server, table.table.as_str(), &now(database, &doing).await?) == last.hint
    {
        return Ok(Some(last.clone()));
    }
    if !database.is_there(table).await? {
        return Ok(None);
    }
    let asked = TableRequest { bound_for: Some(KIND), ..table.clone() };
    let snapshot = database.open(ReadRequest { tables: vec![asked] }).await?;
    let open = &snapshot.tables[0];
    let instant = open.instant.as_ref().expect("a snapshot knows its instant");
    let read = match open.digest().await? {
        Some(digest) => RowDigests { rows: None, server: Some(digest) },
        None => RowDigests { rows: Some(read_all(database, open, &doing).await?), server: None },
    };
    Ok(instant.content(&read))
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

/// An opened table at the instant of its coordinator.
pub struct TableInstant {
    /// The table.
    pub table: Arc<Table>,
    /// What holds the instant.
    pub coordinator: Arc<Coordinator>,
}

impl Instant for TableInstant {
    fn server_digest(&self) -> Option<&dyn TableDigest> {
        Some(self)
    }

    /// A digest by the server where it makes one; the digest of the rows where they were read as it is made here. Without, it
    /// only says when that was.
    fn content(&self, read: &RowDigests) -> Option<Content> {
        let place = self.table.place();
        // A version is made of columns as they are, not of texts that stand for them.
        let server = read.server.filter(|_| !place.columns.iter().any(|column| column.kind.as_text));
        let value = match (server, read.rows.filter(|_| read.server.is_none() && place.passing)) {
            // Digests by the server are told from others.
            (Some(digest), _) => format!("inside-{digest}"),
            (None, Some(digest)) => digest.to_string(),
            (None, None) => format!("as of {}", self.coordinator.instant),
        };
        let hint = hint(&place.server, &place.table, &self.coordinator.instant);
        Some(Content { value, hint, reads: Some(Reads::AnyWrite) })
    }
}

#[async_trait::async_trait]
impl TableDigest for TableInstant {
    fn digester(&self) -> Option<Box<dyn RowDigester>> {
        self.table.server_digester()
    }

    async fn digest(&self) -> Result<Option<Digest>> {
        self.table.digest(&self.coordinator).await
    }
}

fn hint(server: &Server, table: &str, instant: &str) -> serde_json::Value {
    serde_json::json!([server.at(), server.schema(), table, instant])
}

/// What the instant is now.
async fn now(database: &Database, doing: &str) -> Result<String> {
    let ask = async || {
        let rows = database.server.rows(doing, "select txid_current_snapshot()::text", &[]).await?;
        Ok(rows[0].get(0))
    };
    database.instant.get(ask).await
}
