//! A csv text that is held whole, with a line that names its columns.

use crate::{
    arrow::{batch_size::ROWS, types},
    format::{
        infer::Inferred,
        text::{self, Cell, parse},
    },
};
use csv::{ByteRecord, ReaderBuilder};
use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};
use engine_language::{
    column::ColumnType,
    table::{Column, TableDefinition},
};
use std::ops::Range;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvError {
    /// The line, from 1.
    pub line: u64,
    /// The bytes of the record.
    pub at: Range<usize>,
    /// Why.
    pub reason: String,
}

/// A text, split into records.
struct Records {
    names: Vec<String>,
    rows: Vec<(u64, Range<usize>, ByteRecord)>,
}

/// The columns of a text: declared, or the narrowest types that hold every value exactly.
pub fn schema(text: &str, declared: &[(&str, &ColumnType)]) -> Result<SchemaRef, CsvError> {
    let records = Records::of(text)?;
    records.schema(declared)
}

/// The rows of a text. An empty field is NULL, and so is `null`.
pub fn read(text: &str, declared: &[(&str, &ColumnType)]) -> Result<(SchemaRef, Vec<RecordBatch>), CsvError> {
    let records = Records::of(text)?;
    let schema = records.schema(declared)?;
    let kinds = kinds(&schema);
    let batches = records.rows.chunks(ROWS).map(|rows| batch(rows, &schema, &kinds)).collect::<Result<_, _>>()?;
    Ok((schema, batches))
}

fn kinds(schema: &SchemaRef) -> Vec<(String, ColumnType)> {
    let columns = schema.fields().iter().filter_map(|field| types::column(field));
    columns.map(|column| (column.name, column.kind)).collect()
}

fn batch(
    rows: &[(u64, Range<usize>, ByteRecord)],
    schema: &SchemaRef,
    kinds: &[(String, ColumnType)],
) -> Result<RecordBatch, CsvError> {
    let mut columns: Vec<text::Column> = kinds.iter().filter_map(|(_, kind)| text::Column::new(kind)).collect();
    for (line, at, record) in rows {
        let error = |reason: String| CsvError { line: *line, at: at.clone(), reason };
        for ((field, (name, kind)), column) in record.iter().zip(kinds).zip(&mut columns) {
            let cell = match value(field) {
                None => Cell::Null,
                Some(text) => parse(text, kind).ok_or_else(|| error(format!("`{name}`: \"{text}\" is no {kind}")))?,
            };
            column.push(cell).map_err(|why| error(why.to_string()))?;
        }
    }
    let arrays = columns.iter_mut().map(text::Column::finish).collect();
    let whole = |why: datafusion::arrow::error::ArrowError| CsvError { line: 1, at: 0..0, reason: why.to_string() };
    RecordBatch::try_new(schema.clone(), arrays).map_err(whole)
}

/// What a field holds; `None` is NULL.
fn value(field: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(field).ok()?;
    (!text.is_empty() && !text.eq_ignore_ascii_case("null")).then_some(text)
}

impl Records {
    fn of(text: &str) -> Result<Self, CsvError> {
        let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&text.as_bytes()[start..]);
        let mut records = Self { names: vec![], rows: vec![] };
        let mut record = ByteRecord::new();
        let (mut line, mut counted) = (1, 0);
        loop {
            let from = start + usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            let error = |line, reason| CsvError { line, at: from..from, reason };
            if !reader.read_byte_record(&mut record).map_err(|why| error(1, why.to_string()))? {
                break;
            }
            // The reader steps over ends of lines before a record.
            let from = from + text[from..].len() - text[from..].trim_start_matches(['\r', '\n']).len();
            let to = start + usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            let at = from..from + text[from..to].trim_end_matches(['\r', '\n']).len();
            line += text[counted..from].bytes().filter(|byte| *byte == b'\n').count() as u64;
            counted = from;
            if records.names.is_empty() {
                records.names = names(&record, line, &at)?;
            } else if record.len() == records.names.len() {
                records.rows.push((line, at, record.clone()));
            } else {
                let reason = format!("{} values instead of {}", record.len(), records.names.len());
                return Err(CsvError { line, at, reason });
            }
        }
        if records.names.is_empty() {
            return Err(CsvError { line: 1, at: 0..0, reason: "nothing in it names its columns".into() });
        }
        Ok(records)
    }

    fn schema(&self, declared: &[(&str, &ColumnType)]) -> Result<SchemaRef, CsvError> {
        let first = |reason: String| CsvError { line: 1, at: 0..0, reason };
        if let Some((name, _)) = declared.iter().find(|(name, _)| !self.names.iter().any(|known| known == name)) {
            return Err(first(format!("no column is named `{name}`; there are {}", self.names.join(", "))));
        }
        let mut columns = vec![];
        for (number, name) in self.names.iter().enumerate() {
            let kind = match declared.iter().find(|(declared, _)| declared == name) {
                Some((_, kind)) => (*kind).clone(),
                None => self.inferred(number),
            };
            if text::Column::new(&kind).is_none() {
                return Err(first(format!("`{name}`: a csv text holds no {kind}")));
            }
            columns.push(Column::new(name, kind));
        }
        Ok(types::schema(&TableDefinition { columns, ..TableDefinition::default() }))
    }

    fn inferred(&self, number: usize) -> ColumnType {
        let mut inferred = Inferred::default();
        self.rows.iter().filter_map(|(_, _, record)| value(&record[number])).for_each(|text| inferred.look(text));
        inferred.kind()
    }
}

fn names(record: &ByteRecord, line: u64, at: &Range<usize>) -> Result<Vec<String>, CsvError> {
    let mut names: Vec<String> = vec![];
    for name in record {
        let name = String::from_utf8_lossy(name).into_owned();
        if names.contains(&name) {
            return Err(CsvError { line, at: at.clone(), reason: format!("two columns are named `{name}`") });
        }
        names.push(name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::{read, schema};
    use engine_language::column::ColumnType;

    fn types(text: &str, declared: &[(&str, &ColumnType)]) -> String {
        let schema = schema(text, declared).unwrap();
        let columns = schema.fields().iter().filter_map(|field| crate::arrow::types::column(field));
        columns.map(|column| format!("{} {}", column.name, column.kind)).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn types_are_inferred_unless_declared() {
        let text = "zip,n,at,note\n01067,18446744073709551616,2026-01-01 00:00:00 ,null\n99999,1,,\n";
        assert_eq!(types(text, &[]), "zip text, n decimal(38,0), at timestamp, note text");
        let declared = types(text, &[("n", &ColumnType::Text(None)), ("note", &ColumnType::Int)]);
        assert_eq!(declared, "zip text, n text, at timestamp, note int");
        let (_, batches) = read(text, &[]).unwrap();
        assert_eq!((batches[0].num_rows(), batches[0].column(3).null_count()), (2, 2));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let short = schema("a,b\n1,2\n\n\"x\ny\",2\n3\n", &[]).unwrap_err();
        assert_eq!((short.line, short.reason.as_str()), (6, "1 values instead of 2"));
        assert_eq!(short.at, 17..18);
        assert_eq!(schema("", &[]).unwrap_err().reason, "nothing in it names its columns");
        assert_eq!(schema("a,a\n", &[]).unwrap_err().reason, "two columns are named `a`");
        let unknown = schema("a\n1\n", &[("b", &ColumnType::Int)]).unwrap_err();
        assert_eq!(unknown.reason, "no column is named `b`; there are a");
        let wrong = read("a\n1\nx\n", &[("a", &ColumnType::Int)]).unwrap_err();
        assert_eq!((wrong.line, wrong.reason.as_str()), (3, "`a`: \"x\" is no int"));
    }
}
