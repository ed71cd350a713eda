//! What of a table MySQL cannot carry, before any row moves.

use super::{
    standard_sql,
    types::{self, LONGEST_VARCHAR},
};
use crate::hub::loss::Loss;
use engine_language::{
    code,
    column::ColumnType,
    table::{Column, TableDefinition},
};

/// Characters of the longest name.
const LONGEST_NAME: usize = 64;

/// What would not be in a copy.
pub fn of(table: &TableDefinition) -> Vec<Loss> {
    let mut found: Vec<Loss> = table.columns.iter().flat_map(column).collect();
    let unknown = table.checks.iter().filter(|check| !standard_sql::understood(&check.sql));
    found.extend(unknown.map(|check| Loss::check(check, "MySQL")));
    found
}

fn column(column: &Column) -> Vec<Loss> {
    let name = &column.name;
    let mut found = vec![];
    if name.chars().count() > LONGEST_NAME {
        found.push(Loss::name(name, &format!("{LONGEST_NAME} characters that MySQL")));
    }
    match column.kind {
        ColumnType::Text(Some(length)) if length > LONGEST_VARCHAR => {
            found.push(Loss::length(name, length));
        }
        ColumnType::Text(None) if !column.labels.is_empty() && !types::is_enum(&column.labels) => {
            let message = format!("column `{name}` has labels that no enum of MySQL has, and its copy takes any text");
            found.push(Loss::new(&code::W0516, message));
        }
        ColumnType::Interval | ColumnType::List(_) => {
            let message = format!("column `{name}` is of type {}, which MySQL does not have", column.kind);
            let hint = "the replication will be refused: let the source's connection carry it as text, by `types`";
            found.push(Loss::new(&code::W0516, message).hint(hint));
        }
        _ => {}
    }
    found
}
