//! Dead letters: messages that a stream could not read, as they lie beside its table.

use datafusion::{
    arrow::util::display::{ArrayFormatter, FormatOptions},
    prelude::{col, lit},
};
use engine_connect::hub::source::{ReadRequest, TableRequest};
use engine_language::graph::NodeId;
use engine_run::{location, service::Reading};
use schemars::JsonSchema;
use serde::Serialize;
use std::{fmt::Display, time::Duration};
use tokio::time::timeout;

/// The table in which targets keep them.
const TABLE: &str = "engine_dead_letters";
/// Those that are shown.
const SHOWN: usize = 20;
/// A longer text is cut.
const CELL: usize = 400;
const PATIENCE: Duration = Duration::from_secs(5);

/// A message that could not be read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Letter {
    /// The topic, partition and offset.
    pub place: String,
    /// Why.
    pub reason: String,
    /// What it says.
    pub payload: String,
}

/// The last dead letters of a stream; none, if its target has none.
pub async fn of(reading: &Reading, id: &NodeId) -> Result<Vec<Letter>, String> {
    let read = timeout(PATIENCE, read(reading, id)).await;
    read.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

fn said(error: impl Display) -> String {
    error.to_string()
}

async fn read(reading: &Reading, id: &NodeId) -> Result<Vec<Letter>, String> {
    let Some(place) = location::of(&reading.project, id) else { return Ok(vec![]) };
    let target = reading.runner.systems().get(&place.connection).map_err(said)?;
    let source = target.readable().map_err(said)?;
    let request = TableRequest::all(TABLE);
    if source.describe(&request).await.map_err(said)?.is_none() {
        return Ok(vec![]);
    }
    let mut open = target.open(ReadRequest { tables: vec![request] }).await.map_err(said)?;
    let table = open.tables.pop().ok_or("it is not there")?;
    let session = reading.runner.sessions().open();
    let frame = session.context.read_table(table.provider).map_err(said)?;
    let names: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let own = frame.filter(col("pipeline").eq(lit(id.name().into_owned()))).map_err(said)?;
    let newest = own.sort(vec![col("offset").sort(false, false)]).map_err(said)?;
    let batches = newest.limit(0, Some(SHOWN)).map_err(said)?.collect().await.map_err(said)?;
    let options = FormatOptions::default().with_display_error(true);
    let mut letters = vec![];
    for batch in &batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options))
            .collect::<Result<_, _>>()
            .map_err(said)?;
        for row in 0..batch.num_rows() {
            let of = |name: &str| {
                let at = names.iter().position(|known| known == name);
                at.map_or(String::new(), |at| columns[at].value(row).to_string())
            };
            letters.push(Letter {
                place: format!("{}/{} at {}", of("source"), of("partition"), of("offset")),
                reason: of("reason"),
                payload: payload(&of("payload")),
            });
        }
    }
    Ok(letters)
}

/// Bytes are drawn in hexadecimal; those of text are text.
fn payload(drawn: &str) -> String {
    let bytes: Option<Vec<u8>> = (drawn.len().is_multiple_of(2))
        .then(|| (0..drawn.len()).step_by(2).map(|i| u8::from_str_radix(drawn.get(i..i + 2)?, 16).ok()).collect())
        .flatten();
    let text = bytes.map_or_else(|| drawn.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
    if text.chars().count() <= CELL { text } else { format!("{}…", text.chars().take(CELL).collect::<String>()) }
}
