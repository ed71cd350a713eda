//! What DataFusion takes columns to depend on is wrong over joins of what is grouped (its issues 23634, 23818 to 23820): a
//! `distinct` is left out that is needed, and columns are added to `group by` that make more groups. So nothing depends on
//! anything: neither while a statement is planned, nor in the rules that ask.

use super::wrapped_rule::Rule;
use datafusion::{
    common::{
        DFSchemaRef, FunctionalDependencies, Result,
        tree_node::{Transformed, TransformedResult, TreeNode},
    },
    logical_expr::{
        Aggregate, Distinct, Expr, LogicalPlan,
        planner::{PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning},
    },
    optimizer::OptimizerConfig,
    sql::sqlparser::ast::TableFactor,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Plans what stands in `from` as DataFusion does, without what its columns depend on.
#[derive(Debug, Default)]
pub struct Independent {
    /// The next one is DataFusion's.
    asked: AtomicBool,
}

impl RelationPlanner for Independent {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        if self.asked.swap(false, Ordering::Relaxed) {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        }
        self.asked.store(true, Ordering::Relaxed);
        let plan = context.plan(relation);
        self.asked.store(false, Ordering::Relaxed);
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(node(plan?).data, None))))
    }
}

/// Runs a rule over a plan in which nothing depends on anything.
pub fn without(rule: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    let plan = plan.transform_up(|plan| Ok(node(plan))).data()?;
    rule.rewrite(plan, config)
}

/// Groups by all columns of what is distinct, whatever they depend on.
pub fn distinct(rule: &Rule, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
    match plan {
        LogicalPlan::Distinct(Distinct::All(input)) if !input.schema().fields().is_empty() => {
            let columns = input.schema().columns().into_iter().map(Expr::Column).collect();
            Ok(Transformed::yes(LogicalPlan::Aggregate(Aggregate::try_new(input, columns, vec![])?)))
        }
        plan => rule.rewrite(plan, config),
    }
}

/// One node without dependencies. Those that are not named have none of their own.
fn node(mut plan: LogicalPlan) -> Transformed<LogicalPlan> {
    let schema = match &mut plan {
        LogicalPlan::Projection(projection) => &mut projection.schema,
        LogicalPlan::Aggregate(aggregate) => &mut aggregate.schema,
        LogicalPlan::Window(window) => &mut window.schema,
        LogicalPlan::Join(join) => &mut join.schema,
        LogicalPlan::SubqueryAlias(alias) => &mut alias.schema,
        LogicalPlan::Unnest(unnest) => &mut unnest.schema,
        LogicalPlan::TableScan(scan) => &mut scan.projected_schema,
        _ => return Transformed::no(plan),
    };
    match independent(schema) {
        Some(bare) => *schema = bare,
        None => return Transformed::no(plan),
    }
    Transformed::yes(plan)
}

fn independent(schema: &DFSchemaRef) -> Option<DFSchemaRef> {
    if schema.functional_dependencies().is_empty() {
        return None;
    }
    let bare = schema.as_ref().clone().with_functional_dependencies(FunctionalDependencies::empty());
    bare.ok().map(Arc::new)
}
