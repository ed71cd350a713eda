//! What a file's tables look like.

use super::{file::SqliteError, statement::quote, types};
use datafusion::sql::sqlparser::{
    ast::{ColumnOption, Statement, TableConstraint},
    dialect::SQLiteDialect,
    parser::Parser,
};
use engine_language::{
    column::ColumnType,
    name::Name,
    table::{Column, ForeignKey, Index, RowCheck, TableDefinition},
};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// The beginning of the names of staging tables.
pub const STAGE: &str = "engine_stage_";

/// The tables and views that are the user's, sorted.
pub fn tables(connection: &Connection) -> rusqlite::Result<Vec<Name>> {
    let sql = "select name from sqlite_master where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\' \
               and name not like 'engine\\_%' escape '\\' order by name";
    let mut statement = connection.prepare(sql)?;
    statement.query_map([], |row| row.get::<_, String>(0).map(Name::from))?.collect()
}

/// Staging tables that are there.
pub fn staging(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "select name from sqlite_master where type = 'table' and name like 'engine\\_stage\\_%' escape '\\'";
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// Whether a table or view is there.
pub fn exists(connection: &Connection, table: &str) -> rusqlite::Result<bool> {
    let sql = "select 1 from sqlite_master where type in ('table', 'view') and name = ?1";
    connection.query_row(sql, [table], |_| Ok(())).optional().map(|found| found.is_some())
}

/// A table's definition; `None` if it is not there.
pub fn table(connection: &Connection, table: &str) -> Result<Option<TableDefinition>, SqliteError> {
    let sql = "select sql from sqlite_master where type in ('table', 'view') and name = ?1";
    let Some(created) = connection.query_row(sql, [table], |row| row.get::<_, String>(0)).optional()? else {
        return Ok(None);
    };
    let mut definition = columns(connection, table)?;
    indexes(connection, table, &mut definition)?;
    definition.foreign_keys = foreign_keys(connection, table)?;
    definition.checks = checks(&created);
    Ok(Some(definition))
}

fn columns(connection: &Connection, table: &str) -> Result<TableDefinition, SqliteError> {
    let types = told_types(connection, table)?;
    let mut definition = TableDefinition::default();
    let mut key: BTreeMap<i64, String> = BTreeMap::new();
    let mut statement = connection.prepare(&format!("pragma table_info({})", quote(table)))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let declared: String = row.get(2)?;
        let place: i64 = row.get(5)?;
        let kind = types.get(&name).cloned().unwrap_or_else(|| types::kind(&declared));
        let nullable = !row.get::<_, bool>(3)? && place == 0;
        let default: Option<String> = row.get(4)?;
        definition.columns.push(Column { nullable, default, ..Column::new(&name, kind) });
        if place > 0 {
            key.insert(place, name);
        }
    }
    definition.key = key.into_values().collect();
    Ok(definition)
}

/// Types that a declaration cannot tell: SQLite makes keys by itself only for columns declared `integer`.
fn told_types(connection: &Connection, table: &str) -> rusqlite::Result<BTreeMap<String, ColumnType>> {
    if !exists(connection, "engine_types")? {
        return Ok(BTreeMap::new());
    }
    let mut statement = connection.prepare("select column_name, type from engine_types where table_name = ?1")?;
    let rows = statement.query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let told: Vec<(String, String)> = rows.collect::<Result<_, _>>()?;
    Ok(told.into_iter().filter_map(|(column, kind)| Some((column, kind.parse().ok()?))).collect())
}

fn indexes(connection: &Connection, table: &str, definition: &mut TableDefinition) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("pragma index_list({})", quote(table)))?;
    let rows =
        statement.query_map([], |r| Ok((r.get::<_, String>(1)?, r.get::<_, bool>(2)?, r.get::<_, String>(3)?)))?;
    let mut all: Vec<(String, bool, String)> = rows.collect::<Result<_, _>>()?;
    all.reverse();
    for (name, unique, origin) in all {
        let mut statement = connection.prepare(&format!("pragma index_info({})", quote(&name)))?;
        let columns: Vec<Option<String>> = statement.query_map([], |row| row.get(2))?.collect::<Result<_, _>>()?;
        let Some(columns) = columns.into_iter().collect::<Option<Vec<String>>>() else { continue };
        match origin.as_str() {
            "pk" => {}
            _ if unique => definition.unique.push(columns),
            _ => definition.indexes.push(Index { name, columns }),
        }
    }
    Ok(())
}

fn foreign_keys(connection: &Connection, table: &str) -> rusqlite::Result<Vec<ForeignKey>> {
    let mut statement = connection.prepare(&format!("pragma foreign_key_list({})", quote(table)))?;
    let rows = statement.query_map([], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(2)?,
            row.get::<_, String>(3)?,
            row.get::<_, Option<String>>(4)?,
        ))
    })?;
    let mut keys: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    for row in rows {
        let (id, table, from, to) = row?;
        let key = keys.entry(-id).or_insert_with(|| ForeignKey { columns: vec![], table, to: vec![] });
        // Without columns it refers to the key.
        let to = match to {
            Some(to) => Some(to),
            None => primary_key(connection, &key.table)?.into_iter().nth(key.columns.len()),
        };
        key.to.push(to.unwrap_or_else(|| from.clone()));
        key.columns.push(from);
    }
    Ok(keys.into_values().collect())
}

fn primary_key(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("pragma table_info({})", quote(table)))?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(5)?, row.get::<_, String>(1)?)))?;
    let columns: BTreeMap<i64, String> = rows.collect::<Result<_, _>>()?;
    Ok(columns.into_iter().filter(|(place, _)| *place > 0).map(|(_, name)| name).collect())
}

/// The checks of a `create table`, in SQL's own words; what cannot be parsed has none that we know.
fn checks(created: &str) -> Vec<RowCheck> {
    let Ok(statements) = Parser::parse_sql(&SQLiteDialect {}, created) else { return vec![] };
    let Some(Statement::CreateTable(table)) = statements.into_iter().next() else { return vec![] };
    let mut checks = vec![];
    for column in &table.columns {
        for option in &column.options {
            if let ColumnOption::Check(check) = &option.option {
                checks.push(RowCheck {
                    name: option.name.as_ref().map(|n| n.value.clone()),
                    sql: check.expr.to_string(),
                });
            }
        }
    }
    for constraint in &table.constraints {
        if let TableConstraint::Check(check) = constraint {
            checks.push(RowCheck { name: check.name.as_ref().map(|n| n.value.clone()), sql: check.expr.to_string() });
        }
    }
    checks
}
