//! Rows that are compared with rows: `(a, b) = (c, d)`, `(a, b) < (c, d)`, `(a, b) in (…)`.

use super::super::{
    build::{binary, call, chain, negated},
    scope::exact,
};
use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Query, Select, SelectFlavor, SelectItem, SetExpr, Spanned as _,
    TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins, helpers::attached_token::AttachedToken,
};
use datafusion::sql::sqlparser::tokenizer::Span;
use engine_language::code;

/// The function that makes a row of columns; what rewrites subqueries knows it.
pub const ROW: &str = "struct";

/// What a comparison of rows is in comparisons of columns.
pub fn rewrite(expr: &Expr) -> Result<Option<Expr>, Refusal> {
    match expr {
        Expr::BinaryOp { left, op, right } => match (row(left), row(right)) {
            (Some(left), Some(right)) => compare(&left, op, &right, expr),
            _ => Ok(None),
        },
        Expr::InList { expr: left, list, negated: not } => {
            let Some(left) = row(left) else { return Ok(None) };
            let mut equal = vec![];
            for each in list {
                let right = row(each).ok_or_else(|| unequal(each))?;
                equal.extend(compare(&left, &BinaryOperator::Eq, &right, each)?);
            }
            Ok(chain(&BinaryOperator::Or, equal).map(|any| negated(any, *not)))
        }
        Expr::InSubquery { expr: left, subquery, negated } => {
            let Some(left) = row(left) else { return Ok(None) };
            let row = call(ROW, left.clone(), expr.span());
            let subquery = Box::new(rows(subquery.clone(), left.len()));
            Ok(Some(Expr::InSubquery { expr: Box::new(row), subquery, negated: *negated }))
        }
        _ => Ok(None),
    }
}

fn row(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Tuple(exprs) => Some(exprs.clone()),
        _ => None,
    }
}

fn unequal(expr: &Expr) -> Refusal {
    Refusal::new(&code::E0213, expr.span(), "rows of different lengths are compared")
        .hint("give both sides as many columns")
}

fn compare(left: &[Expr], op: &BinaryOperator, right: &[Expr], whole: &Expr) -> Result<Option<Expr>, Refusal> {
    if left.len() != right.len() {
        return Err(unequal(whole));
    }
    let pairs = || left.iter().cloned().zip(right.iter().cloned());
    let each = |op: &BinaryOperator| pairs().map(|(a, b)| binary(nested(a), op.clone(), nested(b))).collect::<Vec<_>>();
    let compared = match op {
        BinaryOperator::Eq => chain(&BinaryOperator::And, each(op)),
        BinaryOperator::NotEq => chain(&BinaryOperator::Or, each(op)),
        BinaryOperator::Lt | BinaryOperator::LtEq | BinaryOperator::Gt | BinaryOperator::GtEq => {
            let strict = match op {
                BinaryOperator::LtEq => BinaryOperator::Lt,
                BinaryOperator::GtEq => BinaryOperator::Gt,
                other => other.clone(),
            };
            let mut compared: Option<Expr> = None;
            for (a, b) in pairs().rev() {
                let (a, b) = (nested(a), nested(b));
                compared = Some(match compared {
                    None => binary(a, op.clone(), b),
                    Some(rest) => {
                        let equal = binary(a.clone(), BinaryOperator::Eq, b.clone());
                        let behind = binary(equal, BinaryOperator::And, nested(rest));
                        nested(binary(binary(a, strict.clone(), b), BinaryOperator::Or, nested(behind)))
                    }
                });
            }
            compared
        }
        _ => return Ok(None),
    };
    Ok(compared.map(nested))
}

fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

/// A query of one column, which holds the columns of another as rows.
fn rows(subquery: Box<Query>, width: usize) -> Query {
    let names: Vec<String> = (1..=width).map(|at| format!("c{at}")).collect();
    let alias = TableAlias {
        explicit: true,
        name: Ident::new("rows_of"),
        columns: names
            .iter()
            .map(|name| TableAliasColumnDef { name: exact(name, Span::empty()), data_type: None })
            .collect(),
        at: None,
    };
    let relation = TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None };
    let columns = names.iter().map(|name| Expr::Identifier(exact(name, Span::empty()))).collect();
    let item = SelectItem::UnnamedExpr(call(ROW, columns, Span::empty()));
    query_of(select(vec![item], relation))
}

/// A query of one select.
pub fn query_of(select: Select) -> Query {
    query_over(SetExpr::Select(Box::new(select)))
}

/// A query of nothing but its body.
pub fn query_over(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}

/// `select items from relation`.
pub fn select(projection: Vec<SelectItem>, relation: TableFactor) -> Select {
    Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: vec![],
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection,
        exclude: None,
        into: None,
        from: vec![TableWithJoins { relation, joins: vec![] }],
        lateral_views: vec![],
        prewhere: None,
        selection: None,
        connect_by: vec![],
        group_by: GroupByExpr::Expressions(vec![], vec![]),
        cluster_by: vec![],
        distribute_by: vec![],
        sort_by: vec![],
        having: None,
        named_window: vec![],
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    }
}
