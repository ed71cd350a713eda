//! Aggregates that the server computes as we would: of types whose values and order are the same on both sides.

use super::{
    describe::Carried,
    filter,
    statement::quote,
    table::{Table, TableLocation},
    types::{Kind, Wire},
};
use crate::{
    arrow::types::{arrow_type, column_type},
    sql::aggregate::{AggregateRequest, Measure, ServerAggregates},
};
use datafusion::{
    arrow::datatypes::{DataType, Field},
    catalog::TableProvider,
};
use engine_language::column::ColumnType;
use std::sync::Arc;

impl ServerAggregates for Table {
    fn aggregate(&self, wanted: &AggregateRequest<'_>) -> Option<Arc<dyn TableProvider>> {
        let place = self.place();
        if !place.server.pushdown() {
            return None;
        }
        let (groups, measures) = wanted.schema.fields().split_at(wanted.groups.len());
        let (mut columns, mut expressions) = (vec![], vec![]);
        for (name, field) in wanted.groups.iter().zip(groups) {
            let found = place.columns.iter().find(|column| column.name == *name).filter(|column| grouped(column))?;
            expressions.push(format!("{} as {}", quote(name), quote(field.name())));
            columns.push(aggregated(field, found.kind.clone())?);
        }
        for (measure, field) in wanted.measures.iter().zip(measures) {
            let (expression, kind) = measured(*measure, &place.columns, field)?;
            expressions.push(format!("{expression} as {}", quote(field.name())));
            columns.push(aggregated(field, kind)?);
        }
        let by: Vec<String> = wanted.groups.iter().map(|name| quote(name)).collect();
        let by = if by.is_empty() { String::new() } else { format!(" group by {}", by.join(", ")) };
        let filter = |expr| filter::condition(expr, &place.columns).filter(|condition| condition.exact);
        let filters: Vec<String> =
            wanted.filters.iter().map(|expr| filter(expr).map(|condition| condition.sql)).collect::<Option<_>>()?;
        let conditions: Vec<&str> = place.conditions.iter().chain(&filters).map(String::as_str).collect();
        let conditions =
            if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
        let from = format!("(select {} from {}{conditions}{by}) as t", expressions.join(", "), place.from);
        let (parts, conditions, key) = (vec![String::new()], vec![], vec![]);
        let place = TableLocation { from, columns, key, parts, conditions, ..place.clone() };
        Some(Arc::new(Table::new(wanted.schema.clone(), place)))
    }
}

/// A column of what was aggregated; `None` if it would come as another type than is expected.
fn aggregated(field: &Field, kind: Kind) -> Option<Carried> {
    let same = arrow_type(&kind.column) == *field.data_type();
    same.then(|| Carried { name: field.name().clone(), kind, ..Carried::default() })
}

/// Whether equal values make one group on both sides.
fn grouped(column: &Carried) -> bool {
    let same = match column.kind.wire {
        Wire::Text => filter::is_exact(column) && !column.collation.is_empty(),
        Wire::Bytes | Wire::Bool | Wire::Bit(_) => true,
        _ => ordered(&column.kind.wire),
    };
    same && !column.as_text && column.chosen.exact()
}

/// Whether values stand in one order on both sides, and are exact.
fn ordered(wire: &Wire) -> bool {
    let number = matches!(wire, Wire::Int(..) | Wire::Year | Wire::Decimal(..));
    number || matches!(wire, Wire::Date | Wire::DateTime(_) | Wire::Timestamp(_))
}

/// The expression of a measure, and how its values come.
fn measured(measure: Measure<'_>, columns: &[Carried], field: &Field) -> Option<(String, Kind)> {
    let find = |name: &str| {
        let found = columns.iter().find(|column| column.name == name);
        found.filter(|column| column.chosen.exact() && !column.as_text)
    };
    let count = Kind { column: ColumnType::BigInt, wire: Wire::Int(8, true) };
    Some(match measure {
        Measure::Rows => ("count(*)".into(), count),
        Measure::Count(name) => (format!("count({})", quote(&find(name)?.name)), count),
        Measure::Min(name) | Measure::Max(name) => {
            let column = find(name).filter(|column| ordered(&column.kind.wire))?;
            let word = if matches!(measure, Measure::Min(_)) { "min" } else { "max" };
            (format!("{word}({})", quote(name)), column.kind.clone())
        }
        Measure::Sum(name) => {
            let column = find(name)?;
            let exact = matches!(column.kind.wire, Wire::Int(..) | Wire::Decimal(..));
            let wire = match field.data_type() {
                DataType::Int64 => Wire::Whole,
                DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => Wire::Decimal(*p, *s),
                _ => return None,
            };
            let kind = Kind { column: column_type(field.data_type())?, wire };
            (exact.then(|| format!("sum({})", quote(name)))?, kind)
        }
    })
}
