//! Aggregates that the server computes as we would: of types whose values and order are the same on both sides.

use super::{
    describe::Carried,
    filter,
    scan_ranges::Part,
    statement::quote,
    table::{Table, TableLocation},
    types::{Kind, Wire},
};
use crate::{
    arrow::types::{arrow_type, column_type},
    hub::policy::Chosen,
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
        let mut columns = vec![];
        let mut expressions = vec![];
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
        let filters: Vec<String> =
            wanted.filters.iter().map(|expr| filter::sql(expr, &place.columns)).collect::<Option<_>>()?;
        let conditions: Vec<&str> = place.conditions.iter().chain(&filters).map(String::as_str).collect();
        let conditions =
            if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
        let (select, from) = (expressions.join(", "), place.whole());
        let rows = format!("(select {select} from {from}{conditions}{by}) as engine_rows");
        let parts = vec![Part::whole(rows)];
        let place = TableLocation { columns, parts, conditions: vec![], plain: false, key: vec![], ..place.clone() };
        Some(Arc::new(Table::new(wanted.schema.clone(), place)))
    }
}

/// A column of what was aggregated; `None` if it would come as another type than is expected.
fn aggregated(field: &Field, kind: Kind) -> Option<Carried> {
    (arrow_type(&kind.column) == *field.data_type()).then(|| Carried {
        name: field.name().clone(),
        kind,
        declared: String::new(),
        computed: false,
        exact: false,
        send: String::new(),
        chosen: Chosen::default(),
    })
}

/// Whether equal values make one group on both sides.
fn grouped(column: &Carried) -> bool {
    let plain = column.declared == "text" || column.declared.starts_with("character varying");
    let same = match column.kind.wire {
        Wire::Text => plain && column.exact,
        Wire::Uuid | Wire::Bytes => true,
        _ => ordered(&column.kind.wire) || column.kind.wire == Wire::Bool,
    };
    same && !column.kind.as_text && column.chosen.exact()
}

/// Whether values stand in one order on both sides, and are exact.
fn ordered(wire: &Wire) -> bool {
    matches!(
        wire,
        Wire::Int2 | Wire::Int4 | Wire::Int8 | Wire::Numeric(..) | Wire::Date | Wire::Timestamp | Wire::TimestampTz
    )
}

/// The expression of a measure, and how its values come.
fn measured(measure: Measure<'_>, columns: &[Carried], field: &Field) -> Option<(String, Kind)> {
    let find = |name: &str| columns.iter().find(|column| column.name == name).filter(|c| c.chosen.exact());
    let count = Kind { column: ColumnType::BigInt, wire: Wire::Int8, as_text: false };
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
            let exact = matches!(column.kind.wire, Wire::Int2 | Wire::Int4 | Wire::Int8 | Wire::Numeric(..));
            let wire = match field.data_type() {
                DataType::Int64 => Wire::Int8,
                DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => Wire::Numeric(*p, *s),
                _ => return None,
            };
            // A sum that does not fit is an error on both sides of the cast.
            let cast = if wire == Wire::Int8 { "::int8" } else { "" };
            let kind = Kind { column: column_type(field.data_type())?, wire, as_text: false };
            (exact.then(|| format!("sum({}){cast}", quote(name)))?, kind)
        }
    })
}
