//! Telling whether a table changed: by its file's times and sizes where they can be trusted, else by its rows.

use super::Database;
use crate::{
    arrow::digest::Digester,
    hub::{
        error::{Blame, Result},
        source::{ReadRequest, Source as _, TableRequest},
        version::{Content, Reads},
    },
};
use datafusion::prelude::SessionContext;
use serde_json::{Value, json};
use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// A change within this time of the last one may leave the file's times as they are (git's "racy" rule).
const RACY_NS: u128 = 1_000_000_000;

/// The token of a table as it is now; `None` if it is not there.
pub async fn of(database: &Database, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>> {
    let before = stat(database.file.path());
    if let (Some(before), Some(last)) = (&before, last)
        && last.hint == *before
    {
        return Ok(Some(last.clone()));
    }
    if database.describe(table).await?.is_none() {
        return Ok(None);
    }
    let mut reading = database.open(ReadRequest { tables: vec![table.clone()] }).await?;
    let open = reading.tables.pop().expect("one table was asked for");
    let doing = format!("digesting `{}`", table.table);
    let error = |e: datafusion::error::DataFusionError| database.file.error(&doing, Blame::System, e);
    let context = SessionContext::new();
    let frame = context.read_table(open.provider).map_err(error)?;
    let digest = Digester::drain(frame.execute_stream().await.map_err(error)?).await.map_err(error)?;
    let reads = before.is_none().then_some(Reads::Racy);
    Ok(Some(Content { value: digest.to_string(), hint: before.unwrap_or(Value::Null), reads }))
}

/// Sizes and times of the file and its log, unless one of them is so young that a change could hide behind it.
fn stat(path: &Path) -> Option<Value> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let mut parts = vec![];
    for file in [path, Path::new(&log)] {
        let Ok(data) = std::fs::metadata(file) else {
            parts.push(Value::Null);
            continue;
        };
        let modified = data.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
        if modified + RACY_NS > now {
            return None;
        }
        parts.push(json!([data.len(), modified.to_string()]));
    }
    Some(Value::Array(parts))
}
