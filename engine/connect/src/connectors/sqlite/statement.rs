//! The one place where SQL for SQLite is put together, from names and definitions.

use super::types;
use crate::sql::identifier;
use engine_language::table::{Column, TableDefinition};

pub use crate::sql::identifier::quote;

/// Names in a row, with commas.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    identifier::list(names, quote)
}

fn names(columns: &[String]) -> String {
    list(columns.iter().map(String::as_str))
}

/// `create table` with every rule of the definition, or with the columns alone.
pub fn create(table: &str, definition: &TableDefinition, rules: bool) -> String {
    let mut parts: Vec<String> =
        definition.columns.iter().map(|column| self::column(column, definition, rules)).collect();
    if rules {
        if definition.key.len() > 1 || (definition.key.len() == 1 && !makes_rowid(definition)) {
            parts.push(format!("primary key ({})", names(&definition.key)));
        }
        parts.extend(definition.unique.iter().map(|columns| format!("unique ({})", names(columns))));
        parts.extend(definition.foreign_keys.iter().map(|key| {
            format!("foreign key ({}) references {} ({})", names(&key.columns), quote(&key.table), names(&key.to))
        }));
        parts.extend(definition.checks.iter().map(|check| match &check.name {
            Some(name) => format!("constraint {} check ({})", quote(name), check.sql),
            None => format!("check ({})", check.sql),
        }));
    }
    format!("create table {} (\n  {}\n)", quote(table), parts.join(",\n  "))
}

/// Whether the key is one whole number, which SQLite then makes by itself when it is not given.
pub fn makes_rowid(definition: &TableDefinition) -> bool {
    let [key] = definition.key.as_slice() else { return false };
    definition.column(key).is_some_and(|column| types::is_integer(&column.kind))
}

fn column(column: &Column, definition: &TableDefinition, rules: bool) -> String {
    let name = quote(&column.name);
    if rules && makes_rowid(definition) && definition.key[0] == column.name {
        return format!("{name} integer primary key");
    }
    let declared = types::declared(&column.kind);
    let not_null = if rules && !column.nullable { " not null" } else { "" };
    let default =
        column.default.as_ref().filter(|_| rules).map(|text| format!(" default ({text})")).unwrap_or_default();
    format!("{name} {declared}{not_null}{default}")
}

/// The indexes of a definition.
pub fn indexes<'a>(table: &'a str, definition: &'a TableDefinition) -> impl Iterator<Item = String> + 'a {
    definition.indexes.iter().map(move |index| {
        format!("create index if not exists {} on {} ({})", quote(&index.name), quote(table), names(&index.columns))
    })
}

/// `insert into … values (?, …)`.
pub fn insert(table: &str, columns: &[&str]) -> String {
    let marks = vec!["?"; columns.len()].join(", ");
    format!("insert into {} ({}) values ({marks})", quote(table), list(columns.iter().copied()))
}

/// Adds all rows of one table to another.
pub fn append(table: &str, stage: &str, columns: &[&str]) -> String {
    let columns = list(columns.iter().copied());
    format!("insert into {} ({columns}) select {columns} from {} order by rowid", quote(table), quote(stage))
}

/// Adds rows or, where one of the same key is there, updates it.
pub fn merge(table: &str, stage: &str, columns: &[&str], key: &[String]) -> String {
    let all = list(columns.iter().copied());
    let others: Vec<&&str> = columns.iter().filter(|column| !key.iter().any(|k| k == **column)).collect();
    let action = if others.is_empty() {
        "do nothing".to_owned()
    } else {
        let set: Vec<String> = others.iter().map(|c| format!("{0} = excluded.{0}", quote(c))).collect();
        let differs: Vec<String> =
            others.iter().map(|c| format!("{1}.{0} is not excluded.{0}", quote(c), quote(table))).collect();
        format!("do update set {} where {}", set.join(", "), differs.join(" or "))
    };
    format!(
        "insert into {} ({all}) select {all} from {} where true order by rowid on conflict ({}) {action}",
        quote(table),
        quote(stage),
        names(key)
    )
}

/// Deletes the rows whose key is among another table's.
pub fn delete_matching(table: &str, stage: &str, key: &[String]) -> String {
    let key = names(key);
    format!("delete from {} where ({key}) in (select {key} from {})", quote(table), quote(stage))
}

/// Counts the rows in which a part of the key is NULL.
pub fn count_null_keys(stage: &str, key: &[String]) -> String {
    format!("select count(*) from {} where {}", quote(stage), identifier::any_null(key, quote))
}
