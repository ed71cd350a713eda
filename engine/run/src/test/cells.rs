//! Rows as text that says exactly what they are: NULL is not '', decimals keep their scale, times are UTC.

use crate::error::Result;
use datafusion::{
    arrow::{
        array::{Array, RecordBatch, UInt32Array},
        compute::{concat_batches, take_record_batch},
        datatypes::SchemaRef,
        row::{RowConverter, SortField},
        util::display::{ArrayFormatter, FormatOptions},
    },
    error::DataFusionError,
};

/// Between two cells of a line.
const BETWEEN: &str = " | ";

/// Rows as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// Each column's name and type, such as `average_check` and `decimal(14,6)`.
    pub columns: Vec<(String, String)>,
    /// The rows, sorted; each cell as it is written in a snapshot.
    pub rows: Vec<Vec<String>>,
}

impl Cells {
    /// Takes rows, sorted by these columns first and then by all others.
    pub fn of(schema: &SchemaRef, batches: &[RecordBatch], first: &[&str]) -> Result<Self> {
        let all = concat_batches(schema, batches).map_err(DataFusionError::from)?;
        let all = sorted(&all, first).map_err(DataFusionError::from)?;
        let type_of = |field: &datafusion::arrow::datatypes::Field| {
            let kind = engine_connect::arrow::types::column(field).map(|column| column.kind.to_string());
            kind.unwrap_or_else(|| field.data_type().to_string())
        };
        let columns = schema.fields().iter().map(|field| (field.name().clone(), type_of(field))).collect();
        let options = FormatOptions::default();
        let mut rows = vec![Vec::with_capacity(all.num_columns()); all.num_rows()];
        for array in all.columns() {
            let formatter = ArrayFormatter::try_new(array, &options).map_err(DataFusionError::from)?;
            for (i, row) in rows.iter_mut().enumerate() {
                let cell = if array.is_null(i) { "NULL".to_owned() } else { quoted(&formatter.value(i).to_string()) };
                row.push(cell);
            }
        }
        Ok(Self { columns, rows })
    }

    /// The line that names columns and types.
    pub fn header(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|(name, kind)| quoted(&format!("{name}:{kind}"))).collect();
        columns.join(BETWEEN)
    }

    /// The lines of the rows.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(|row| row.join(BETWEEN))
    }

    /// Reads what [`header`](Self::header) and [`lines`](Self::lines) wrote; `None` if it is something else.
    pub fn parse<'a>(header: &str, lines: impl Iterator<Item = &'a str>) -> Option<Self> {
        let named = |cell: String| {
            let (name, kind) = unquoted(&cell)?.rsplit_once(':').map(|(a, b)| (a.to_owned(), b.to_owned()))?;
            Some((name, kind))
        };
        let columns = split(header)?.into_iter().map(named).collect::<Option<Vec<_>>>()?;
        let rows = lines.map(split).collect::<Option<Vec<_>>>()?;
        rows.iter().all(|row| row.len() == columns.len()).then_some(Self { columns, rows })
    }
}

fn sorted(batch: &RecordBatch, first: &[&str]) -> Result<RecordBatch, datafusion::arrow::error::ArrowError> {
    if batch.num_rows() < 2 || batch.num_columns() == 0 {
        return Ok(batch.clone());
    }
    let schema = batch.schema();
    let mut order: Vec<usize> = first.iter().filter_map(|name| schema.index_of(name).ok()).collect();
    order.extend((0..batch.num_columns()).filter(|i| !first.contains(&schema.field(*i).name().as_str())));
    let by = batch.project(&order)?;
    let fields = by.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(by.columns())?;
    let mut places: Vec<u32> = (0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX)).collect();
    places.sort_by_key(|i| rows.row(*i as usize));
    take_record_batch(batch, &UInt32Array::from(places))
}

/// A cell that could be taken for something else is written as a JSON string.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text != "NULL"
        && text.trim() == text
        && !text.starts_with('"')
        && !text.contains(|c: char| c == '|' || c.is_control());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn unquoted(cell: &str) -> Option<String> {
    if cell.starts_with('"') { serde_json::from_str(cell).ok() } else { Some(cell.to_owned()) }
}

fn split(line: &str) -> Option<Vec<String>> {
    let mut cells = vec![];
    let mut rest = line;
    loop {
        let end = if rest.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            values.next()?.ok()?;
            values.byte_offset()
        } else {
            rest.find(BETWEEN).unwrap_or(rest.len())
        };
        cells.push(rest[..end].to_owned());
        match rest[end..].strip_prefix(BETWEEN) {
            Some(next) => rest = next,
            None if end == rest.len() => return Some(cells),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cells, quoted};

    #[test]
    fn what_is_written_is_read_again() {
        let texts = ["", "NULL", "a", " a", "a | b", "\"", "x\ny", "Zoë", "12.300000", "|"];
        let row: Vec<String> = texts.iter().map(|text| quoted(text)).chain(["NULL".to_owned()]).collect();
        let columns = (0..row.len()).map(|i| (format!("c:{i} | x"), "decimal(10,2)".to_owned())).collect();
        let cells = Cells { columns, rows: vec![row.clone(), row] };
        let lines: Vec<String> = cells.lines().collect();
        assert_eq!(Cells::parse(&cells.header(), lines.iter().map(String::as_str)), Some(cells));
    }

    #[test]
    fn null_is_not_the_word_and_nothing_is_not_null() {
        assert_eq!(quoted("NULL"), "\"NULL\"");
        assert_eq!(quoted(""), "\"\"");
    }
}
