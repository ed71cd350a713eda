//! The schema of rows: a record whose fields are the columns, each of which may be null.

use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use engine_language::column::ColumnType;
use serde_json::{Value, json};

/// What a topic's messages are called in their schema.
pub fn record_name(topic: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = topic.chars().map(plain).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// The schema, as text. `Err` names the column that has none.
pub fn schema<'a>(name: &str, fields: impl Iterator<Item = &'a Field>) -> Result<String, String> {
    let field = |field: &Field| {
        let name = field.name();
        let wrong = |why: &str| format!("column `{name}`: {why}");
        if !is_name(name) {
            return Err(wrong("names in Avro have letters, digits and `_`, and begin with no digit"));
        }
        let kind = kind(field).ok_or_else(|| wrong(&format!("Avro has no type for {}", field.data_type())))?;
        Ok(json!({ "name": name, "type": ["null", kind], "default": null }))
    };
    let fields: Vec<Value> = fields.map(field).collect::<Result<_, _>>()?;
    Ok(json!({ "type": "record", "name": name, "fields": fields }).to_string())
}

fn is_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn kind(field: &Field) -> Option<Value> {
    let logical = |on: &str, kind: &str| json!({ "type": on, "logicalType": kind });
    let decimal = |precision: u8, scale: i8| json!({ "type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale });
    Some(match field.data_type() {
        DataType::Boolean => "boolean".into(),
        DataType::Int16 | DataType::Int32 => "int".into(),
        DataType::Int64 => "long".into(),
        DataType::UInt64 => decimal(20, 0),
        DataType::Float32 => "float".into(),
        DataType::Float64 => "double".into(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) if *scale >= 0 => {
            decimal(*precision, *scale)
        }
        DataType::Utf8 if crate::arrow::types::column(field).is_some_and(|column| column.kind == ColumnType::Uuid) => {
            logical("string", "uuid")
        }
        DataType::Utf8 => "string".into(),
        DataType::Binary => "bytes".into(),
        DataType::Date32 => logical("int", "date"),
        DataType::Time64(TimeUnit::Microsecond) => logical("long", "time-micros"),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => logical("long", "timestamp-micros"),
        DataType::Timestamp(TimeUnit::Microsecond, None) => logical("long", "local-timestamp-micros"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{record_name, schema};
    use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit};

    #[test]
    fn columns_are_fields_or_say_why_not() {
        let of = |name: &str, kind| schema("r", [Field::new(name, kind, true)].iter());
        let expected = r#"{"type":"record","name":"r","fields":[{"name":"n","type":["null","long"],"default":null}]}"#;
        assert_eq!(of("n", DataType::Int64).unwrap(), expected);
        assert!(of("a b", DataType::Int64).unwrap_err().starts_with("column `a b`: names in Avro"));
        let interval = DataType::Interval(IntervalUnit::MonthDayNano);
        assert_eq!(of("i", interval).unwrap_err(), "column `i`: Avro has no type for Interval(MonthDayNano)");
        assert_eq!(record_name("7.user-data"), "_7_user_data");
    }
}
