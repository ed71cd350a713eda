//! Whether a table is what it was.

use super::{
    Database,
    server::Server,
    snapshot::Coordinator,
    table::Table,
    types::KIND,
    write_counters::{self, Moment},
};
use crate::{
    arrow::digest::{Digest, Digester, RowDigester},
    hub::{
        error::{Blame, Error, Result},
        source::{Instant, OpenTable, ReadRequest, Source as _, TableDigest, TableRequest},
        version::{Content, Reads, RowDigests},
    },
};
use datafusion::{error::DataFusionError, prelude::SessionContext};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::sync::Arc;

/// What digests by the server begin with, as they are told from others.
const BY_SERVER: &str = "inside-";

/// What stands for a table's rows: a digest of them, made by the server where that is sound, unless no transaction has
/// begun to write since `last`, or none has written this table.
pub async fn of(database: &Database, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>> {
    let doing = format!("digesting `{}`", table.table);
    let moment = database.moment.get(async || write_counters::moment(&database.server, &doing).await).await?;
    if let Some(last) = last
        && let Some(same) = unchanged(database, table, last, &moment).await?
    {
        return Ok(Some(same));
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
    let content = instant.content(&read);
    Ok(content.map(|content| Content { reads: Some(Reads::AnyWrite), ..content }))
}

/// The last answer, if no transaction has begun to write on the server, or if none of them has written this table.
async fn unchanged(
    database: &Database,
    table: &TableRequest,
    last: &Content,
    moment: &Moment,
) -> Result<Option<Content>> {
    let Ok(hint) = Hint::deserialize(&last.hint) else { return Ok(None) };
    let (server, name) = (&database.server, table.table.as_str());
    if hint.table != place(server, name) {
        return Ok(None);
    }
    if hint.instant == moment.instant {
        return Ok(Some(Content { reads: None, ..last.clone() }));
    }
    let doing = format!("asking what was written to `{name}`");
    let now = async |on: &mut PgConnection| {
        write_counters::of(server, on, &[name]).await.map_err(|error| server.fault(&doing, error))
    };
    if hint.writes.is_none() || !moment.counted || server.briefly(&doing, now).await? != [hint.writes.clone()] {
        return Ok(None);
    }
    let hint = Hint { instant: moment.instant.clone(), ..hint };
    Ok(Some(Content { value: last.value.clone(), hint: hint.json(), reads: None }))
}

/// By what a table is known to be what it was.
#[derive(Debug, Serialize, Deserialize)]
struct Hint {
    /// Which table it is.
    table: [String; 3],
    /// The transactions that were seen.
    instant: String,
    /// The counters of the writes to it, as of the instant or before; `None` if they do not tell.
    writes: Option<String>,
}

impl Hint {
    fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("plain data can be written as JSON")
    }
}

fn place(server: &Server, table: &str) -> [String; 3] {
    [server.at(), server.schema().to_owned(), table.to_owned()]
}

/// What stands for the rows after others were added to those of `last` by one publication that wrote nothing else, with
/// this digest by the server.
pub fn after_append(last: &Content, added: Digest) -> Option<Content> {
    let before: Digest = last.value.strip_prefix(BY_SERVER)?.parse().ok()?;
    let hint = Hint::deserialize(&last.hint).ok()?;
    let writes = write_counters::after_append(hint.writes.as_deref()?, added.rows)?;
    let both = before.with(added);
    let digest = Digest { sum: both.sum & u128::from(u64::MAX), ..both };
    // Nothing has the instant's form: only the counters tell, and they do not agree if anybody else has written.
    let hint = Hint { instant: "after an append".to_owned(), writes: Some(writes), ..hint };
    Some(Content { value: format!("{BY_SERVER}{digest}"), hint: hint.json(), reads: None })
}

async fn read_all(database: &Database, open: &OpenTable, doing: &str) -> Result<Digest> {
    let wrong = |error| match error {
        DataFusionError::External(ours) if ours.is::<Error>() => *ours.downcast().expect("it was just asked"),
        other => database.server.error(doing, Blame::System, other),
    };
    let frame = SessionContext::new().read_table(open.provider.clone()).map_err(wrong)?;
    Digester::drain(frame.execute_stream().await.map_err(wrong)?).await.map_err(wrong)
}

/// An opened table at the instant of its coordinator.
pub struct TableInstant {
    /// The table.
    pub table: Arc<Table>,
    /// What holds the instant.
    pub coordinator: Arc<Coordinator>,
    /// The counters of the writes to it, a moment before the instant; `None` if they do not tell whether it changed.
    pub writes: Option<String>,
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
            (Some(digest), _) => format!("{BY_SERVER}{digest}"),
            (None, Some(digest)) => digest.to_string(),
            (None, None) => format!("as of {}", self.coordinator.instant),
        };
        let hint = Hint {
            table: self::place(&place.server, &place.table),
            instant: self.coordinator.instant.clone(),
            writes: self.writes.clone(),
        };
        Some(Content { value, hint: hint.json(), reads: None })
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
