//! Some rows of a node, and what its columns hold.

use datafusion::{
    arrow::{
        array::{Array as _, RecordBatch},
        datatypes::FieldRef,
        util::display::{ArrayFormatter, FormatOptions},
    },
    error::DataFusionError,
    prelude::DataFrame,
};
use engine_language::{
    config::toml::Spanned,
    files::Span,
    graph::{NodeId, NodeKind},
    rendered::Rendered,
    template::identifier,
};
use engine_run::{inputs, redact::Mask, service::Reading, sql::session::Session};
use schemars::JsonSchema;
use serde::Serialize;
use std::{fmt::Display, time::Duration};
use tokio::time::timeout;

/// Rows that are shown.
const ROWS: usize = 50;
/// The profile is of so many rows at most.
const PROFILED: usize = 100_000;
/// A longer text is cut.
const CELL: usize = 200;
/// A system that does not answer is not waited for.
const PATIENCE: Duration = Duration::from_secs(15);

/// Rows and profile.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Rows {
    /// The columns.
    pub columns: Vec<String>,
    /// Rows; NULL is `None`.
    pub rows: Vec<Vec<Option<String>>>,
    /// Whether there are more.
    pub more: bool,
    /// What each column holds.
    pub profile: Vec<Profile>,
    /// Of how many rows the profile is.
    pub profiled: String,
    /// Why there is nothing to show.
    pub error: Option<String>,
}

/// What a column holds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Profile {
    /// The column.
    pub column: String,
    /// Rows without a value.
    pub nulls: String,
    /// Different values, about.
    pub distinct: String,
    /// The least.
    pub least: String,
    /// The greatest.
    pub greatest: String,
}

/// Reads them.
pub async fn of(reading: &Reading, id: &NodeId, mask: &Mask) -> Rows {
    let read = timeout(PATIENCE, read(reading, id)).await;
    match read.unwrap_or_else(|_| Err(format!("no answer within {} seconds", PATIENCE.as_secs()))) {
        Ok(data) => data,
        Err(error) => Rows { error: Some(mask.text(&error)), ..Rows::default() },
    }
}

fn said(error: impl Display) -> String {
    error.to_string()
}

async fn read(reading: &Reading, id: &NodeId) -> Result<Rows, String> {
    let session = reading.runner.sessions().open();
    let frame = all(reading, &session, id).await?;
    let columns: Vec<String> = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
    let some = frame.clone().limit(0, Some(ROWS + 1)).map_err(said)?.collect().await.map_err(said)?;
    let mut rows = cells(&some).map_err(said)?;
    let more = rows.len() > ROWS;
    rows.truncate(ROWS);
    let (profile, profiled) = profile(&session, frame, &columns).await.map_err(said)?;
    Ok(Rows { columns, rows, more, profile, profiled, error: None })
}

/// All rows of a node, under the name by which SQL knows it.
async fn all(reading: &Reading, session: &Session, id: &NodeId) -> Result<DataFrame, String> {
    let runner = &reading.runner;
    let (schema, table) = id.in_sql();
    let sql = format!("select * from {}.{}", identifier(schema), identifier(table));
    let file = reading.project.files.iter().next().map(|(file, _)| Span::new(file, 0..0)).ok_or("an empty project")?;
    let read = match id.kind() {
        // What a generator fills is a source's table.
        NodeKind::Generator => return Err("its rows are in the table that it fills".to_owned()),
        _ => Spanned::new(id.clone(), file),
    };
    let rendered = Rendered { sql: sql.clone(), reads: vec![read], ..Rendered::default() };
    inputs::open(runner, session, &rendered).await.map_err(said)?;
    session.query(&sql).await.map_err(said)
}

fn cells(batches: &[RecordBatch]) -> Result<Vec<Vec<Option<String>>>, DataFusionError> {
    let options = FormatOptions::default().with_display_error(true);
    let mut rows = vec![];
    for batch in batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let cell = |(column, array): (&ArrayFormatter<'_>, _)| {
                let array: &datafusion::arrow::array::ArrayRef = array;
                (!array.is_null(row)).then(|| shortened(&column.value(row).to_string()))
            };
            rows.push(columns.iter().zip(batch.columns()).map(cell).collect());
        }
    }
    Ok(rows)
}

/// Nulls, different values, least and greatest of each column.
async fn profile(
    session: &Session,
    frame: DataFrame,
    columns: &[String],
) -> Result<(Vec<Profile>, String), DataFusionError> {
    if columns.is_empty() {
        return Ok((vec![], String::new()));
    }
    let fields = frame.schema().clone();
    session.context.register_table("profiled", frame.limit(0, Some(PROFILED))?.into_view())?;
    let of = |(column, field): (&String, &FieldRef)| {
        let name = identifier(column);
        let nulls = format!("count(*) - count({name})");
        // Lists have no order.
        if field.data_type().is_nested() {
            return [nulls, "null".to_owned(), "null".to_owned(), "null".to_owned()];
        }
        [nulls, format!("count(distinct {name})"), format!("min({name})"), format!("max({name})")]
    };
    let parts = columns.iter().zip(fields.fields()).flat_map(of);
    let parts: Vec<String> = parts.enumerate().map(|(i, part)| format!("{part} as c{i}")).collect();
    let sql = format!("select count(*) as n, {} from profiled", parts.join(", "));
    let batches = session.context.sql(&sql).await?.collect().await?;
    let row = cells(&batches)?.into_iter().next().unwrap_or_default();
    let at = |i: usize| row.get(i).cloned().flatten().unwrap_or_default();
    let profile = columns.iter().enumerate().map(|(i, column)| Profile {
        column: column.clone(),
        nulls: at(1 + i * 4),
        distinct: at(2 + i * 4),
        least: at(3 + i * 4),
        greatest: at(4 + i * 4),
    });
    Ok((profile.collect(), at(0)))
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= CELL {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(CELL).collect::<String>())
}
