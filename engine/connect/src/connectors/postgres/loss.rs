//! What of a table PostgreSQL cannot carry, before any row moves.

use super::{server::LONGEST_NAME, standard_sql, types::LONGEST_TEXT};
use crate::hub::loss::Loss;
use engine_language::{column::ColumnType, table::TableDefinition};

/// What would not be in a copy.
pub fn of(table: &TableDefinition) -> Vec<Loss> {
    let mut found = vec![];
    for column in &table.columns {
        if column.name.len() > LONGEST_NAME {
            found.push(Loss::name(&column.name, &format!("{LONGEST_NAME} bytes that PostgreSQL")));
        }
        if let ColumnType::Text(Some(length)) = column.kind
            && length > LONGEST_TEXT
        {
            found.push(Loss::length(&column.name, length));
        }
    }
    let unknown = table.checks.iter().filter(|check| !standard_sql::understood(&check.sql));
    found.extend(unknown.map(|check| Loss::check(check, "PostgreSQL")));
    found
}
