//! How a model's rows are added to those that are there.

use engine_connect::hub::publication::Mode;
use engine_language::model::{Model, Strategy};

/// The key's columns.
pub fn key(model: &Model) -> Vec<String> {
    model.config.key.iter().map(|column| column.value.clone()).collect()
}

/// How rows are added to those that are there.
pub fn write_mode(model: &Model) -> Mode {
    match model.config.strategy {
        Strategy::Append => Mode::Append,
        Strategy::Merge => Mode::Merge { key: key(model) },
        Strategy::DeleteInsert => Mode::DeleteInsert { key: key(model) },
    }
}
