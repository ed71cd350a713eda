//! Joins inside a subquery that refers to the query around it.

use super::{
    dependent::{Dependent, compute},
    domain::Domain,
    references::{named, replaced, some_of},
    refused,
};
use datafusion::{
    common::{Column, NullEquality, Result},
    logical_expr::{Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, lit, when},
};

/// Which sides have to be computed for every value.
struct Sides {
    left: bool,
    right: bool,
}

/// Computes a join for every value.
pub fn join(join: &Join, domain: &Domain<'_>) -> Result<Dependent> {
    if join.null_aware {
        return Err(refused("it has a `not in`, and refers to the query around it").into());
    }
    let condition = condition(join);
    let sides = sides(join, domain)?;
    let side = |plan: &LogicalPlan, dependent: bool| -> Result<(LogicalPlan, Option<Vec<Column>>)> {
        if dependent {
            let below = compute(plan, domain)?;
            return Ok((below.plan, Some(below.keys)));
        }
        Ok((plan.clone(), None))
    };
    let (left, left_keys) = side(&join.left, sides.left)?;
    let (right, right_keys) = side(&join.right, sides.right)?;
    let keys = match (&left_keys, &right_keys, keeps_right(join.join_type)) {
        (Some(_), Some(keys), true) | (None, Some(keys), _) | (Some(keys), ..) => keys.clone(),
        (None, None, _) => return Err(refused("it refers to the query around it in a join").into()),
    };
    let mut conditions = vec![replaced(condition, &domain.outer, &keys)?];
    if let (Some(left), Some(right)) = (&left_keys, &right_keys) {
        conditions.extend(left.iter().zip(right).map(|(left, right)| same(left, right)));
    }
    let plan = LogicalPlanBuilder::from(left).join_on(right, join.join_type, conditions)?.build()?;
    match (join.join_type, left_keys, right_keys) {
        (JoinType::Full, Some(left), Some(right)) => either(join, plan, &left, &right, domain),
        _ => Ok(Dependent { plan, keys }),
    }
}

fn keeps_right(kind: JoinType) -> bool {
    matches!(kind, JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark)
}

fn sides(join: &Join, domain: &Domain<'_>) -> Result<Sides> {
    let (left, right) = (some_of(&join.left, &domain.outer)?, some_of(&join.right, &domain.outer)?);
    Ok(match join.join_type {
        JoinType::Inner => Sides { left: left || !right, right },
        // Rows without a partner have to be there for every value.
        JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => Sides { left: true, right },
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            Sides { left, right: true }
        }
        JoinType::Full => Sides { left: true, right: true },
    })
}

/// All that a join asks for, as one expression.
fn condition(join: &Join) -> Expr {
    let equal = match join.null_equality {
        NullEquality::NullEqualsNothing => Operator::Eq,
        NullEquality::NullEqualsNull => Operator::IsNotDistinctFrom,
    };
    let on = join.on.iter().map(|(left, right)| binary_expr(left.clone(), equal, right.clone()));
    on.chain(join.filter.clone()).reduce(Expr::and).unwrap_or_else(|| lit(true))
}

fn same(left: &Column, right: &Column) -> Expr {
    binary_expr(Expr::Column(left.clone()), Operator::IsNotDistinctFrom, Expr::Column(right.clone()))
}

/// A full join's values are those of the side that is there. A value may be NULL, so the side is told by a mark.
fn either(join: &Join, plan: LogicalPlan, left: &[Column], right: &[Column], domain: &Domain<'_>) -> Result<Dependent> {
    let name = domain.unnesting.name("values");
    let mut columns: Vec<Expr> = join.schema.columns().into_iter().map(Expr::Column).collect();
    let mut keys = vec![];
    for (at, (left, right)) in left.iter().zip(right).enumerate() {
        let (left, right) = (Expr::Column(left.clone()), Expr::Column(right.clone()));
        // Where both are there they are the same; where one is not, its columns are all NULL.
        let value = when(left.clone().is_not_null(), left).otherwise(right)?;
        let key = Column::new(Some(name.clone()), format!("{}_both", domain.key(at)));
        columns.push(named(value, key.relation.as_ref(), &key.name));
        keys.push(key);
    }
    let plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
    Ok(Dependent { plan, keys })
}
