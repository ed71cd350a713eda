//! Aggregates that a system computes itself, where it comes to just what would be computed here.

use datafusion::{
    arrow::datatypes::{Schema, SchemaRef},
    catalog::{Session, TableProvider},
    common::{Column, Result, tree_node::Transformed},
    datasource::{TableType, provider_as_source, source_as_provider},
    logical_expr::{
        Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown, TableScan,
        expr::{AggregateFunction, AggregateFunctionParams},
    },
    optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule},
    physical_plan::ExecutionPlan,
};
use std::sync::Arc;

/// A table that can aggregate its rows itself.
pub trait ServerAggregates: TableProvider {
    /// The groups with their measures, as rows in the columns of `wanted.schema`; `None` if that is not for certain what
    /// would be computed here.
    fn aggregate(&self, wanted: &AggregateRequest<'_>) -> Option<Arc<dyn TableProvider>>;
}

/// Such a table, whatever its system: what [`PushAggregates`] looks for.
#[derive(Debug)]
pub struct AggregatingTable(pub Arc<dyn ServerAggregates>);

#[async_trait::async_trait]
impl TableProvider for AggregatingTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        self.0.table_type()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.0.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.scan(session, projection, filters, limit).await
    }
}

/// What is to be aggregated.
#[derive(Clone, Debug)]
pub struct AggregateRequest<'a> {
    /// Which rows.
    pub filters: &'a [Expr],
    /// Columns whose values make a group; without any, all rows are one.
    pub groups: Vec<&'a str>,
    /// What is computed of each group.
    pub measures: Vec<Measure<'a>>,
    /// The groups' columns, then the measures'.
    pub schema: SchemaRef,
}

/// One thing computed of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure<'a> {
    /// How many rows there are.
    Rows,
    /// How many values a column has that are not NULL.
    Count(&'a str),
    /// The sum of a column's values.
    Sum(&'a str),
    /// The least of them.
    Min(&'a str),
    /// The greatest.
    Max(&'a str),
}

/// Replaces an aggregate over one table by a scan of what the table's system aggregates.
#[derive(Debug)]
pub struct PushAggregates;

impl OptimizerRule for PushAggregates {
    fn name(&self) -> &'static str {
        "engine_push_aggregates"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        match pushed(aggregate)? {
            Some(pushed) => Ok(Transformed::yes(pushed)),
            None => Ok(Transformed::no(plan)),
        }
    }
}

fn pushed(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let Some(scan) = scanned(&aggregate.input).filter(|scan| scan.fetch.is_none()) else { return Ok(None) };
    let groups: Option<Vec<&str>> = aggregate.group_expr.iter().map(column).collect();
    let measures: Option<Vec<Measure<'_>>> = aggregate.aggr_expr.iter().map(measure).collect();
    let (Some(groups), Some(measures)) = (groups, measures) else { return Ok(None) };
    let output = aggregate.schema.as_arrow();
    let named = output.fields().iter().enumerate();
    let named = named.map(|(at, field)| field.as_ref().clone().with_name(format!("column_{at}")));
    let schema: SchemaRef = Arc::new(Schema::new(named.collect::<Vec<_>>()));
    let wanted = AggregateRequest { filters: &scan.filters, groups, measures, schema: schema.clone() };
    let provider = source_as_provider(&scan.source)?;
    let Some(rows) = aggregated(provider.as_ref(), &wanted) else {
        return Ok(None);
    };
    let columns = schema.fields().iter().zip(aggregate.schema.iter()).map(|(field, (qualifier, to))| {
        Expr::Column(Column::from_name(field.name())).alias_qualified(qualifier.cloned(), to.name())
    });
    let plan = LogicalPlanBuilder::scan("engine_aggregated", provider_as_source(rows), None)?;
    plan.project(columns.collect::<Vec<_>>())?.build().map(Some)
}

fn aggregated(table: &dyn TableProvider, wanted: &AggregateRequest<'_>) -> Option<Arc<dyn TableProvider>> {
    table.downcast_ref::<AggregatingTable>()?.0.aggregate(wanted)
}

/// The scan of one table, whatever it is called.
fn scanned(plan: &LogicalPlan) -> Option<&TableScan> {
    match plan {
        LogicalPlan::TableScan(scan) => Some(scan),
        LogicalPlan::SubqueryAlias(alias) => scanned(&alias.input),
        _ => None,
    }
}

fn column(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Column(column) => Some(&column.name),
        Expr::Alias(alias) => column(&alias.expr),
        _ => None,
    }
}

fn measure(expression: &Expr) -> Option<Measure<'_>> {
    let function = match expression {
        Expr::Alias(alias) => return measure(&alias.expr),
        Expr::AggregateFunction(function) => function,
        _ => return None,
    };
    let AggregateFunction { func, params: AggregateFunctionParams { args, distinct, filter, order_by, .. } } = function;
    let [argument] = args.as_slice() else { return None };
    if *distinct || filter.is_some() || !order_by.is_empty() {
        return None;
    }
    match (func.name(), argument) {
        ("count", Expr::Literal(value, _)) if !value.is_null() => Some(Measure::Rows),
        ("count", argument) => Some(Measure::Count(column(argument)?)),
        ("sum", argument) => Some(Measure::Sum(column(argument)?)),
        ("min", argument) => Some(Measure::Min(column(argument)?)),
        ("max", argument) => Some(Measure::Max(column(argument)?)),
        _ => None,
    }
}
