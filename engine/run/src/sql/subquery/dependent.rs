//! A subquery's plan, computed for every value of a domain at once: each row says for which value it is.

use super::{
    dependent_joins,
    domain::Domain,
    references::{named, replaced, some_of},
    refused,
};
use datafusion::{
    common::{Column, NullEquality, Result, ScalarValue, TableReference},
    functions_window::expr_fn::row_number,
    logical_expr::{
        Aggregate, Distinct, DistinctOn, Expr, ExprFunctionExt, FetchType, JoinType, Limit, LogicalPlan,
        LogicalPlanBuilder, Projection, SkipType, SortExpr, Unnest, Values, Window,
        expr::{AggregateFunction, WindowFunction},
        lit,
    },
};

/// A plan with the columns of the subquery, and the domain's values beside them.
pub struct Dependent {
    pub plan: LogicalPlan,
    /// The columns that hold the values.
    pub keys: Vec<Column>,
}

/// Computes a plan for every value.
pub fn compute(plan: &LogicalPlan, domain: &Domain<'_>) -> Result<Dependent> {
    if !some_of(plan, &domain.outer)? {
        let (values, keys) = domain.instance()?;
        return Ok(Dependent { plan: LogicalPlanBuilder::from(values).cross_join(plan.clone())?.build()?, keys });
    }
    match plan {
        LogicalPlan::Filter(filter) => {
            let below = compute(&filter.input, domain)?;
            let predicate = replaced(filter.predicate.clone(), &domain.outer, &below.keys)?;
            let plan = LogicalPlanBuilder::from(below.plan).filter(predicate)?.build()?;
            Ok(Dependent { plan, keys: below.keys })
        }
        LogicalPlan::Projection(projection) => project(projection, domain),
        LogicalPlan::SubqueryAlias(alias) => {
            let below = compute(&alias.input, domain)?;
            let columns = alias.input.schema().iter().map(|(qualifier, field)| {
                named(Expr::Column(Column::from((qualifier, field))), Some(&alias.alias), field.name())
            });
            // Columns of one name got others when the alias was given.
            let names = alias.schema.fields().iter().map(|field| field.name().clone());
            let columns = columns.zip(names).map(|(expr, name)| named(expr.unalias(), Some(&alias.alias), &name));
            with_keys(below, columns.collect())
        }
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => whole(aggregate, domain),
        LogicalPlan::Aggregate(aggregate) => grouped(aggregate, domain),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let below = compute(input, domain)?;
            let plan = LogicalPlanBuilder::from(below.plan).distinct()?.build()?;
            Ok(Dependent { plan, keys: below.keys })
        }
        LogicalPlan::Distinct(Distinct::On(on)) => distinct_on(on, domain),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => compute(&sort.input, domain),
        LogicalPlan::Limit(limit) => limited(limit, domain),
        LogicalPlan::Window(window) => windows(window, domain),
        LogicalPlan::Join(join) => dependent_joins::join(join, domain),
        LogicalPlan::Union(union) => {
            let schema = &union.schema;
            let mut parts = vec![];
            for input in &union.inputs {
                let below = compute(input, domain)?;
                let own = input.schema().columns().into_iter().map(Expr::Column);
                let names = schema.iter().map(|(_, field)| field.name().clone());
                let columns = own.zip(names).map(|(expr, name)| expr.alias(name));
                parts.push(flat(below, columns.collect(), domain)?);
            }
            union_of(parts, schema.iter().map(|(qualifier, _)| qualifier.cloned()).collect())
        }
        LogicalPlan::Values(values) => rows(values, domain),
        LogicalPlan::Unnest(unnest) => unnested(unnest, domain),
        LogicalPlan::Extension(_) | LogicalPlan::RecursiveQuery(_) => {
            Err(refused("it is recursive, and refers to the query around it").into())
        }
        _ => Err(refused("it refers to the query around it in a place where that is not possible").into()),
    }
}

fn with_keys(below: Dependent, columns: Vec<Expr>) -> Result<Dependent> {
    let keys = below.keys.iter().cloned().map(Expr::Column);
    let plan = LogicalPlanBuilder::from(below.plan).project(columns.into_iter().chain(keys))?.build()?;
    Ok(Dependent { plan, keys: below.keys })
}

/// The columns and the keys under plain names, for a union.
fn flat(below: Dependent, columns: Vec<Expr>, domain: &Domain<'_>) -> Result<LogicalPlan> {
    let keys = below.keys.iter().enumerate();
    let keys = keys.map(|(at, key)| Expr::Column(key.clone()).alias(format!("{}_union", domain.key(at))));
    LogicalPlanBuilder::from(below.plan).project(columns.into_iter().chain(keys))?.build()
}

/// The union of plans that are flat, under the qualifiers that the columns had.
fn union_of(parts: Vec<LogicalPlan>, qualifiers: Vec<Option<TableReference>>) -> Result<Dependent> {
    let mut parts = parts.into_iter();
    let first = parts.next().ok_or_else(|| refused("it has no part"))?;
    let mut all = LogicalPlanBuilder::from(first);
    for part in parts {
        all = all.union(part)?;
    }
    let all = all.build()?;
    let width = qualifiers.len();
    let keys: Vec<Column> = all.schema().columns().into_iter().skip(width).collect();
    let columns = all.schema().columns().into_iter().zip(&qualifiers);
    let columns: Vec<Expr> = columns
        .map(|(column, qualifier)| named(Expr::Column(column.clone()), qualifier.as_ref(), &column.name))
        .collect();
    with_keys(Dependent { plan: all, keys }, columns)
}

fn project(projection: &Projection, domain: &Domain<'_>) -> Result<Dependent> {
    let below = compute(&projection.input, domain)?;
    let columns = projection.expr.iter().zip(projection.schema.iter()).map(|(expr, (qualifier, field))| {
        Ok(named(replaced(expr.clone(), &domain.outer, &below.keys)?, qualifier, field.name()))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    with_keys(below, columns)
}

/// An aggregate of all rows has a row for a value without any: the value is joined with its rows, and only those count.
fn whole(aggregate: &Aggregate, domain: &Domain<'_>) -> Result<Dependent> {
    let below = compute(&aggregate.input, domain)?;
    let name = domain.unnesting.name("row");
    let marked: Vec<Expr> = super::references::columns(&below.plan);
    let marked = marked.into_iter().chain([lit(true).alias(name.clone())]);
    let rows = LogicalPlanBuilder::from(below.plan.clone()).project(marked)?.build()?;
    let (values, keys) = domain.instance()?;
    let on = (keys.clone(), below.keys.clone());
    let joined = LogicalPlanBuilder::from(values)
        .join_detailed(rows, JoinType::Left, on, None, NullEquality::NullEqualsNull)?
        .build()?;
    let there = Expr::Column(Column::new_unqualified(name)).is_not_null();
    let aggregates = aggregate.aggr_expr.iter().zip(aggregate.schema.iter()).map(|(expr, (qualifier, field))| {
        let expr = replaced(expr.clone(), &domain.outer, &keys)?;
        Ok(named(only_where(expr, &there)?, qualifier, field.name()))
    });
    let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
    let groups: Vec<Expr> = keys.iter().cloned().map(Expr::Column).collect();
    let plan = LogicalPlan::Aggregate(Aggregate::try_new(joined.into(), groups, aggregates)?);
    Ok(Dependent { plan, keys })
}

/// An aggregate of the rows for which a condition holds.
fn only_where(expr: Expr, condition: &Expr) -> Result<Expr> {
    match expr {
        Expr::Alias(alias) => only_where(*alias.expr, condition),
        Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
            let filter = params.filter.take().map(|filter| *filter);
            let both = filter.map_or_else(|| condition.clone(), |filter| condition.clone().and(filter));
            params.filter = Some(Box::new(both));
            Ok(Expr::AggregateFunction(AggregateFunction { func, params }))
        }
        _ => Err(refused("its aggregate is hidden in an expression").into()),
    }
}

fn grouped(aggregate: &Aggregate, domain: &Domain<'_>) -> Result<Dependent> {
    if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return Err(refused("it has grouping sets, and refers to the query around it").into());
    }
    let below = compute(&aggregate.input, domain)?;
    // What stands there twice is one column.
    let mut by: Vec<&Expr> = vec![];
    for expr in &aggregate.group_expr {
        if !by.contains(&expr) {
            by.push(expr);
        }
    }
    let groups = by.len();
    let exprs = by.into_iter().chain(&aggregate.aggr_expr).zip(aggregate.schema.iter());
    let exprs = exprs.map(|(expr, (qualifier, field))| {
        Ok(named(replaced(expr.clone(), &domain.outer, &below.keys)?, qualifier, field.name()))
    });
    let mut by = exprs.collect::<Result<Vec<_>>>()?;
    let aggregates = by.split_off(groups);
    by.extend(below.keys.iter().cloned().map(Expr::Column));
    let plan = LogicalPlan::Aggregate(Aggregate::try_new(below.plan.into(), by, aggregates)?);
    Ok(Dependent { plan, keys: below.keys })
}

fn distinct_on(on: &DistinctOn, domain: &Domain<'_>) -> Result<Dependent> {
    let below = compute(&on.input, domain)?;
    let keys = || below.keys.iter().cloned().map(Expr::Column);
    let over = |expr: &Expr| replaced(expr.clone(), &domain.outer, &below.keys);
    let on_exprs: Vec<Expr> = on.on_expr.iter().map(over).collect::<Result<_>>()?;
    let select = on
        .select_expr
        .iter()
        .zip(on.schema.iter())
        .map(|(expr, (qualifier, field))| Ok(named(over(expr)?, qualifier, field.name())));
    let select = select.collect::<Result<Vec<_>>>()?.into_iter().chain(keys()).collect();
    let sort = match &on.sort_expr {
        None => None,
        Some(sort) => {
            let first = keys().map(|key| key.sort(true, false));
            let rest = sort.iter().map(|each| Ok(each.with_expr(over(&each.expr)?)));
            Some(first.map(Ok).chain(rest).collect::<Result<Vec<SortExpr>>>()?)
        }
    };
    let on_exprs = keys().chain(on_exprs).collect();
    let plan = LogicalPlanBuilder::from(below.plan.clone()).distinct_on(on_exprs, select, sort)?.build()?;
    // What is selected has the names of the keys, without their table.
    let width = on.schema.fields().len();
    let keys = plan.schema().columns().into_iter().skip(width).collect();
    Ok(Dependent { plan, keys })
}

/// A limit counts the rows of each value by themselves.
fn limited(limit: &Limit, domain: &Domain<'_>) -> Result<Dependent> {
    // A limit and what computes columns row by row can change places.
    if let LogicalPlan::Projection(projection) = limit.input.as_ref() {
        let inner = LogicalPlan::Limit(Limit { input: projection.input.clone(), ..limit.clone() });
        let swapped =
            Projection::try_new_with_schema(projection.expr.clone(), inner.into(), projection.schema.clone())?;
        return project(&swapped, domain);
    }
    let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?) else {
        return Err(refused("its `limit` is no plain number").into());
    };
    let (input, order) = match limit.input.as_ref() {
        LogicalPlan::Sort(sort) => (sort.input.as_ref(), sort.expr.clone()),
        other => (other, vec![]),
    };
    let below = compute(input, domain)?;
    let order = order.iter().map(|sort| Ok(sort.with_expr(replaced(sort.expr.clone(), &domain.outer, &below.keys)?)));
    let order = order.collect::<Result<Vec<SortExpr>>>()?;
    let name = domain.unnesting.name("number");
    let partition = below.keys.iter().cloned().map(Expr::Column).collect();
    let number = row_number().partition_by(partition);
    let number = if order.is_empty() { number } else { number.order_by(order) };
    let number = number.build()?.alias(name.clone());
    let number_of = || Expr::Column(Column::new_unqualified(name.clone()));
    let count = |rows: usize| lit(ScalarValue::UInt64(Some(rows as u64)));
    let mut wanted = number_of().gt(count(skip));
    if let Some(fetch) = fetch {
        wanted = wanted.and(number_of().lt_eq(count(skip.saturating_add(fetch))));
    }
    let columns = super::references::columns(&below.plan);
    let plan = LogicalPlanBuilder::from(below.plan).window([number])?.filter(wanted)?.project(columns)?.build()?;
    Ok(Dependent { plan, keys: below.keys })
}

fn windows(window: &Window, domain: &Domain<'_>) -> Result<Dependent> {
    let below = compute(&window.input, domain)?;
    let width = window.input.schema().fields().len();
    let mut exprs = vec![];
    for (expr, (qualifier, field)) in window.window_expr.iter().zip(window.schema.iter().skip(width)) {
        let expr = replaced(expr.clone(), &domain.outer, &below.keys)?.unalias();
        let Expr::WindowFunction(function) = expr else {
            return Err(refused("its window function is hidden in an expression").into());
        };
        let WindowFunction { fun, mut params } = *function;
        params.partition_by.extend(below.keys.iter().cloned().map(Expr::Column));
        let function = Expr::from(WindowFunction { fun, params });
        exprs.push(named(function, qualifier, field.name()));
    }
    let plan = LogicalPlan::Window(Window::try_new(exprs, below.plan.into())?);
    Ok(Dependent { plan, keys: below.keys })
}

fn rows(values: &Values, domain: &Domain<'_>) -> Result<Dependent> {
    let mut parts = vec![];
    for row in &values.values {
        let (plan, keys) = domain.instance()?;
        let columns = row
            .iter()
            .zip(values.schema.fields())
            .map(|(expr, field)| Ok(replaced(expr.clone(), &domain.outer, &keys)?.alias(field.name())));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        parts.push(flat(Dependent { plan, keys }, columns, domain)?);
    }
    union_of(parts, values.schema.iter().map(|(qualifier, _)| qualifier.cloned()).collect())
}

fn unnested(unnest: &Unnest, domain: &Domain<'_>) -> Result<Dependent> {
    let below = compute(&unnest.input, domain)?;
    let plan = LogicalPlanBuilder::from(below.plan)
        .unnest_columns_with_options(unnest.exec_columns.clone(), unnest.options.clone())?
        .build()?;
    Ok(Dependent { plan, keys: below.keys })
}
