//! Rewrites the expressions of a plan to what PostgreSQL means by them, before DataFusion coerces their types.

use super::{binary_operators, cast, operands, rounding};
use datafusion::{
    arrow::datatypes::DataType,
    common::{
        DFSchema, ScalarValue,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    error::{DataFusionError, Result},
    logical_expr::{
        Cast, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, ScalarUDF, WindowFunctionDefinition,
        expr::{AggregateFunction, ScalarFunction},
        expr_rewriter::NamePreserver,
        utils::merge_schema,
    },
    optimizer::{AnalyzerRule, analyzer::type_coercion::TypeCoercionRewriter},
};
use std::sync::Arc;

/// The rule.
#[derive(Debug)]
pub struct Meaning {
    negative: Arc<ScalarUDF>,
}

impl Default for Meaning {
    fn default() -> Self {
        let negative = binary_operators::functions().into_iter().find(|function| function.name == "engine_negative");
        let negative = negative.expect("there is a function for it");
        Self { negative: Arc::new(ScalarUDF::new_from_impl(negative)) }
    }
}

impl AnalyzerRule for Meaning {
    fn name(&self) -> &'static str {
        "engine_meaning"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(|plan| self.plan(plan))?.data)
    }
}

impl Meaning {
    fn plan(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        let before = plan.schema().clone();
        let mut schema = merge_schema(&plan.inputs());
        if let LogicalPlan::TableScan(scan) = &plan {
            schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
        }
        if matches!(plan, LogicalPlan::Limit(_)) {
            return Ok(Transformed::no(plan));
        }
        let names = NamePreserver::new(&plan);
        let rewritten = plan.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(self.expression(expr, &schema)?.update_data(|expr| name.restore(expr)))
        })?;
        rewritten.map_data(|plan| match plan {
            LogicalPlan::Union(union) => TypeCoercionRewriter::coerce_union(union),
            LogicalPlan::Values(values) => LogicalPlanBuilder::values(values.values)?.build(),
            LogicalPlan::RecursiveQuery(mut query) => {
                // The table that it reads itself as has been given its types already.
                query.static_term = Arc::new(as_before(Arc::unwrap_or_clone(query.static_term), &before)?);
                query.recursive_term = Arc::new(as_before(Arc::unwrap_or_clone(query.recursive_term), &before)?);
                Ok(LogicalPlan::RecursiveQuery(query))
            }
            plan => plan.recompute_schema(),
        })
    }

    fn expression(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        // What counts rows, or says how far, is no value of the query's.
        if let Expr::AggregateFunction(AggregateFunction { func, params }) = &expr
            && func.name() == "count"
            && matches!(params.args.as_slice(), [Expr::Literal(..)])
        {
            return Ok(Transformed::no(expr));
        }
        if let Expr::WindowFunction(function) = &expr
            && matches!(function.fun, WindowFunctionDefinition::WindowUDF(_))
        {
            return expr.map_children(|child| match child {
                Expr::Literal(..) => Ok(Transformed::no(child)),
                child => self.expression(child, schema),
            });
        }
        expr.map_children(|child| self.expression(child, schema))?.transform_parent(|expr| self.node(expr, schema))
    }

    /// One expression, whose parts are rewritten.
    fn node(&self, expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
        match expr {
            Expr::Literal(ScalarValue::Int64(Some(value)), metadata) => Ok(match i32::try_from(value) {
                Ok(small) => Transformed::yes(Expr::Literal(ScalarValue::Int32(Some(small)), metadata)),
                Err(_) => Transformed::no(Expr::Literal(ScalarValue::Int64(Some(value)), metadata)),
            }),
            Expr::Literal(ScalarValue::UInt64(Some(value)), _) => {
                let digits = Expr::Literal(ScalarValue::Decimal128(Some(value.into()), 20, 0), None);
                Ok(Transformed::yes(digits))
            }
            Expr::Literal(ScalarValue::Decimal128(Some(value), precision, scale), _) if scale < 0 => {
                whole_literal(value, precision, scale).map(Transformed::yes)
            }
            Expr::Negative(inner) => {
                let call = ScalarFunction::new_udf(self.negative.clone(), vec![*inner]);
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            Expr::Cast(Cast { expr, field }) => {
                let from = expr.get_type(schema)?;
                Ok(match cast::function::planned((*expr).clone(), &from, &field)? {
                    Some(planned) => Transformed::yes(planned),
                    None => Transformed::no(Expr::Cast(Cast { expr, field })),
                })
            }
            Expr::ScalarFunction(call) => {
                let from = call.args.first().map(|arg| arg.get_type(schema)).transpose()?.unwrap_or(DataType::Null);
                match rounding::planned(&call, &from) {
                    Some(planned) => Ok(Transformed::yes(planned)),
                    None => operands::unified(Expr::ScalarFunction(call), schema).map(Transformed::yes),
                }
            }
            Expr::BinaryExpr(_) | Expr::InList(_) | Expr::Between(_) | Expr::Case(_) => {
                operands::unified(expr, schema).map(Transformed::yes)
            }
            expr => Ok(Transformed::no(expr)),
        }
    }
}

/// `1e10` has no digits behind its point, and no scale below zero.
fn whole_literal(value: i128, precision: u8, scale: i8) -> Result<Expr> {
    let more = scale.unsigned_abs();
    let value = 10i128.checked_pow(u32::from(more)).and_then(|unit| value.checked_mul(unit));
    let precision = precision.saturating_add(more);
    match value {
        Some(value) if precision <= 38 => Ok(Expr::Literal(ScalarValue::Decimal128(Some(value), precision, 0), None)),
        _ => Err(DataFusionError::Plan("a number with more than 38 digits before its point is not supported".into())),
    }
}

/// A plan's columns cast to what they were.
fn as_before(plan: LogicalPlan, schema: &DFSchema) -> Result<LogicalPlan> {
    let same =
        plan.schema().fields().iter().zip(schema.fields()).all(|(one, other)| one.data_type() == other.data_type());
    if same {
        return Ok(plan);
    }
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .zip(schema.fields())
        .map(|((qualifier, field), to)| {
            let column = Expr::from((qualifier, field));
            if field.data_type() == to.data_type() {
                return column;
            }
            let cast = Expr::Cast(Cast::new(Box::new(column), to.data_type().clone()));
            cast.alias_qualified(qualifier.cloned(), field.name())
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}
