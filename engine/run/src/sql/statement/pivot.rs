//! `pivot`: one column for each value of another, as `sum(case when …)` and `group by` what is left.

use super::{
    binder::{Binder, Level},
    build::{at, binary, when},
    figure,
    rewrite::{query_of, select},
    scope::{Scope, exact, fold},
};
use crate::sql::refusal::Refusal;
use datafusion::sql::sqlparser::{
    ast::{
        BinaryOperator, Expr, ExprWithAlias, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
        PivotValueSource, SelectItem, Spanned as _, TableFactor, Visit, Visitor, WildcardAdditionalOptions,
    },
    tokenizer::Span,
};
use engine_language::code;
use std::ops::ControlFlow;

/// Writes a `pivot` in `from` out as a subquery.
pub fn rewrite(binder: &mut Binder<'_>, factor: &mut TableFactor, seen: &Scope) -> Result<(), Refusal> {
    if let TableFactor::NestedJoin { table_with_joins, alias: alias @ Some(_) } = factor {
        let inner = TableFactor::NestedJoin { table_with_joins: table_with_joins.clone(), alias: None };
        let all = SelectItem::Wildcard(WildcardAdditionalOptions::default());
        let subquery = Box::new(query_of(select(vec![all], inner)));
        *factor = TableFactor::Derived { lateral: false, subquery, alias: alias.take(), sample: None };
        return Ok(());
    }
    let span = factor.span();
    let TableFactor::Pivot { table, aggregate_functions, value_column, value_source, default_on_null, alias } = factor
    else {
        return Ok(());
    };
    let ([by], PivotValueSource::List(values), None) = (&value_column[..], &*value_source, &default_on_null) else {
        let hint = "write `pivot (sum(x) for column in ('a', 'b'))`, or `sum(x) filter (where column = 'a') as a`";
        return Err(Refusal::new(&code::E0216, span, "this form of `pivot` is not supported").hint(hint));
    };
    let mut of_values = vec![];
    for value in values {
        for aggregate in aggregate_functions.iter() {
            let (expr, argument) = pivoted(aggregate, by, value)?;
            of_values.push((named(value, aggregate, aggregate_functions.len()), expr, argument));
        }
    }
    let columns = {
        let mut probe = table.as_ref().clone();
        let mut inner =
            Binder { ctes: binder.ctes.clone(), scopes: binder.scopes.clone(), ..Binder::new(binder.catalog) };
        inner.factor_of_pivot(&mut probe, seen)?
    };
    let used = names(by, of_values.iter().map(|(_, _, argument)| argument));
    let kept = columns.visible.into_iter().filter(|visible| !used.contains(&visible.name));
    let kept: Vec<(String, Expr)> = kept.map(|visible| (visible.name, at(visible.expr, span))).collect();
    let groups = kept.iter().map(|(_, expr)| expr.clone()).collect();
    let kept = kept.into_iter().map(|(name, expr)| item(&name, expr, span));
    let made = of_values.into_iter().map(|(name, expr, _)| item(&name, expr, span));
    let mut select = select(kept.chain(made).collect(), (**table).clone());
    select.group_by = GroupByExpr::Expressions(groups, vec![]);
    let subquery = Box::new(query_of(select));
    *factor = TableFactor::Derived { lateral: false, subquery, alias: alias.take(), sample: None };
    Ok(())
}

impl Binder<'_> {
    fn factor_of_pivot(&mut self, table: &mut TableFactor, seen: &Scope) -> Result<Scope, Refusal> {
        let _ = (seen, Level::Inner);
        let mut tables = [datafusion::sql::sqlparser::ast::TableWithJoins { relation: table.clone(), joins: vec![] }];
        let scope = self.from(&mut tables)?;
        if scope.unknown {
            return Err(Refusal::new(&code::E0216, table.span(), "`pivot` of a table whose columns are not known"));
        }
        Ok(scope)
    }
}

fn item(name: &str, expr: Expr, span: Span) -> SelectItem {
    SelectItem::ExprWithAlias { expr, alias: exact(name, span) }
}

/// The aggregate over the rows that have the value, and what it takes.
fn pivoted(aggregate: &ExprWithAlias, by: &Expr, value: &ExprWithAlias) -> Result<(Expr, Expr), Refusal> {
    let Expr::Function(function) = &aggregate.expr else { return Err(no_aggregate(&aggregate.expr)) };
    let mut function: Function = function.clone();
    let FunctionArguments::List(list) = &mut function.args else { return Err(no_aggregate(&aggregate.expr)) };
    let [FunctionArg::Unnamed(argument)] = &mut list.args[..] else { return Err(no_aggregate(&aggregate.expr)) };
    let given = match argument {
        FunctionArgExpr::Expr(expr) => expr.clone(),
        _ => Expr::Value(datafusion::sql::sqlparser::ast::Value::Boolean(true).into()),
    };
    let is = binary(by.clone(), BinaryOperator::Eq, value.expr.clone());
    *argument = FunctionArgExpr::Expr(when(is, given.clone(), None));
    Ok((Expr::Function(function), given))
}

fn no_aggregate(expr: &Expr) -> Refusal {
    Refusal::new(&code::E0216, expr.span(), "`pivot` takes an aggregate of one argument, such as `sum(x)`")
}

/// The value's name, and the aggregate's where there are several.
fn named(value: &ExprWithAlias, aggregate: &ExprWithAlias, of: usize) -> String {
    let own = match (&value.alias, &value.expr) {
        (Some(alias), _) => fold(alias),
        (None, Expr::Value(literal)) => literal.value.clone().into_string().unwrap_or_else(|| literal.to_string()),
        (None, expr) => expr.to_string(),
    };
    if of > 1 { format!("{own}_{}", figure::aliased(aggregate)) } else { own }
}

/// The columns that the pivot uses up.
fn names<'a>(by: &'a Expr, arguments: impl Iterator<Item = &'a Expr>) -> Vec<String> {
    struct Names(Vec<String>);
    impl Visitor for Names {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::Identifier(ident) => self.0.push(fold(ident)),
                Expr::CompoundIdentifier(parts) => self.0.extend(parts.last().map(fold)),
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut found = Names(vec![]);
    for expr in std::iter::once(by).chain(arguments) {
        let _ = expr.visit(&mut found);
    }
    found.0
}
