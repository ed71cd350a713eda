//! DataFusion's planner of operators, whose panics are errors of the query.

use super::{deep::deeply, refusal::Refusal, wrapped_rule::Rule};
use datafusion::{
    catalog::Session,
    common::{config::ConfigOptions, tree_node::Transformed},
    error::Result,
    execution::context::QueryPlanner,
    logical_expr::LogicalPlan,
    optimizer::OptimizerConfig,
    physical_optimizer::{PhysicalOptimizerContext, PhysicalOptimizerRule},
    physical_plan::ExecutionPlan,
    physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner},
    sql::sqlparser::tokenizer::Span,
};
use engine_language::code;
use futures::FutureExt;
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// Makes operators of a plan.
#[derive(Debug, Default)]
pub struct Planner;

#[async_trait::async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, state: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::default();
        caught(deeply(planner.create_physical_plan(plan, state))).await
    }
}

/// Work on a query that is an error where it panics.
pub async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(cannot_be_planned().into()))
}

fn cannot_be_planned() -> Refusal {
    let message = "this query cannot be planned: DataFusion's planner gives up over it, which is a fault of its own";
    Refusal::new(&code::E0216, Span::empty(), message)
        .hint("compute a part of it in a model of its own, such as what stands in `with` or in a subquery")
}

/// A rule of the optimizer whose panics are errors.
pub fn caught_rewrite(
    rule: &Rule,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    catch_unwind(AssertUnwindSafe(|| rule.rewrite(plan, config))).unwrap_or_else(|_| Err(cannot_be_planned().into()))
}

/// A rule for operators, which changes nothing where it panics: a plan is right without it. DataFusion's `ProjectionPushdown`
/// does over some joins of ranges.
#[derive(Debug)]
pub struct Optional(pub Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for Optional {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        catch_unwind(AssertUnwindSafe(|| self.0.optimize(plan.clone(), options))).unwrap_or(Ok(plan))
    }

    fn optimize_with_context(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        context: &dyn PhysicalOptimizerContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        catch_unwind(AssertUnwindSafe(|| self.0.optimize_with_context(plan.clone(), context))).unwrap_or(Ok(plan))
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_of_the_planner_is_an_error() {
        let broken =
            async { if Refusal::of(&cannot_be_planned().into()).is_some() { panic!("as in a rule") } else { Ok(()) } };
        let error = caught(broken).await.unwrap_err();
        assert!(error.to_string().contains("cannot be planned"), "{error}");
    }
}
