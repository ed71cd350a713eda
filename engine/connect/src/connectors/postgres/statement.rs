//! The one place where SQL for PostgreSQL is put together, from names and definitions.

use super::{standard_sql, types};
use crate::sql::{identifier, type_text::is_type};
use engine_language::table::{Column, TableDefinition};

pub use crate::sql::identifier::quote;

pub use crate::sql::literal::text as literal;

/// A name in a schema.
pub fn within(schema: &str, name: &str) -> String {
    format!("{}.{}", quote(schema), quote(name))
}

/// Names in a row, with commas.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    identifier::list(names, quote)
}

/// The same, of owned names.
pub fn names(columns: &[String]) -> String {
    list(columns.iter().map(String::as_str))
}

/// Words that may stand behind the name of a type.
const TYPE_WORDS: &[&str] = &[
    "precision",
    "varying",
    "with",
    "without",
    "time",
    "zone",
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "to",
];

/// The first column that another PostgreSQL declares as something which is no type.
pub fn no_type(definition: &TableDefinition) -> Option<(&str, &str)> {
    let mut columns =
        definition.columns.iter().filter_map(|column| Some((column.name.as_str(), column.native(types::KIND)?)));
    columns.find(|(_, native)| !is_type(native, TYPE_WORDS))
}

/// What a column is declared as: as another PostgreSQL declared it, if it comes from one.
fn declared(column: &Column, schema: &str) -> String {
    match column.native(types::KIND) {
        Some(native) => native.to_owned(),
        None => types::declared(&column.kind, schema),
    }
}

/// `create table` with the columns, and where `rules`, what holds for each column alone.
pub fn create(table: &str, schema: &str, definition: &TableDefinition, rules: bool) -> String {
    let column = |column: &Column| {
        let must = rules && (!column.nullable || definition.key.contains(&column.name));
        let default = column.default.as_ref().filter(|_| rules).map(|text| format!(" default {text}"));
        format!(
            "{} {}{}{}",
            quote(&column.name),
            declared(column, schema),
            if must { " not null" } else { "" },
            default.unwrap_or_default()
        )
    };
    let columns: Vec<String> = definition.columns.iter().map(column).collect();
    format!("create table {table} ({})", columns.join(", "))
}

/// For a table whose rows are to be updated often: a row that changes finds room on its page, and then no index changes.
pub const ROOM: &str = " with (fillfactor = 70)";

/// Key, unique sets and checks, to be added when the rows are there; names begin with `prefix`.
pub fn rules(table: &str, prefix: &str, definition: &TableDefinition) -> Vec<String> {
    let mut all = vec![];
    if !definition.key.is_empty() {
        let (name, key) = (quote(&format!("{prefix}_pkey")), names(&definition.key));
        all.push(format!("alter table {table} add constraint {name} primary key ({key})"));
    }
    for (i, columns) in definition.unique.iter().enumerate() {
        let name = quote(&format!("{prefix}_u{i}"));
        all.push(format!("alter table {table} add constraint {name} unique ({})", names(columns)));
    }
    for check in definition.checks.iter().filter(|check| standard_sql::understood(&check.sql)) {
        let name = check.name.as_ref().map(|name| format!("constraint {} ", quote(name))).unwrap_or_default();
        all.push(format!("alter table {table} add {name}check ({})", check.sql));
    }
    for (i, index) in definition.indexes.iter().enumerate() {
        let name = quote(&format!("{prefix}_i{i}"));
        all.push(format!("create index {name} on {table} ({})", names(&index.columns)));
    }
    all
}

/// Adds rows or, where one of the same key is there, updates it. In staging each key may be there once, or else the last counts.
pub fn merge(
    (table, stage): (&str, &str),
    definition: &TableDefinition,
    columns: &[&str],
    key: &[String],
    each_once: bool,
) -> String {
    let all = list(columns.iter().copied());
    let others: Vec<&&str> = columns.iter().filter(|column| !key.iter().any(|k| k == **column)).collect();
    let action = if others.is_empty() {
        "do nothing".to_owned()
    } else {
        let set: Vec<String> = others.iter().map(|c| format!("{0} = excluded.{0}", quote(c))).collect();
        // json has no equality.
        let json =
            |name: &str| definition.column(name).is_some_and(|c| c.kind == engine_language::column::ColumnType::Json);
        let differs = others.iter().map(|c| {
            let cast = if json(c) { "::text" } else { "" };
            format!("engine_there.{0}{cast} is distinct from excluded.{0}{cast}", quote(c))
        });
        format!("do update set {} where {}", set.join(", "), differs.collect::<Vec<_>>().join(" or "))
    };
    let key = names(key);
    let new = if each_once {
        stage.to_owned()
    } else {
        format!("(select distinct on ({key}) * from {stage} order by {key}, {ORDER} desc)")
    };
    format!(
        "insert into {table} as engine_there ({all}) select {all} from {new} as engine_new on conflict ({key}) {action}"
    )
}

/// The column of a staging table that keeps the order of its rows.
pub const ORDER: &str = "engine_order";

/// That the key of `engine_there` is among another table's.
pub fn among(stage: &str, key: &[String]) -> String {
    let same: Vec<String> = key.iter().map(|c| format!("engine_new.{0} = engine_there.{0}", quote(c))).collect();
    format!("exists (select from {stage} as engine_new where {})", same.join(" and "))
}

/// Deletes the rows whose key is among another table's, or is not.
pub fn delete_matching(table: &str, stage: &str, key: &[String], matching: bool) -> String {
    let not = if matching { "" } else { "not " };
    format!("delete from {table} as engine_there where {not}{}", among(stage, key))
}

/// Counts the rows in which a part of the key is NULL.
pub fn count_null_keys(stage: &str, key: &[String]) -> String {
    format!("select count(*) from {stage} where {}", identifier::any_null(key, quote))
}
