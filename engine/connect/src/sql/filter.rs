//! Filters that a server answers just as we would, or with more rows than we would.

use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, expr::InList},
};

/// A condition that a server can check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// In the server's SQL.
    pub sql: String,
    /// Whether just the rows come that are wanted; otherwise there may be more.
    pub exact: bool,
}

/// A column of a server's table, as filters ask about it.
pub trait FilterColumn {
    /// Its name.
    fn name(&self) -> &str;

    /// Its name, as the server reads it.
    fn quoted(&self) -> String;

    /// Whether its values are here what they are there. What became NULL here would be compared as it was there.
    fn is_unchanged(&self) -> bool;

    /// Whether the server and we agree on which of its values are NULL.
    fn agrees_on_null(&self) -> bool;

    /// Whether the server orders its values as we do; otherwise only what is equal can be asked for.
    fn agrees_on_order(&self) -> bool;

    /// Whether the server takes only those for equal that are equal here.
    fn agrees_on_equality(&self) -> bool;

    /// A value that is not NULL as a literal, where the server compares it with the column as Arrow does.
    fn literal(&self, value: &ScalarValue) -> Option<String>;
}

/// The filter as a condition; `None` if it is answered here.
pub fn condition<C: FilterColumn>(filter: &Expr, columns: &[C]) -> Option<Condition> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let word = if *op == Operator::And { "and" } else { "or" };
            let (left, right) = (condition(left, columns)?, condition(right, columns)?);
            let sql = format!("({} {word} {})", left.sql, right.sql);
            Some(Condition { sql, exact: left.exact && right.exact })
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let column = find(left, columns)?;
            let Expr::Literal(value, _) = &**right else { return None };
            let word = comparison(*op).filter(|_| *op == Operator::Eq || column.agrees_on_order())?;
            let sql = format!("{} {word} {}", column.quoted(), literal(column, value)?);
            Some(Condition { sql, exact: column.agrees_on_equality() })
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let column = find(expr, columns)?;
            let each = list.iter().map(|item| match item {
                Expr::Literal(value, _) => literal(column, value),
                _ => None,
            });
            let values: Vec<String> = each.collect::<Option<_>>()?;
            let sql = format!("{} in ({})", column.quoted(), values.join(", "));
            Some(Condition { sql, exact: column.agrees_on_equality() })
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
            let column = find(inner, columns).filter(|column| column.agrees_on_null())?;
            let not = if matches!(filter, Expr::IsNotNull(_)) { "not " } else { "" };
            Some(Condition { sql: format!("{} is {not}null", column.quoted()), exact: true })
        }
        _ => None,
    }
}

/// What a table says of filters that DataFusion would leave to it.
pub fn supported<C: FilterColumn>(
    filters: &[&Expr],
    columns: &[C],
    pushdown: bool,
) -> Vec<TableProviderFilterPushDown> {
    let answer = |filter: &&Expr| match condition(filter, columns).filter(|_| pushdown) {
        Some(Condition { exact: true, .. }) => TableProviderFilterPushDown::Exact,
        Some(_) => TableProviderFilterPushDown::Inexact,
        None => TableProviderFilterPushDown::Unsupported,
    };
    filters.iter().map(answer).collect()
}

/// The conditions of filters; those that are answered here are left out.
pub fn conditions<C: FilterColumn>(filters: &[Expr], columns: &[C]) -> Vec<String> {
    filters.iter().filter_map(|filter| condition(filter, columns)).map(|condition| condition.sql).collect()
}

fn find<'a, C: FilterColumn>(expression: &Expr, columns: &'a [C]) -> Option<&'a C> {
    let Expr::Column(column) = expression else { return None };
    columns.iter().find(|found| found.name() == column.name && found.is_unchanged())
}

fn literal(column: &impl FilterColumn, value: &ScalarValue) -> Option<String> {
    if value.is_null() { None } else { column.literal(value) }
}

fn comparison(op: Operator) -> Option<&'static str> {
    Some(match op {
        Operator::Eq => "=",
        Operator::NotEq => "<>",
        Operator::Lt => "<",
        Operator::LtEq => "<=",
        Operator::Gt => ">",
        Operator::GtEq => ">=",
        _ => return None,
    })
}
