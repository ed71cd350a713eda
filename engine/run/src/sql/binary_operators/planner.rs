//! Gives operators to our functions while SQL is planned.

use super::chain;
use crate::sql::function::Function;
use datafusion::{
    common::DFSchema,
    error::Result,
    logical_expr::{
        Expr, ExprSchemable, ScalarUDF,
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr},
    },
    sql::sqlparser::ast::BinaryOperator,
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Plans arithmetic.
pub struct Operators {
    functions: BTreeMap<&'static str, Arc<ScalarUDF>>,
}

impl fmt::Debug for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operators")
    }
}

impl Operators {
    /// With the functions that stand for operators.
    pub fn new(functions: Vec<Function>) -> Self {
        let functions = functions.into_iter();
        Self { functions: functions.map(|each| (each.name, Arc::new(ScalarUDF::new_from_impl(each)))).collect() }
    }
}

fn sign(operator: &BinaryOperator) -> Option<&'static str> {
    Some(match operator {
        BinaryOperator::Plus => "+",
        BinaryOperator::Minus => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::Modulo => "%",
        BinaryOperator::PGExp | BinaryOperator::BitwiseXor => "^",
        BinaryOperator::BitwiseAnd => "&",
        BinaryOperator::BitwiseOr => "|",
        BinaryOperator::PGBitwiseXor => "#",
        BinaryOperator::PGBitwiseShiftLeft => "<<",
        BinaryOperator::PGBitwiseShiftRight => ">>",
        _ => return None,
    })
}

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, raw: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let Some(function) = sign(&raw.op).and_then(|sign| self.functions.get(sign)) else {
            return Ok(PlannerResult::Original(raw));
        };
        // A list, a map or JSON is someone else's.
        let ours = |expr: &Expr| chain::is_call(expr, |name| self.functions.contains_key(name));
        let nested = |expr: &Expr| !ours(expr) && expr.get_type(schema).is_ok_and(|data_type| data_type.is_nested());
        if nested(&raw.left) || nested(&raw.right) {
            return Ok(PlannerResult::Original(raw));
        }
        Ok(PlannerResult::Planned(chain::call(function, raw.left, raw.right)))
    }
}
