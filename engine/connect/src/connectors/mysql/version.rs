//! Whether a table is what it was: by the server's log of changes if there is one, else by its rows.

use super::{Database, binlog, server::Server};
use crate::{
    arrow::digest::Digester,
    hub::{
        error::{Blame, Result},
        source::{Instant, ReadRequest, Source as _, TableRequest},
        version::{Content, Reads, RowDigests},
    },
};
use datafusion::prelude::SessionContext;
use serde_json::{Value, json};

/// Rows of an opened table: what stands for them is their digest.
pub struct Rows {
    /// By what their table is known to be what it was; `NULL` if the server does not tell.
    pub hint: Value,
}

impl Instant for Rows {
    fn content(&self, read: &RowDigests) -> Option<Content> {
        let content = read.rows.map(Content::of_rows)?;
        let reads = self.hint.is_null().then_some(Reads::NoLog);
        Some(Content { hint: self.hint.clone(), reads, ..content })
    }
}

/// What stands for a table's rows: their digest, unless nothing was written on the server since `last`.
pub async fn of(database: &Database, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>> {
    let (server, doing) = (&database.server, format!("digesting `{}`", table.table));
    let position = database.position.get(async || binlog::position(server, &doing).await).await?;
    if let Some(last) = last
        && position.is_some()
        && last.hint == hint(server, table.table.as_str(), position.as_deref())
    {
        return Ok(Some(Content { reads: None, ..last.clone() }));
    }
    let wrong = |error: datafusion::error::DataFusionError| server.error(&doing, Blame::System, error);
    let mut reading = match database.open(ReadRequest { tables: vec![table.clone()] }).await {
        Err(error) if error.blame == Blame::User => {
            return if database.is_there(table).await? { Err(error) } else { Ok(None) };
        }
        reading => reading?,
    };
    let open = reading.tables.pop().expect("one table was asked for");
    let frame = SessionContext::new().read_table(open.provider.clone()).map_err(wrong)?;
    let digest = Digester::drain(frame.execute_stream().await.map_err(wrong)?).await.map_err(wrong)?;
    let content = open.content(&RowDigests { rows: Some(digest), server: None });
    let reads = if position.is_some() { Reads::AnyWrite } else { Reads::NoLog };
    Ok(content.map(|content| Content { reads: Some(reads), ..content }))
}

/// By what a table is known to be what it was: the position of the log, before the table was opened.
pub fn hint(server: &Server, table: &str, position: Option<&str>) -> Value {
    position.map_or(Value::Null, |position| json!([server.at(), server.database(), table, position]))
}
