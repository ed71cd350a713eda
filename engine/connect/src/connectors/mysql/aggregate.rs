//! Aggregates that the server computes as we would: of types whose values and order are the same on both sides.

use super::{
    describe::Carried,
    statement::quote,
    table::{Table, TableLocation},
    types::{Kind, Wire},
};
use crate::{
    arrow::types::{arrow_type, column_type},
    sql::{
        aggregate::{AggregateRequest, ServerAggregates},
        aggregate_query::{self, AggregateColumn, Computed},
        filter::FilterColumn as _,
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
        let from = format!("(select {} from {}{}) as t", query.select, place.from, query.tail);
        let (parts, conditions, key) = (vec![String::new()], vec![], vec![]);
        let place = TableLocation { from, columns, key, parts, conditions, ..place.clone() };
        Some(Arc::new(Table::new(wanted.schema.clone(), place)))
    }
}

impl AggregateColumn for Carried {
    fn groups_alike(&self) -> bool {
        let same = match self.kind.wire {
            Wire::Text => self.agrees_on_equality() && !self.collation.is_empty(),
            Wire::Bytes | Wire::Bool | Wire::Bit(_) => true,
            _ => self.is_ordered(),
        };
        same && !self.as_text
    }

    fn is_ordered(&self) -> bool {
        let wire = &self.kind.wire;
        let number = matches!(wire, Wire::Int(..) | Wire::Year | Wire::Decimal(..));
        !self.as_text && (number || matches!(wire, Wire::Date | Wire::DateTime(_) | Wire::Timestamp(_)))
    }

    fn sum(&self, to: &DataType) -> Option<String> {
        let exact = matches!(self.kind.wire, Wire::Int(..) | Wire::Decimal(..)) && !self.as_text;
        (exact && summed(to).is_some()).then(|| format!("sum({})", quote(&self.name)))
    }
}

/// How a sum comes.
fn summed(to: &DataType) -> Option<Wire> {
    match to {
        DataType::Int64 => Some(Wire::Whole),
        DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => Some(Wire::Decimal(*p, *s)),
        _ => None,
    }
}

/// A column of what was aggregated; `None` if it would come as another type than is expected.
fn carried(what: &Computed<'_, Carried>, field: &Field) -> Option<Carried> {
    let kind = match what {
        Computed::Value(column) => column.kind.clone(),
        Computed::Count => Kind { column: ColumnType::BigInt, wire: Wire::Int(8, true) },
        Computed::Sum => Kind { column: column_type(field.data_type())?, wire: summed(field.data_type())? },
    };
    let same = arrow_type(&kind.column) == *field.data_type();
    same.then(|| Carried { name: field.name().clone(), kind, ..Carried::default() })
}
