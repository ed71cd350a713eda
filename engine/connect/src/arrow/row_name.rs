//! Which row of a table something is about, in words.

use datafusion::arrow::{
    array::{Array, RecordBatch},
    util::display::{ArrayFormatter, FormatOptions},
};

/// The row by its key, as `id = 5`; by its number among those read or written, from 1, where no key is at hand.
pub fn named(batch: &RecordBatch, row: usize, key: &[String], number: u64) -> String {
    let cell = |column: &String| {
        let array = batch.column_by_name(column)?;
        if row >= array.len() || array.is_null(row) {
            return None;
        }
        let options = FormatOptions::default();
        let shown = ArrayFormatter::try_new(array.as_ref(), &options).ok()?.value(row).to_string();
        Some(format!("{column} = {shown}"))
    };
    let cells: Option<Vec<String>> = key.iter().map(cell).collect();
    match cells {
        Some(cells) if !cells.is_empty() => format!("the row with {}", cells.join(", ")),
        _ => format!("row {number}"),
    }
}
