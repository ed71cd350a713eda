//! JSON messages into Arrow columns of declared types: every value exactly, or the message is refused with a reason.
//!
//! One message is one object. A value that would lose something (1.7 for an `int`, 1.005 for a `decimal(10,2)`), text after
//! the object, a bare `null`: each refuses its message and no other.

use arrow::json::ReaderBuilder;
use chrono::Utc;
use datafusion::arrow::{
    array::RecordBatch,
    compute::kernels::cast_utils::{parse_decimal, string_to_datetime},
    datatypes::{Decimal128Type, Decimal256Type, SchemaRef},
    error::ArrowError,
};
use engine_language::column::ColumnType;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

/// Decodes messages of one schema.
#[derive(Clone, Debug)]
pub struct JsonDecoder {
    schema: SchemaRef,
    columns: Vec<(String, ColumnType)>,
}

/// The columns of the good messages, and why the others were refused, by their place among all.
#[derive(Debug)]
pub struct Decoded {
    /// One row for each good message, in their order.
    pub rows: RecordBatch,
    /// Which messages the rows are of.
    pub good: Vec<usize>,
    /// Which messages were refused, and why.
    pub refused: Vec<(usize, String)>,
}

impl JsonDecoder {
    /// For these columns; keys of a message that are no column are ignored, columns without a key are NULL.
    pub fn new(columns: Vec<(String, ColumnType)>) -> Self {
        let fields: Vec<_> = columns
            .iter()
            .map(|(name, kind)| crate::types::field(&engine_language::table::Column::new(name, kind.clone())))
            .collect();
        Self { schema: std::sync::Arc::new(datafusion::arrow::datatypes::Schema::new(fields)), columns }
    }

    /// The columns as Arrow fields.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Decodes messages.
    pub fn decode(&self, messages: &[&[u8]]) -> Result<Decoded, ArrowError> {
        let (mut rows, mut good, mut refused) = (vec![], vec![], vec![]);
        for (i, message) in messages.iter().enumerate() {
            match self.row(message) {
                Ok(row) => {
                    rows.push(row);
                    good.push(i);
                }
                Err(reason) => refused.push((i, reason)),
            }
        }
        let mut decoder = ReaderBuilder::new(self.schema.clone()).with_batch_size(rows.len().max(1)).build_decoder()?;
        decoder.serialize(&rows)?;
        let rows = decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(self.schema.clone()));
        Ok(Decoded { rows, good, refused })
    }

    fn row<'a>(&'a self, message: &[u8]) -> Result<Row<'a>, String> {
        let object: Map<String, Value> =
            serde_json::from_slice(message).map_err(|error| format!("not one JSON object: {error}"))?;
        let mut cells = vec![];
        for (name, kind) in &self.columns {
            let value = object.get(name).unwrap_or(&Value::Null);
            let cell = cell(value, kind).ok_or_else(|| format!("`{name}`: {value} is no {kind}"))?;
            cells.push((name.as_str(), cell));
        }
        Ok(Row(cells))
    }
}

/// A row whose values were found to fit their columns.
struct Row<'a>(Vec<(&'a str, Cell)>);

enum Cell {
    Null,
    Bool(bool),
    Text(String),
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, cell) in &self.0 {
            match cell {
                Cell::Null => map.serialize_entry(name, &())?,
                Cell::Bool(truth) => map.serialize_entry(name, truth)?,
                Cell::Text(text) => map.serialize_entry(name, text)?,
            }
        }
        map.end()
    }
}

/// The value as text that Arrow reads as exactly this value; `None` if it does not fit.
fn cell(value: &Value, kind: &ColumnType) -> Option<Cell> {
    let number = || match value {
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let text = || value.as_str().map(str::to_owned);
    let whole = |fits: fn(&str) -> bool| number().filter(|text| fits(text)).map(Cell::Text);
    if value.is_null() {
        return Some(Cell::Null);
    }
    match kind {
        ColumnType::Bool => value.as_bool().map(Cell::Bool),
        ColumnType::SmallInt => whole(|text| text.parse::<i16>().is_ok()),
        ColumnType::Int => whole(|text| text.parse::<i32>().is_ok()),
        ColumnType::BigInt => whole(|text| text.parse::<i64>().is_ok()),
        ColumnType::UBigInt => whole(|text| text.parse::<u64>().is_ok()),
        ColumnType::Float => whole(|text| text.parse::<f32>().is_ok_and(f32::is_finite)),
        ColumnType::Double => whole(|text| text.parse::<f64>().is_ok_and(f64::is_finite)),
        ColumnType::Decimal(p, s) => number().or_else(text).filter(|text| decimal(text, *p, *s)).map(Cell::Text),
        ColumnType::Text(limit) => {
            text().filter(|text| limit.is_none_or(|most| text.chars().count() <= most as usize)).map(Cell::Text)
        }
        ColumnType::Uuid => text().map(Cell::Text),
        ColumnType::Json => Some(Cell::Text(value.to_string())),
        ColumnType::Date => {
            text().filter(|text| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()).map(Cell::Text)
        }
        ColumnType::Timestamp | ColumnType::TimestampTz => text().filter(|text| time(text)).map(Cell::Text),
        ColumnType::Time => {
            text().filter(|text| chrono::NaiveTime::parse_from_str(text, "%H:%M:%S%.f").is_ok()).map(Cell::Text)
        }
        ColumnType::Bytes | ColumnType::Interval | ColumnType::List(_) => None,
    }
}

/// A time with at most six digits of a second.
pub(super) fn time(text: &str) -> bool {
    string_to_datetime(&Utc, text).is_ok_and(|time| time.timestamp_subsec_nanos() % 1000 == 0)
}

/// A decimal with no more digits after the point than the type has, zeros aside.
pub(super) fn decimal(text: &str, precision: u8, scale: i8) -> bool {
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction).trim_end_matches('0');
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
    plain
        && fraction.len() <= usize::from(scale.unsigned_abs())
        && if precision <= 38 {
            parse_decimal::<Decimal128Type>(text, precision, scale).is_ok()
        } else {
            parse_decimal::<Decimal256Type>(text, precision, scale).is_ok()
        }
}
