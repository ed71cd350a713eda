//! The query of an aggregate that a server computes itself.

use super::{
    aggregate::{AggregateRequest, Measure},
    filter::{self, FilterColumn},
};
use datafusion::arrow::datatypes::DataType;

/// A column of a server's table, as aggregates ask about it.
pub trait AggregateColumn: FilterColumn {
    /// Whether equal values make one group on both sides.
    fn groups_alike(&self) -> bool;

    /// Whether values stand in one order on both sides, and are exact.
    fn is_ordered(&self) -> bool;

    /// The sum of its values in this type; `None` if that depends on their order.
    fn sum(&self, to: &DataType) -> Option<String>;
}

/// What the query gives in a column.
#[derive(Debug)]
pub enum Computed<'a, C> {
    /// Values of this column.
    Value(&'a C),
    /// A number of rows.
    Count,
    /// A sum.
    Sum,
}

/// The parts of a query around `from`, and what it gives.
#[derive(Debug)]
pub struct AggregateQuery<'a, C> {
    /// The expressions, each with the name that is wanted.
    pub select: String,
    /// Conditions and groups, with a blank before; empty without any.
    pub tail: String,
    /// What each expression is.
    pub computed: Vec<Computed<'a, C>>,
}

/// The query for what is wanted of rows that fulfil `conditions`; `None` if it might not come to what would be computed here.
/// `quote` writes a name as the server reads it.
pub fn query<'a, C: AggregateColumn>(
    wanted: &AggregateRequest<'_>,
    columns: &'a [C],
    conditions: &[String],
    quote: impl Fn(&str) -> String,
) -> Option<AggregateQuery<'a, C>> {
    let find = |name: &str| columns.iter().find(|column| column.name() == name && column.is_unchanged());
    let (mut expressions, mut computed, mut groups) = (vec![], vec![], vec![]);
    for name in &wanted.groups {
        let column = find(name).filter(|column| column.groups_alike())?;
        groups.push(column.quoted());
        expressions.push(column.quoted());
        computed.push(Computed::Value(column));
    }
    let types = wanted.schema.fields().iter().skip(groups.len()).map(|field| field.data_type());
    for (measure, to) in wanted.measures.iter().zip(types) {
        let (expression, what) = measured(*measure, to, find)?;
        expressions.push(expression);
        computed.push(what);
    }
    let named = expressions.iter().zip(wanted.schema.fields());
    let select: Vec<String> =
        named.map(|(expression, field)| format!("{expression} as {}", quote(field.name()))).collect();
    let filter = |expr| filter::condition(expr, columns).filter(|condition| condition.exact);
    let filters: Vec<String> =
        wanted.filters.iter().map(|expr| filter(expr).map(|condition| condition.sql)).collect::<Option<_>>()?;
    let conditions: Vec<&str> = conditions.iter().chain(&filters).map(String::as_str).collect();
    let part = |word: &str, parts: &str| if parts.is_empty() { String::new() } else { format!(" {word} {parts}") };
    let tail = part("where", &conditions.join(" and ")) + &part("group by", &groups.join(", "));
    Some(AggregateQuery { select: select.join(", "), tail, computed })
}

fn measured<'a, C: AggregateColumn>(
    measure: Measure<'_>,
    to: &DataType,
    find: impl Fn(&str) -> Option<&'a C>,
) -> Option<(String, Computed<'a, C>)> {
    Some(match measure {
        Measure::Rows => ("count(*)".to_owned(), Computed::Count),
        Measure::Count(name) => (format!("count({})", find(name)?.quoted()), Computed::Count),
        Measure::Min(name) | Measure::Max(name) => {
            let column = find(name).filter(|column| column.is_ordered())?;
            let word = if matches!(measure, Measure::Min(_)) { "min" } else { "max" };
            (format!("{word}({})", column.quoted()), Computed::Value(column))
        }
        Measure::Sum(name) => (find(name)?.sum(to)?, Computed::Sum),
    })
}
