//! Rows as values that can be compared: numbers by their value, floats to a few units in the last place.

use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, Float32Type, Float64Type},
    util::display::{ArrayFormatter, FormatOptions},
};
use serde_json::Value;

/// The cells of a row.
pub type Row = Vec<Cell>;

/// A cell.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Cell {
    /// NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number that is exact: its digits without zeros that say nothing.
    Number(String),
    /// A number that is not.
    Float(f64),
    /// Anything else.
    Text(String),
    /// An array.
    List(Vec<Cell>),
}

/// A row of PostgreSQL's, from a JSON array.
pub fn parsed(json: &str) -> Row {
    let Value::Array(values) = serde_json::from_str(json).unwrap() else { panic!("no row: {json}") };
    values.into_iter().map(cell).collect()
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Bool(value),
        Value::Number(number) => number_of(&number.to_string()),
        Value::String(text) => Cell::Text(text),
        Value::Array(values) => Cell::List(values.into_iter().map(cell).collect()),
        Value::Object(_) => Cell::Text(value.to_string()),
    }
}

/// A number without leading and trailing zeros.
fn number_of(text: &str) -> Cell {
    if text.contains(['e', 'E']) {
        return Cell::Float(text.parse().unwrap());
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() || digits.starts_with('.') { format!("0{digits}") } else { digits.to_owned() };
    Cell::Number(if digits == "0" { digits } else { format!("{sign}{digits}") })
}

/// The rows of a batch.
pub fn rows(batch: &RecordBatch) -> Vec<Row> {
    let columns: Vec<Vec<Cell>> = batch.columns().iter().map(column).collect();
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect()
}

fn column(array: &ArrayRef) -> Vec<Cell> {
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.f"));
    let format = ArrayFormatter::try_new(array.as_ref(), &options).unwrap();
    let text = |row: usize| format.value(row).to_string();
    let value = |row: usize| match array.data_type() {
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Float32 => number_of(&array.as_primitive::<Float32Type>().value(row).to_string()),
        DataType::List(_) => Cell::List(column(&array.as_list::<i32>().value(row))),
        kind if kind.is_numeric() => number_of(&text(row)),
        _ => Cell::Text(text(row)),
    };
    (0..array.len()).map(|row| if array.is_null(row) { Cell::Null } else { value(row) }).collect()
}

fn float(value: f64) -> Cell {
    // As PostgreSQL writes them into JSON.
    if value.is_nan() {
        return Cell::Text("NaN".into());
    }
    if value.is_infinite() {
        return Cell::Text(if value > 0.0 { "Infinity" } else { "-Infinity" }.into());
    }
    Cell::Float(value)
}

fn alike(a: &Cell, b: &Cell) -> bool {
    let number = |cell: &Cell| match cell {
        Cell::Float(value) => Some(*value),
        Cell::Number(text) => text.parse().ok(),
        _ => None,
    };
    match (a, b) {
        (Cell::Float(_), _) | (_, Cell::Float(_)) => match (number(a), number(b)) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
            _ => false,
        },
        (Cell::List(a), Cell::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        // A division has as many digits as PostgreSQL finds right, which is another matter.
        (Cell::Number(x), Cell::Number(y)) => {
            x == y
                || x.len().min(y.len()) > 14
                    && number(a).zip(number(b)).is_some_and(|(a, b)| (a - b).abs() <= 1e-12 * a.abs())
        }
        (a, b) => a == b,
    }
}

fn key(row: &Row) -> String {
    let parts = row.iter().map(|cell| match cell {
        Cell::Number(text) => text.parse::<f64>().map_or_else(|_| text.clone(), |value| format!("{value:.6e}")),
        Cell::Float(value) => format!("{value:.6e}"),
        other => format!("{other:?}"),
    });
    parts.collect::<Vec<_>>().join("|")
}

/// What is different, if anything.
pub fn differ(mut ours: Vec<Row>, mut theirs: Vec<Row>, ordered: bool) -> Option<String> {
    if !ordered {
        ours.sort_by_cached_key(key);
        theirs.sort_by_cached_key(key);
    }
    if ours.len() != theirs.len() {
        let only = |these: &[Row], those: &[Row]| {
            let these = these.iter().filter(|row| !those.iter().any(|other| same(row, other)));
            format!("{:?}", these.take(3).collect::<Vec<_>>())
        };
        return Some(format!(
            "{} rows here, {} there; only here {}, only there {}",
            ours.len(),
            theirs.len(),
            only(&ours, &theirs),
            only(&theirs, &ours)
        ));
    }
    let different = ours.iter().zip(&theirs).find(|(ours, theirs)| !same(ours, theirs))?;
    Some(format!("here {:?}, there {:?}", different.0, different.1))
}

fn same(ours: &Row, theirs: &Row) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| alike(a, b))
}
