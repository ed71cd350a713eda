//! `round(x, 2)` and `trunc(x, 2)`: the places that stand there are the scale of the result.

use super::{
    kind::{Kind, decimal, digits},
    value::{Column, Value, column},
};
use datafusion::{
    arrow::{
        array::ArrayRef,
        compute::{CastOptions, cast_with_options},
        datatypes::DataType,
    },
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, expr::ScalarFunction,
    },
};
use std::sync::Arc;

/// Rounds its one argument, or cuts it off.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Places {
    places: i64,
    cut: bool,
    signature: Signature,
}

/// What a call with its places written there becomes.
pub fn planned(call: &ScalarFunction, from: &DataType) -> Option<Expr> {
    let cut = match call.func.name() {
        "round" => false,
        "trunc" => true,
        _ => return None,
    };
    let [argument, Expr::Literal(places, _)] = call.args.as_slice() else { return None };
    let places = match places {
        ScalarValue::Int64(Some(places)) => *places,
        ScalarValue::Int32(Some(places)) => i64::from(*places),
        _ => return None,
    };
    if !matches!(Kind::of(from), Kind::Numeric | Kind::Int2 | Kind::Int4 | Kind::Int8) {
        return None;
    }
    let function = Places { places, cut, signature: Signature::any(1, Volatility::Immutable) };
    let function = Arc::new(ScalarUDF::new_from_impl(function));
    Some(Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![argument.clone()])))
}

impl Places {
    fn round(&self, array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
        // Arrow rounds half away from zero, as PostgreSQL does.
        if !self.cut
            && self.places >= 0
            && matches!((array.data_type(), to), (DataType::Decimal128(..), DataType::Decimal128(..)))
        {
            let options = CastOptions { safe: false, ..CastOptions::default() };
            return Ok(cast_with_options(array, to, &options)?);
        }
        let source = Column::new(array, false)?;
        let values = (0..array.len()).map(|row| {
            let value = super::cast::implicit(source.value(row)?, Kind::Numeric, &super::session_zone::Zone::Fixed(0))?;
            Ok(match value {
                Value::Numeric(value) if self.cut => Value::Numeric(value.truncate(self.places)),
                Value::Numeric(value) => Value::Numeric(value.round(self.places)),
                value => value,
            })
        });
        column(values, to)
    }
}

impl ScalarUDFImpl for Places {
    fn name(&self) -> &'static str {
        if self.cut { "engine_trunc" } else { "engine_round" }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: String = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(format!("{}({args}, {})", self.name(), self.places))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let (whole, _) = digits(&types[0]);
        let scale = u8::try_from(self.places.max(0));
        let scale = scale.map_err(|_| DataFusionError::Plan(format!("{} places are not supported", self.places)))?;
        decimal(whole + 1, scale)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let to = args.return_field.data_type();
        match &args.args[..] {
            [ColumnarValue::Array(array)] => Ok(ColumnarValue::Array(self.round(array, to)?)),
            [ColumnarValue::Scalar(value)] => {
                let array = self.round(&value.to_array()?, to)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
            }
            _ => Err(DataFusionError::Internal("a rounding has one argument".into())),
        }
    }
}
