//! What of a table PostgreSQL cannot carry, before any row moves.

use super::{server::LONGEST_NAME, standard, types::LONGEST_TEXT};
use crate::loss::Loss;
use engine_language::{code, column::ColumnType, table::TableDefinition};

/// What would not be in a copy.
pub fn of(table: &TableDefinition) -> Vec<Loss> {
    let mut found = vec![];
    for column in &table.columns {
        let name = &column.name;
        if name.len() > LONGEST_NAME {
            let message =
                format!("column `{name}` has more than the {LONGEST_NAME} bytes that PostgreSQL keeps of a name");
            found.push(Loss::new(&code::W0517, message).hint("give it a shorter name in a view, and copy that"));
        }
        if let ColumnType::Text(Some(length)) = column.kind
            && length > LONGEST_TEXT
        {
            let message = format!("column `{name}` holds {length} characters, and its copy is not limited");
            found.push(Loss::new(&code::W0512, message));
        }
    }
    for check in table.checks.iter().filter(|check| !standard::understood(&check.sql)) {
        let message = format!("PostgreSQL does not understand the check `{}`", check.sql);
        found.push(Loss::new(&code::W0514, message).hint("add it as a check of a model that reads the copy"));
    }
    found
}
