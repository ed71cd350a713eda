//! The nodes of a plan whose expressions have subqueries: what they need is joined to what they read.

use super::{
    Unnesting,
    attach::attach,
    native,
    references::{columns, into, named},
    refused,
};
use datafusion::{
    common::{
        Result,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{
        Aggregate, Expr, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Sort, Subquery, Window,
        expr::{Exists, InSubquery, SetComparison},
        utils::split_conjunction_owned,
    },
};

/// Rewrites one node whose inputs are done.
pub fn rewrite(unnesting: &Unnesting, plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut has = false;
    plan.apply_expressions(|expr| {
        has |= native::has_subquery(expr);
        Ok(TreeNodeRecursion::Continue)
    })?;
    if !has {
        return Ok(plan);
    }
    let plan = plan.map_expressions(|expr| expr.transform(|part| inside(unnesting, part)))?.data;
    match plan {
        LogicalPlan::Filter(filter) => filtered(unnesting, filter),
        LogicalPlan::Projection(projection) => {
            let input = projection.input.schema().clone();
            let native = |expr: &Expr| native::scalars(expr, &input);
            if projection.expr.iter().map(native).collect::<Result<Vec<_>>>()?.into_iter().all(|native| native) {
                return Ok(LogicalPlan::Projection(projection));
            }
            let (below, exprs) = attached(unnesting, &projection.input, projection.expr)?;
            let exprs = exprs.into_iter().zip(projection.schema.iter());
            let exprs = exprs.map(|(expr, (qualifier, field))| named(expr, qualifier, field.name()));
            LogicalPlanBuilder::from(below).project(exprs)?.build()
        }
        LogicalPlan::Aggregate(aggregate) => aggregated(unnesting, aggregate),
        LogicalPlan::Window(window) => {
            let original = columns(&LogicalPlan::Window(window.clone()));
            let width = window.input.schema().fields().len();
            let (below, exprs) = attached(unnesting, &window.input, window.window_expr)?;
            let exprs = exprs.into_iter().zip(window.schema.iter().skip(width));
            let exprs = exprs.map(|(expr, (qualifier, field))| named(expr, qualifier, field.name())).collect();
            let window = LogicalPlan::Window(Window::try_new(exprs, below.into())?);
            LogicalPlanBuilder::from(window).project(original)?.build()
        }
        LogicalPlan::Sort(sort) => {
            let original = columns(&sort.input);
            let exprs: Vec<Expr> = sort.expr.iter().map(|sort| sort.expr.clone()).collect();
            let (below, exprs) = attached(unnesting, &with_referenced(&sort.input, &exprs)?, exprs)?;
            let expr = sort.expr.iter().zip(exprs).map(|(sort, expr)| sort.with_expr(expr)).collect();
            let sort = LogicalPlan::Sort(Sort { expr, input: below.into(), fetch: sort.fetch });
            LogicalPlanBuilder::from(sort).project(original)?.build()
        }
        LogicalPlan::Join(join) => joined(unnesting, join),
        _ => Err(refused("it stands in a place where only values can stand").into()),
    }
}

/// Unnests what is inside a subquery.
fn inside(unnesting: &Unnesting, expr: Expr) -> Result<Transformed<Expr>> {
    let within = |subquery: Subquery| -> Result<Subquery> {
        let plan = unnesting.plan(subquery.subquery.as_ref().clone())?;
        Ok(Subquery { outer_ref_columns: plan.all_out_ref_exprs(), subquery: plan.into(), spans: subquery.spans })
    };
    Ok(match expr {
        Expr::ScalarSubquery(subquery) => Transformed::yes(Expr::ScalarSubquery(within(subquery)?)),
        Expr::Exists(exists) => Transformed::yes(Expr::Exists(Exists { subquery: within(exists.subquery)?, ..exists })),
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery: within(subquery)?, negated }))
        }
        Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
            let subquery = within(subquery)?;
            Transformed::yes(Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }))
        }
        other => Transformed::no(other),
    })
}

fn attached(unnesting: &Unnesting, input: &LogicalPlan, exprs: Vec<Expr>) -> Result<(LogicalPlan, Vec<Expr>)> {
    let mut below = input.clone();
    let mut rewritten = vec![];
    for expr in exprs {
        let (plan, expr) = attach(unnesting, below, expr)?;
        below = plan;
        rewritten.push(expr);
    }
    Ok((below, rewritten))
}

/// What needs no subquery filters first: fewer rows have to be looked up, and none for which PostgreSQL would not.
fn filtered(unnesting: &Unnesting, filter: Filter) -> Result<LogicalPlan> {
    let schema = filter.input.schema().clone();
    let (mut plain, mut left, mut ours) = (vec![], vec![], vec![]);
    for conjunct in split_conjunction_owned(filter.predicate.clone()) {
        if !native::has_subquery(&conjunct) {
            plain.push(conjunct);
        } else if native::conjunct(&conjunct, &schema)? {
            left.push(conjunct);
        } else {
            ours.push(conjunct);
        }
    }
    if ours.is_empty() {
        return Ok(LogicalPlan::Filter(filter));
    }
    let original = columns(&filter.input);
    let below = with_filter(filter.input.as_ref().clone(), plain.into_iter().chain(left))?;
    let (below, ours) = attached(unnesting, &below, ours)?;
    let below = with_filter(below, ours)?;
    LogicalPlanBuilder::from(below).project(original)?.build()
}

/// A projection that keeps what the subqueries of a sort refer to, for as long as the sort needs it.
fn with_referenced(input: &LogicalPlan, exprs: &[Expr]) -> Result<LogicalPlan> {
    let LogicalPlan::Projection(projection) = input else { return Ok(input.clone()) };
    let mut wanted = vec![];
    for expr in exprs {
        expr.apply(|part| {
            if let Expr::ScalarSubquery(Subquery { subquery, .. })
            | Expr::Exists(Exists { subquery: Subquery { subquery, .. }, .. })
            | Expr::InSubquery(InSubquery { subquery: Subquery { subquery, .. }, .. }) = part
            {
                wanted.extend(into(subquery, projection.input.schema())?);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    wanted.retain(|column| !projection.schema.has_column(column));
    wanted.sort();
    wanted.dedup();
    let exprs = projection.expr.iter().cloned().chain(wanted.into_iter().map(Expr::Column));
    LogicalPlanBuilder::from(projection.input.as_ref().clone()).project(exprs)?.build()
}

fn with_filter(plan: LogicalPlan, conjuncts: impl IntoIterator<Item = Expr>) -> Result<LogicalPlan> {
    match conjuncts.into_iter().reduce(Expr::and) {
        Some(predicate) => LogicalPlanBuilder::from(plan).filter(predicate)?.build(),
        None => Ok(plan),
    }
}

fn aggregated(unnesting: &Unnesting, aggregate: Aggregate) -> Result<LogicalPlan> {
    if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_)) && native::has_subquery(expr)) {
        return Err(refused("it stands in grouping sets").into());
    }
    let sets = aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_)));
    let groups = aggregate.group_expr.len();
    let exprs = aggregate.group_expr.iter().chain(&aggregate.aggr_expr).cloned().collect();
    let (below, mut exprs) = attached(unnesting, &aggregate.input, exprs)?;
    let aggregates = exprs.split_off(groups);
    let width = aggregate.schema.fields().len() - aggregates.len();
    let fields = |skip: usize| aggregate.schema.iter().skip(skip);
    let name = |(expr, (qualifier, field)): (Expr, (_, &datafusion::arrow::datatypes::FieldRef))| {
        named(expr, qualifier, field.name())
    };
    let exprs: Vec<Expr> = if sets { exprs } else { exprs.into_iter().zip(fields(0)).map(name).collect() };
    let aggregates: Vec<Expr> = aggregates.into_iter().zip(fields(width)).map(name).collect();
    Ok(LogicalPlan::Aggregate(Aggregate::try_new(below.into(), exprs, aggregates)?))
}

/// A subquery in `on` filters the pairs of an inner join, or the side that alone it is about.
fn joined(unnesting: &Unnesting, mut join: Join) -> Result<LogicalPlan> {
    let on = join.filter.take().map(split_conjunction_owned).unwrap_or_default();
    let (ours, kept): (Vec<Expr>, Vec<Expr>) = on.into_iter().partition(native::has_subquery);
    let conditions = kept.into_iter().reduce(Expr::and);
    if join.join_type == JoinType::Inner {
        let join = LogicalPlan::Join(Join { filter: conditions, ..join });
        let filter = with_filter(join, ours)?;
        return rewrite(unnesting, filter);
    }
    let about = |side: &LogicalPlan, expr: &Expr| -> bool {
        let mut all = true;
        let _ = expr.apply(|part| {
            match part {
                Expr::Column(column) => all &= side.schema().has_column(column),
                Expr::ScalarSubquery(subquery) => all &= only(&subquery.subquery, side),
                Expr::Exists(exists) => all &= only(&exists.subquery.subquery, side),
                Expr::InSubquery(within) => all &= only(&within.subquery.subquery, side),
                Expr::SetComparison(within) => all &= only(&within.subquery.subquery, side),
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
        all
    };
    let side = match join.join_type {
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti => &mut join.right,
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti => &mut join.left,
        _ => return Err(refused("it stands in the `on` of a full join").into()),
    };
    if !ours.iter().all(|expr| about(side, expr)) {
        return Err(refused("it stands in the `on` of an outer join, and is about the side that is kept").into());
    }
    *side = rewrite(unnesting, with_filter(side.as_ref().clone(), ours)?)?.into();
    Ok(LogicalPlan::Join(Join { filter: conditions, ..join }))
}

fn only(plan: &LogicalPlan, side: &LogicalPlan) -> bool {
    plan.all_out_ref_exprs().iter().all(|expr| match expr {
        Expr::OuterReferenceColumn(_, column) => side.schema().has_column(column),
        _ => false,
    })
}
