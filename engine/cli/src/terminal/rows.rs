//! Rows on stdout: a table for people, streams for programs.

use crate::{
    args::RowsOutput,
    exit_status::{CliError, Result},
    terminal::{self, Terminal, format},
};
use comfy_table::{CellAlignment, ContentArrangement, Table};
use datafusion::{
    arrow::{
        array::{Array, RecordBatch},
        csv,
        datatypes::{DataType, SchemaRef},
        json::{
            WriterBuilder,
            writer::{JsonArray, JsonFormat, LineDelimited},
        },
        util::display::{ArrayFormatter, FormatOptions},
    },
    error::DataFusionError,
    execution::SendableRecordBatchStream,
    parquet::arrow::ArrowWriter,
};
use futures::StreamExt as _;
use std::io::{self, IsTerminal as _, Write};

/// Writes rows in a form; answers how many there were.
pub async fn write<W: Write + Send>(rows: SendableRecordBatchStream, output: RowsOutput, out: W) -> Result<u64> {
    match output {
        RowsOutput::Table => unreachable!("tables are drawn by `draw`"),
        RowsOutput::Json => as_json::<_, JsonArray>(rows, out, true).await,
        RowsOutput::Ndjson => as_json::<_, LineDelimited>(rows, out, false).await,
        RowsOutput::Csv => as_csv(rows, out).await,
        RowsOutput::Parquet => as_parquet(rows, out).await,
    }
}

/// Refuses to write Parquet to a terminal.
pub fn refuse_terminal(output: RowsOutput) -> Result<()> {
    if output == RowsOutput::Parquet && io::stdout().is_terminal() {
        let hint = "send it to a file: `… --output parquet > rows.parquet`".to_owned();
        return Err(CliError::usage("Parquet on a terminal cannot be read", hint));
    }
    Ok(())
}

async fn as_json<W: Write, F: JsonFormat>(mut rows: SendableRecordBatchStream, out: W, array: bool) -> Result<u64> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, F>(out);
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        count += batch.num_rows() as u64;
        writer.write(&batch).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    let mut out = writer.into_inner();
    if array {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(count)
}

async fn as_csv<W: Write>(mut rows: SendableRecordBatchStream, out: W) -> Result<u64> {
    let mut writer = csv::WriterBuilder::new().with_header(true).build(out);
    writer.write(&RecordBatch::new_empty(rows.schema())).map_err(failed)?;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        count += batch.num_rows() as u64;
        writer.write(&batch).map_err(failed)?;
    }
    Ok(count)
}

async fn as_parquet<W: Write + Send>(mut rows: SendableRecordBatchStream, out: W) -> Result<u64> {
    let wrong = |error| CliError::from(DataFusionError::ParquetError(Box::new(error)));
    let mut writer = ArrowWriter::try_new(out, rows.schema(), None).map_err(wrong)?;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        count += batch.num_rows() as u64;
        writer.write(&batch).map_err(wrong)?;
    }
    writer.close().map_err(wrong)?;
    Ok(count)
}

/// A failed write whose cause is a reader who went away is not an error.
fn failed(error: datafusion::arrow::error::ArrowError) -> CliError {
    use datafusion::arrow::error::ArrowError;
    match error {
        ArrowError::IoError(_, source) => source.into(),
        ArrowError::CsvError(text) if text.contains("Broken pipe") => CliError::ReaderGone,
        other => CliError::Query(other.into()),
    }
}

/// Draws rows as a table, at most so many (0 is all), and says on stderr how many there are.
pub async fn draw(terminal: Terminal, mut rows: SendableRecordBatchStream, limit: usize) -> Result<u64> {
    let schema = rows.schema();
    let mut batches = vec![];
    let mut count = 0;
    let mut more = false;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let room = if limit == 0 { batch.num_rows() } else { (limit - count).min(batch.num_rows()) };
        more |= room < batch.num_rows();
        count += room;
        batches.push(batch.slice(0, room));
        if more {
            break;
        }
    }
    terminal::write(&format!("{}\n", table(&schema, &batches)?))?;
    let rows = format::counted(count as u64, "row");
    terminal.note(&if more { format!("{rows} shown, there are more: `--limit 0` shows all") } else { rows });
    Ok(count as u64)
}

fn table(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Table> {
    let mut table = Table::new();
    table.load_preset("││──╞═╪╡│    ┬┴┌┐└┘").set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(schema.fields().iter().map(|field| one_line(field.name())));
    for batch in batches {
        let options = FormatOptions::default().with_display_error(true);
        let columns: Result<Vec<_>, _> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect();
        let columns = columns.map_err(DataFusionError::from)?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().zip(batch.columns()).map(|(column, array)| cell(column, array, row));
            table.add_row(cells);
        }
    }
    for (i, field) in schema.fields().iter().enumerate() {
        if is_number(field.data_type())
            && let Some(column) = table.column_mut(i)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    Ok(table)
}

/// NULL is distinct from the text `NULL`, which is quoted, and from the empty text.
fn cell(formatter: &ArrayFormatter<'_>, array: &dyn Array, row: usize) -> String {
    if array.is_null(row) {
        return "NULL".to_owned();
    }
    let text = formatter.value(row).to_string();
    if text == "NULL" { "'NULL'".to_owned() } else { one_line(&text) }
}

/// Control characters would break the table, or the terminal.
fn one_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}
