//! Puts in place of a subquery a column that is joined to what the expression reads.

use super::{
    Unnesting,
    dependent::compute,
    domain::Domain,
    references::{columns, into},
    refused,
    single_value::single_value,
};
use crate::sql::statement::ROW;
use datafusion::{
    common::{
        Column, NullEquality, Result, ScalarValue,
        tree_node::{Transformed, TreeNode},
    },
    functions_aggregate::count::count_udaf,
    logical_expr::{
        Expr, ExprSchemable, FetchType, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, cast,
        expr::{AggregateFunction, ScalarFunction, SetQuantifier},
        lit, not,
        type_coercion::binary::comparison_coercion,
        when,
    },
};

/// The expression without its subqueries, over a plan that has what they would have given.
pub fn attach(unnesting: &Unnesting, input: LogicalPlan, expr: Expr) -> Result<(LogicalPlan, Expr)> {
    let mut input = input;
    let rewritten = expr.transform_up(|part| {
        let (plan, part) = match part {
            Expr::Exists(exists) => {
                let (plan, there) = exists_in(unnesting, input.clone(), &exists.subquery.subquery)?;
                (plan, if exists.negated { not(there) } else { there })
            }
            Expr::InSubquery(within) => {
                let plan = within.subquery.subquery.as_ref();
                let (plan, found) = quantified(unnesting, input.clone(), *within.expr, plan, Operator::Eq, true)?;
                (plan, if within.negated { not(found) } else { found })
            }
            Expr::SetComparison(within) => {
                let some = within.quantifier == SetQuantifier::Any;
                let plan = within.subquery.subquery.as_ref();
                quantified(unnesting, input.clone(), *within.expr, plan, within.op, some)?
            }
            Expr::ScalarSubquery(subquery) => scalar(unnesting, input.clone(), &subquery.subquery)?,
            other => return Ok(Transformed::no(other)),
        };
        input = plan;
        Ok(Transformed::yes(part))
    })?;
    Ok((input, rewritten.data))
}

/// A relation under a name, and its columns.
fn under_a_name(unnesting: &Unnesting, plan: LogicalPlan) -> Result<(LogicalPlan, String)> {
    let name = unnesting.name("subquery");
    Ok((LogicalPlanBuilder::from(plan).alias(name.clone())?.build()?, name))
}

fn keys_of(name: &str, domain: &Domain<'_>, width: usize) -> Vec<Column> {
    (0..width).map(|at| Column::new(Some(name), found_key(domain, at))).collect()
}

/// The name under which what was computed has a key.
fn found_key(domain: &Domain<'_>, at: usize) -> String {
    format!("{}_found", domain.key(at))
}

fn column(name: &str, column: &str) -> Expr {
    Expr::Column(Column::new(Some(name), column))
}

fn counted(filter: Option<Expr>) -> Expr {
    let filter = filter.map(Box::new);
    Expr::AggregateFunction(AggregateFunction::new_udf(count_udaf(), vec![lit(1_i64)], false, filter, vec![], None))
}

/// Joins to each row what was computed for its values.
fn look_up(
    input: LogicalPlan,
    outer: Vec<Column>,
    computed: LogicalPlan,
    name: &str,
    domain: &Domain<'_>,
) -> Result<LogicalPlan> {
    let keys = keys_of(name, domain, outer.len());
    LogicalPlanBuilder::from(input)
        .join_detailed(computed, JoinType::Left, (outer, keys), None, NullEquality::NullEqualsNull)?
        .build()
}

fn exists_in(unnesting: &Unnesting, input: LogicalPlan, subquery: &LogicalPlan) -> Result<(LogicalPlan, Expr)> {
    let outer = into(subquery, input.schema())?;
    if outer.is_empty() {
        let one = LogicalPlanBuilder::from(subquery.clone()).limit(0, Some(1))?.build()?;
        let counted =
            LogicalPlanBuilder::from(one).aggregate(Vec::<Expr>::new(), vec![counted(None).alias("n")])?.build()?;
        let (counted, name) = under_a_name(unnesting, counted)?;
        let input = LogicalPlanBuilder::from(input).cross_join(counted)?.build()?;
        return Ok((input, column(&name, "n").gt(lit(0_i64))));
    }
    let domain = Domain::new(unnesting, &input, &outer, &[])?;
    let found = compute(subquery, &domain)?;
    let keys =
        found.keys.iter().enumerate().map(|(at, column)| Expr::Column(column.clone()).alias(found_key(&domain, at)));
    let distinct = LogicalPlanBuilder::from(found.plan.clone()).project(keys)?.distinct()?.build()?;
    let marked = columns(&distinct).into_iter().chain([lit(true).alias("found")]);
    let marked = LogicalPlanBuilder::from(distinct.clone()).project(marked)?.build()?;
    let (marked, name) = under_a_name(unnesting, marked)?;
    Ok((look_up(input, outer, marked, &name, &domain)?, column(&name, "found").is_not_null()))
}

/// The columns that a row or a single value is compared with.
fn compared(left: &Expr, subquery: &LogicalPlan) -> Result<(Vec<Expr>, LogicalPlan)> {
    if let (Expr::ScalarFunction(row), LogicalPlan::Projection(rows)) = (left, subquery)
        && let [of_row] = &rows.expr[..]
        && let Expr::ScalarFunction(ScalarFunction { func, args }) = of_row.clone().unalias()
        && row.func.name() == ROW
        && func.name() == ROW
    {
        if args.len() != row.args.len() || args.len() != rows.input.schema().fields().len() {
            return Err(refused("rows of different lengths are compared").into());
        }
        return Ok((row.args.clone(), rows.input.as_ref().clone()));
    }
    Ok((vec![left.clone()], subquery.clone()))
}

/// `left op any (subquery)` or `left op all (subquery)`, with its NULLs.
fn quantified(
    unnesting: &Unnesting,
    input: LogicalPlan,
    left: Expr,
    subquery: &LogicalPlan,
    op: Operator,
    some: bool,
) -> Result<(LogicalPlan, Expr)> {
    let (values, subquery) = compared(&left, subquery)?;
    let outer = into(&subquery, input.schema())?;
    if outer.is_empty() && values.len() == 1 && op == Operator::Eq && some && repeatable(&subquery)? {
        return looked_up(unnesting, input, values[0].clone(), &subquery);
    }
    // The values are columns of the input from here on.
    let names: Vec<String> = values.iter().map(|_| unnesting.name("value")).collect();
    let named = values.iter().zip(&names).map(|(value, name)| value.clone().alias(name));
    let extended = columns(&input).into_iter().chain(named);
    let input = LogicalPlanBuilder::from(input.clone()).project(extended)?.build()?;
    let named: Vec<Column> = names.iter().map(Column::new_unqualified).collect();
    let more: Vec<Expr> = named.iter().cloned().map(Expr::Column).collect();
    let domain = Domain::new(unnesting, &input, &outer, &more)?;
    let found = compute(&subquery, &domain)?;
    let own = found.keys.iter().skip(outer.len()).cloned();
    let pairs = own.zip(subquery.schema().columns());
    let pairs = pairs.map(|(value, theirs)| binary_expr(Expr::Column(value), op, Expr::Column(theirs)));
    let same = pairs.reduce(Expr::and).ok_or_else(|| refused("it has no column"))?;
    let decisive = if some { same.clone().is_true() } else { same.clone().is_false() };
    let keys: Vec<Expr> = found
        .keys
        .iter()
        .enumerate()
        .map(|(at, column)| Expr::Column(column.clone()).alias(found_key(&domain, at)))
        .collect();
    let counts = vec![counted(Some(decisive)).alias("decisive"), counted(Some(same.is_unknown())).alias("unknown")];
    let counts = LogicalPlanBuilder::from(found.plan).aggregate(keys, counts)?.build()?;
    let (counts, name) = under_a_name(unnesting, counts)?;
    let outer = outer.into_iter().chain(named).collect();
    let input = look_up(input, outer, counts, &name, &domain)?;
    let answer = when(column(&name, "decisive").gt(lit(0_i64)), lit(some))
        .when(column(&name, "unknown").gt(lit(0_i64)), lit(ScalarValue::Boolean(None)))
        .otherwise(lit(!some))?;
    Ok((input, answer))
}

/// Whether a plan gives the same rows each time.
fn repeatable(plan: &LogicalPlan) -> Result<bool> {
    let mut same = true;
    plan.apply_with_subqueries(|node| {
        same &= !matches!(node, LogicalPlan::Limit(_));
        node.apply_expressions(|expr| {
            same &= !expr.is_volatile();
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        })
    })?;
    Ok(same)
}

/// `value in (subquery)` of a subquery that is the same for all rows: a join with its distinct values, and with how many
/// there are and how many of them are not NULL.
fn looked_up(
    unnesting: &Unnesting,
    input: LogicalPlan,
    value: Expr,
    subquery: &LogicalPlan,
) -> Result<(LogicalPlan, Expr)> {
    let theirs = Expr::Column(subquery.schema().columns().remove(0));
    let kinds = (value.get_type(input.schema())?, theirs.get_type(subquery.schema())?);
    let common = comparison_coercion(&kinds.0, &kinds.1);
    let as_common = |expr: Expr, kind: &_| match &common {
        Some(common) if common != kind => cast(expr, common.clone()),
        _ => expr,
    };
    let key = unnesting.name("key");
    let distinct = LogicalPlanBuilder::from(subquery.clone())
        .project([as_common(theirs.clone(), &kinds.1).alias(&key)])?
        .filter(Expr::Column(Column::new_unqualified(&key)).is_not_null())?
        .distinct()?
        .build()?;
    let (distinct, values) = under_a_name(unnesting, distinct)?;
    let there = counted(Some(theirs.is_not_null()));
    let counts = LogicalPlanBuilder::from(subquery.clone())
        .aggregate(Vec::<Expr>::new(), vec![counted(None).alias("n"), there.alias("there")])?
        .build()?;
    let (counts, numbers) = under_a_name(unnesting, counts)?;
    let name = unnesting.name("value");
    let value = as_common(value, &kinds.0).alias(name.clone());
    let extended = columns(&input).into_iter().chain([value]);
    let on = (vec![Column::new_unqualified(name.clone())], vec![Column::new(Some(values.clone()), &key)]);
    let input = LogicalPlanBuilder::from(input.clone())
        .project(extended)?
        .join_detailed(distinct, JoinType::Left, on, None, NullEquality::NullEqualsNothing)?
        .cross_join(counts)?
        .build()?;
    let unknown = Expr::Column(Column::new_unqualified(name)).is_null();
    let unknown = unknown.or(column(&numbers, "there").lt(column(&numbers, "n")));
    let answer = when(column(&numbers, "n").eq(lit(0_i64)), lit(false))
        .when(column(&values, &key).is_not_null(), lit(true))
        .when(unknown, lit(ScalarValue::Boolean(None)))
        .otherwise(lit(false))?;
    Ok((input, answer))
}

fn scalar(unnesting: &Unnesting, input: LogicalPlan, subquery: &LogicalPlan) -> Result<(LogicalPlan, Expr)> {
    let outer = into(subquery, input.schema())?;
    let value = subquery.schema().columns().into_iter().next().ok_or_else(|| refused("it has no column"))?;
    let single = |value: Expr| {
        Expr::AggregateFunction(AggregateFunction::new_udf(single_value(), vec![value], false, None, vec![], None))
    };
    if outer.is_empty() {
        let one = LogicalPlanBuilder::from(subquery.clone())
            .aggregate(Vec::<Expr>::new(), vec![single(Expr::Column(value)).alias("value")])?
            .build()?;
        let (one, name) = under_a_name(unnesting, one)?;
        return Ok((LogicalPlanBuilder::from(input).cross_join(one)?.build()?, column(&name, "value")));
    }
    let domain = Domain::new(unnesting, &input, &outer, &[])?;
    let found = compute(subquery, &domain)?;
    let keys: Vec<Expr> = found
        .keys
        .iter()
        .enumerate()
        .map(|(at, column)| Expr::Column(column.clone()).alias(found_key(&domain, at)))
        .collect();
    let builder = LogicalPlanBuilder::from(found.plan);
    let values = if at_most_one(subquery) {
        builder.project(keys.into_iter().chain([Expr::Column(value).alias("value")]))?.build()?
    } else {
        builder.aggregate(keys, vec![single(Expr::Column(value)).alias("value")])?.build()?
    };
    let (values, name) = under_a_name(unnesting, values)?;
    Ok((look_up(input, outer, values, &name, &domain)?, column(&name, "value")))
}

/// Whether a plan's shape says that it has no two rows.
fn at_most_one(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => at_most_one(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => at_most_one(&alias.input),
        LogicalPlan::Filter(filter) => at_most_one(&filter.input),
        LogicalPlan::Sort(sort) => at_most_one(&sort.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Limit(limit) => matches!(limit.get_fetch_type(), Ok(FetchType::Literal(Some(0 | 1)))),
        _ => false,
    }
}
