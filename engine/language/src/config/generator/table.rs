//! The definitions of the tables that generators fill.

use super::{GeneratedColumn, Generator, Maker};
use crate::{
    code,
    column::ColumnType,
    config::{
        reader::Reader,
        toml::{Value, ValueKind},
    },
    diagnostic::Diagnostic,
    id::TableId,
    name::Name,
    table::{Column, ForeignKey, Index, RowCheck, TableDefinition},
};
use std::collections::{BTreeMap, BTreeSet};

/// The type that a way of making values implies; `None` if another column decides.
pub(super) fn implied(maker: &Maker) -> Option<ColumnType> {
    match maker {
        Maker::Sequence(_) => Some(ColumnType::Int),
        Maker::Fake(_) => Some(ColumnType::Text(None)),
        Maker::Between { low, high } => Some(between(low, high)),
        Maker::OneOf { values, .. } => values.first().map(of_value),
        Maker::Constant(value) => Some(of_value(value)),
        Maker::After { .. } => Some(ColumnType::Timestamp),
        Maker::References { .. } | Maker::Near { .. } | Maker::Sql(_) => None,
    }
}

fn between(low: &Value, high: &Value) -> ColumnType {
    match (&low.kind, &high.kind) {
        (ValueKind::Integer(_), ValueKind::Integer(_)) => ColumnType::Int,
        (ValueKind::Integer(_) | ValueKind::Float(_), ValueKind::Integer(_) | ValueKind::Float(_)) => {
            ColumnType::Double
        }
        _ => ColumnType::Timestamp,
    }
}

fn of_value(value: &Value) -> ColumnType {
    match &value.kind {
        ValueKind::Integer(_) => ColumnType::Int,
        ValueKind::Float(_) => ColumnType::Double,
        ValueKind::Boolean(_) => ColumnType::Bool,
        ValueKind::Datetime(_) => ColumnType::Timestamp,
        _ => ColumnType::Text(None),
    }
}

/// The type of a generator's column, through references.
pub fn column_type(generators: &BTreeMap<Name, Generator>, generator: &Name, column: &str) -> Option<ColumnType> {
    let (mut generator, mut column) = (generator.clone(), column.to_owned());
    for _ in 0..100 {
        let found = generators.get(&generator)?.columns.iter().find(|c| c.name.value == column)?;
        if let Some(kind) = &found.kind {
            return Some(kind.clone());
        }
        match &found.maker {
            Maker::References { generator: to, column: at, .. } => (generator, column) = (to.value.clone(), at.clone()),
            Maker::Near { generator: to, column: at, .. } => {
                generator = to.as_ref().map_or(generator, |to| to.value.clone());
                column.clone_from(&at.value);
            }
            _ => return None,
        }
    }
    None
}

/// Definitions of the tables; complains of columns that are not there.
pub(super) fn definitions(
    reader: &mut Reader<'_>,
    generators: &BTreeMap<Name, Generator>,
) -> BTreeMap<TableId, TableDefinition> {
    let mut tables = BTreeMap::new();
    for generator in generators.values() {
        for column in &generator.columns {
            refer(reader, generators, generator, column);
        }
        if let Some(into) = &generator.into {
            tables.insert(into.table_id(), definition(generators, generator));
        }
    }
    tables
}

/// The definition of the table that a generator fills.
pub fn definition(generators: &BTreeMap<Name, Generator>, generator: &Generator) -> TableDefinition {
    let mut table = TableDefinition::default();
    for column in &generator.columns {
        let kind = column_type(generators, &generator.name.value, &column.name).unwrap_or(ColumnType::Text(None));
        let may_be_null = column.nulls > 0.0 || column.when.is_some();
        let nullable = !column.key && column.nullable.unwrap_or(may_be_null);
        let name = column.name.value.clone();
        table.columns.push(Column { nullable, default: column.default.clone(), ..Column::new(&name, kind) });
        if column.key {
            table.key.push(name.clone());
        }
        if column.unique && !column.key {
            table.unique.push(vec![name.clone()]);
        }
        table.foreign_keys.extend(foreign_key(generators, generator, column));
        if let Some(check) = &column.check {
            table.checks.push(RowCheck { name: None, sql: check.value.clone() });
        } else {
            table.checks.extend(accepted(column));
        }
    }
    table.unique.extend(generator.unique.iter().cloned());
    table.checks.extend(generator.checks.iter().map(|check| RowCheck { name: None, sql: check.value.clone() }));
    let into = generator.into.as_ref().map_or(generator.name.as_str(), |into| into.table.as_str());
    table.indexes.extend(
        generator
            .indexes
            .iter()
            .map(|columns| Index { name: format!("{into}_{}_idx", columns.join("_")), columns: columns.clone() }),
    );
    table
}

fn foreign_key(
    generators: &BTreeMap<Name, Generator>,
    generator: &Generator,
    column: &GeneratedColumn,
) -> Option<ForeignKey> {
    let Maker::References { generator: to, column: at, .. } = &column.maker else { return None };
    let there = generators.get(&to.value)?.into.as_ref()?;
    let here = generator.into.as_ref()?;
    (there.source == here.source).then(|| ForeignKey {
        columns: vec![column.name.value.clone()],
        table: there.table.to_string(),
        to: vec![at.clone()],
    })
}

/// A text column that is one of a few values gets a check that says so.
fn accepted(column: &GeneratedColumn) -> Option<RowCheck> {
    let Maker::OneOf { values, .. } = &column.maker else { return None };
    let texts: Option<BTreeSet<&str>> = values.iter().map(Value::as_str).collect();
    let list: Vec<String> = texts?.iter().map(|text| format!("'{}'", text.replace('\'', "''"))).collect();
    Some(RowCheck { name: None, sql: format!("\"{}\" in ({})", column.name.value, list.join(", ")) })
}

fn refer(
    reader: &mut Reader<'_>,
    generators: &BTreeMap<Name, Generator>,
    generator: &Generator,
    column: &GeneratedColumn,
) {
    let (to, at, span) = match &column.maker {
        Maker::References { generator, column, .. } => (&generator.value, column.as_str(), generator.span),
        Maker::After { generator: to, column, .. } | Maker::Near { generator: to, column, .. } => {
            (to.as_ref().map_or(&generator.name.value, |to| &to.value), column.as_str(), column.span)
        }
        _ => return,
    };
    let Some(there) = generators.get(to) else { return };
    if !there.columns.iter().any(|c| c.name.value == at) {
        let known: Vec<&str> = there.columns.iter().map(|c| c.name.value.as_str()).collect();
        let message = format!("the generator `{to}` has no column `{at}`");
        let problem = Diagnostic::error(&code::E0011, span, message);
        reader.problems.push(match crate::name::nearest(at, known.iter().copied()) {
            Some(near) => problem.hint(format!("a column with a similar name exists: `{near}`")),
            None => problem.hint(format!("its columns: {}", known.join(", "))),
        });
    }
}
