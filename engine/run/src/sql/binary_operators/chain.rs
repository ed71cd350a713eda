//! A chain of operators, `a + b - c + …`, as one function of all its operands. Types are asked for again at each level of an
//! expression, so that a chain of thousands of levels would not be planned in any time.

use datafusion::{
    arrow::datatypes::{DataType, FieldRef},
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
        expr::ScalarFunction,
    },
};
use std::{hash::Hash, sync::Arc};

/// Operators of one chain, and levels before the first.
const LENGTH: usize = 64;
const NAME: &str = "engine_chain";

/// Operators from the left to the right, of one operand more.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Chain {
    operators: Vec<Arc<ScalarUDF>>,
    signature: Signature,
}

/// An operator's call, which becomes a chain with those of its left side if they are many.
pub fn call(operator: &Arc<ScalarUDF>, left: Expr, right: Expr) -> Expr {
    let call = match left {
        Expr::ScalarFunction(left) if left.args.len() <= LENGTH && operators(&left).is_some() => {
            let mut operators = operators(&left).unwrap_or_default().to_vec();
            let mut operands = left.args;
            operators.push(operator.clone());
            operands.push(right);
            chain(operators, operands)
        }
        left if levels(&left) >= LENGTH => chain(vec![operator.clone()], vec![left, right]),
        left => ScalarFunction::new_udf(operator.clone(), vec![left, right]),
    };
    Expr::ScalarFunction(call)
}

/// Whether it is a chain, or ends with the call of an operator of two sides.
pub fn is_call(expr: &Expr, known: impl Fn(&str) -> bool) -> bool {
    matches!(expr, Expr::ScalarFunction(call) if call.name() == NAME || call.args.len() == 2 && known(call.name()))
}

fn chain(operators: Vec<Arc<ScalarUDF>>, operands: Vec<Expr>) -> ScalarFunction {
    let signature = Signature::any(operands.len(), Volatility::Immutable);
    ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(Chain { operators, signature })), operands)
}

fn operators(call: &ScalarFunction) -> Option<&[Arc<ScalarUDF>]> {
    call.func.inner().downcast_ref::<Chain>().map(|chain| chain.operators.as_slice())
}

/// How deep the left side of an expression is, as far as it matters.
fn levels(mut expr: &Expr) -> usize {
    let mut levels = 0;
    while let Expr::ScalarFunction(call) = expr
        && let Some(left) = call.args.first()
        && levels < LENGTH
    {
        // Nothing is added to a chain that is full.
        levels = if operators(call).is_some() { LENGTH } else { levels + 1 };
        expr = left;
    }
    levels
}

impl ScalarUDFImpl for Chain {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the type depends on the operands' fields".into()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let constant = |at: usize| args.scalar_arguments.get(at).copied().flatten();
        let (mut field, mut value) = (args.arg_fields[0].clone(), constant(0));
        for (at, (operator, right)) in self.operators.iter().zip(&args.arg_fields[1..]).enumerate() {
            field = given(operator, [field, right.clone()], [value, constant(at + 1)])?;
            value = None;
        }
        Ok(field)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ScalarFunctionArgs { args, arg_fields, number_rows, config_options, .. } = args;
        let mut operands = args.into_iter().zip(arg_fields);
        let missing = || DataFusionError::Internal("a chain has operands".into());
        let (mut left, mut field) = operands.next().ok_or_else(missing)?;
        for (operator, (right, right_field)) in self.operators.iter().zip(operands) {
            let arg_fields = [field, right_field];
            let return_field = given(operator, arg_fields.clone(), [scalar(&left), scalar(&right)])?;
            let args = ScalarFunctionArgs {
                args: vec![left, right],
                arg_fields: arg_fields.to_vec(),
                number_rows,
                return_field: return_field.clone(),
                config_options: config_options.clone(),
            };
            (left, field) = (operator.invoke_with_args(args)?, return_field);
        }
        Ok(left)
    }
}

/// What an operator gives.
fn given(operator: &ScalarUDF, fields: [FieldRef; 2], constants: [Option<&ScalarValue>; 2]) -> Result<FieldRef> {
    operator.return_field_from_args(ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &constants })
}

fn scalar(value: &ColumnarValue) -> Option<&ScalarValue> {
    match value {
        ColumnarValue::Scalar(value) => Some(value),
        ColumnarValue::Array(_) => None,
    }
}
