//! Aggregates that the server computes as we would: of types whose values and order are the same on both sides.

use super::{
    describe::Carried,
    scan_ranges::Part,
    statement::quote,
    table::{Table, TableLocation},
    types::{Kind, Wire},
};
use crate::{
    arrow::types::{arrow_type, column_type},
    hub::policy::Chosen,
    sql::{
        aggregate::{AggregateRequest, ServerAggregates},
        aggregate_query::{self, AggregateColumn, Computed},
    },
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
        let query = aggregate_query::query(wanted, &place.columns, &place.conditions, quote)?;
        let computed = query.computed.iter().zip(wanted.schema.fields());
        let columns: Vec<Carried> = computed.map(|(what, field)| carried(what, field)).collect::<Option<_>>()?;
        let rows = format!("(select {} from {}{}) as engine_rows", query.select, place.whole(), query.tail);
        let parts = vec![Part::whole(rows)];
        let place = TableLocation { columns, parts, conditions: vec![], plain: false, key: vec![], ..place.clone() };
        Some(Arc::new(Table::new(wanted.schema.clone(), place)))
    }
}

impl AggregateColumn for Carried {
    fn groups_alike(&self) -> bool {
        let plain = self.declared == "text" || self.declared.starts_with("character varying");
        let same = match self.kind.wire {
            Wire::Text => plain && self.exact,
            Wire::Uuid | Wire::Bytes | Wire::Bool => true,
            _ => self.is_ordered(),
        };
        same && !self.kind.as_text
    }

    fn is_ordered(&self) -> bool {
        let number = matches!(self.kind.wire, Wire::Int2 | Wire::Int4 | Wire::Int8 | Wire::Numeric(..));
        let time = matches!(self.kind.wire, Wire::Date | Wire::Timestamp | Wire::TimestampTz);
        !self.kind.as_text && (number || time)
    }

    fn sum(&self, to: &DataType) -> Option<String> {
        let exact = matches!(self.kind.wire, Wire::Int2 | Wire::Int4 | Wire::Int8 | Wire::Numeric(..));
        // A sum that does not fit is an error on both sides of the cast.
        let cast = if summed(to)? == Wire::Int8 { "::int8" } else { "" };
        (exact && !self.kind.as_text).then(|| format!("sum({}){cast}", quote(&self.name)))
    }
}

/// How a sum comes.
fn summed(to: &DataType) -> Option<Wire> {
    match to {
        DataType::Int64 => Some(Wire::Int8),
        DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => Some(Wire::Numeric(*p, *s)),
        _ => None,
    }
}

/// A column of what was aggregated; `None` if it would come as another type than is expected.
fn carried(what: &Computed<'_, Carried>, field: &Field) -> Option<Carried> {
    let kind = match what {
        Computed::Value(column) => column.kind.clone(),
        Computed::Count => Kind { column: ColumnType::BigInt, wire: Wire::Int8, as_text: false },
        Computed::Sum => {
            Kind { column: column_type(field.data_type())?, wire: summed(field.data_type())?, as_text: false }
        }
    };
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
