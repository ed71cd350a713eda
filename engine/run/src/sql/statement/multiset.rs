//! `intersect all` and `except all`: rows are as often in the result as the counts say. Each row's twins are numbered, and the
//! numbered rows are a set.

use super::{
    build::call,
    rewrite::{query_over, select},
    scope::{Column, exact},
};
use datafusion::sql::sqlparser::{
    ast::{
        Expr, Ident, SelectItem, SetExpr, SetOperator, SetQuantifier, TableAlias, TableAliasColumnDef, TableFactor,
        WindowSpec, WindowType,
    },
    tokenizer::Span,
};

/// The operation over numbered rows, without the numbers.
pub fn counted(left: &SetExpr, op: SetOperator, right: &SetExpr, columns: &[Column]) -> SetExpr {
    let names: Vec<Ident> = (1..=columns.len()).map(|at| exact(&format!("c{at}"), Span::empty())).collect();
    let set = SetExpr::SetOperation {
        left: Box::new(numbered(left, &names)),
        op,
        set_quantifier: SetQuantifier::None,
        right: Box::new(numbered(right, &names)),
    };
    let all: Vec<Ident> = names.iter().cloned().chain([exact("twin", Span::empty())]).collect();
    let items = names.iter().zip(columns).map(|(name, column)| SelectItem::ExprWithAlias {
        expr: Expr::Identifier(name.clone()),
        alias: exact(&column.planned, Span::empty()),
    });
    SetExpr::Select(Box::new(select(items.collect(), derived(set, &all))))
}

fn numbered(side: &SetExpr, names: &[Ident]) -> SetExpr {
    let columns = || names.iter().cloned().map(Expr::Identifier);
    let mut number = call("row_number", vec![], Span::empty());
    if let Expr::Function(function) = &mut number {
        function.over = Some(WindowType::WindowSpec(WindowSpec {
            window_name: None,
            partition_by: columns().collect(),
            order_by: vec![],
            window_frame: None,
        }));
    }
    let items = columns().map(SelectItem::UnnamedExpr);
    let number = SelectItem::ExprWithAlias { expr: number, alias: exact("twin", Span::empty()) };
    SetExpr::Select(Box::new(select(items.chain([number]).collect(), derived(side.clone(), names))))
}

fn derived(body: SetExpr, names: &[Ident]) -> TableFactor {
    let columns = names.iter().map(|name| TableAliasColumnDef { name: name.clone(), data_type: None }).collect();
    let alias = TableAlias { explicit: true, name: exact("rows", Span::empty()), columns, at: None };
    TableFactor::Derived { lateral: false, subquery: Box::new(query_over(body)), alias: Some(alias), sample: None }
}
