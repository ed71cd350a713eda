//! Whether a table is what it was: by its rows.

use super::Database;
use crate::{
    arrow::digest::Digester,
    hub::{
        error::{Blame, Result},
        source::{Instant, ReadRequest, Source as _, TableRequest},
        version::{Content, Reads, RowDigests},
    },
};
use datafusion::prelude::SessionContext;
use futures::StreamExt;

/// Rows of an opened table: what stands for them is their digest.
pub struct Rows;

impl Instant for Rows {
    fn content(&self, read: &RowDigests) -> Option<Content> {
        let content = read.rows.map(Content::of_rows)?;
        Some(Content { reads: Some(Reads::NoLog), ..content })
    }
}

/// What stands for a table's rows.
pub async fn of(database: &Database, table: &TableRequest, _: Option<&Content>) -> Result<Option<Content>> {
    let doing = format!("digesting `{}`", table.table);
    let wrong = |error: datafusion::error::DataFusionError| database.server.error(&doing, Blame::System, error);
    let mut reading = match database.open(ReadRequest { tables: vec![table.clone()] }).await {
        Err(error) if error.blame == Blame::User => {
            return if database.is_there(table).await? { Err(error) } else { Ok(None) };
        }
        reading => reading?,
    };
    let open = reading.tables.pop().expect("one table was asked for");
    let frame = SessionContext::new().read_table(open.provider).map_err(wrong)?;
    let mut digester = Digester::new(&frame.schema().inner().clone()).map_err(|e| wrong(e.into()))?;
    let mut rows = frame.execute_stream().await.map_err(wrong)?;
    while let Some(batch) = rows.next().await {
        digester.add(&batch.map_err(wrong)?).map_err(|e| wrong(e.into()))?;
    }
    Ok(Rows.content(&RowDigests { rows: Some(digester.digest()), server: None }))
}
