//! A cast as a function of the plan, in place of DataFusion's.

#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use super::{Target, exists, explicit, no_cast, target::Length};
use crate::sql::{
    kind::{Kind, VARIABLE_SCALE, digits},
    session_zone::Zone,
    value::{Column, column},
};
use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray},
        compute::{CastOptions, cast_with_options},
        datatypes::{DataType, Field, FieldRef, Float64Type},
    },
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
        expr::ScalarFunction,
    },
};
use std::sync::Arc;

/// Casts its one argument.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CastTo {
    target: Target,
    signature: Signature,
}

/// What a cast of the user's becomes: DataFusion's own where it does what PostgreSQL does, else ours.
pub fn planned(expr: Expr, from: &DataType, field: &FieldRef) -> Result<Option<Expr>> {
    let Some(target) = Target::of(field, from)? else { return Ok(None) };
    let kind = Kind::of(from);
    if kind == Kind::Other {
        return Ok(None);
    }
    if !exists(kind, target.kind) {
        return Err(no_cast(kind, target.kind));
    }
    if target.kind == Kind::Text && kind == Kind::Numeric && digits(from).1 >= VARIABLE_SCALE {
        return Err(DataFusionError::Plan(
            "how many digits this numeric has differs from row to row: round it before it becomes text, `round(x, 2)`"
                .into(),
        ));
    }
    if let (Kind::Numeric, Length::None, Expr::Literal(value, _)) = (target.kind, target.length, &expr)
        && let Some(Some(text)) = value.try_as_str()
    {
        return literal(text).map(Some);
    }
    if target.length == Length::None && target.kind == kind && target.data_type == *from {
        return Ok(Some(expr));
    }
    if plain(from, &target) {
        return Ok(None);
    }
    let function = CastTo { target, signature: Signature::any(1, Volatility::Immutable) };
    let function = Arc::new(ScalarUDF::new_from_impl(function));
    Ok(Some(Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![expr]))))
}

/// A number in quotes that is cast to `numeric` has just its own digits.
fn literal(text: &str) -> Result<Expr> {
    let number = crate::sql::numeric::Numeric::parse(text)?;
    let whole = number.digits.magnitude().to_string().len() as u32;
    let scale = u8::try_from(number.scale).ok().filter(|scale| *scale <= 76);
    let scale = scale.ok_or_else(|| DataFusionError::Plan(format!("the numeric {text} has too many digits")))?;
    let data_type = crate::sql::kind::decimal(whole.saturating_sub(u32::from(scale)), scale)?;
    let array = column(std::iter::once(Ok(crate::sql::value::Value::Numeric(number))), &data_type)?;
    Ok(Expr::Literal(ScalarValue::try_from_array(&array, 0)?, None))
}

/// Whether Arrow's cast changes no value, or is an error where PostgreSQL's is.
fn plain(from: &DataType, target: &Target) -> bool {
    let to = &target.data_type;
    match (Kind::of(from), target.kind, target.length) {
        (Kind::Int2 | Kind::Int4 | Kind::Int8, Kind::Int2 | Kind::Int4 | Kind::Int8, _) => {
            digits(from).0 <= digits(to).0
        }
        // Arrow divides a decimal's digits as a double, which is not always the nearest one.
        (Kind::Unknown, ..)
        | (Kind::Int2 | Kind::Int4 | Kind::Int8, Kind::Float8 | Kind::Numeric, _)
        | (Kind::Float4, Kind::Float8, _)
        | (Kind::Date, Kind::Timestamp, Length::None)
        | (Kind::Text | Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Bool, Kind::Text, Length::None) => true,
        (Kind::Numeric, Kind::Numeric, _) => {
            let ((whole, scale), (to_whole, to_scale)) = (digits(from), digits(to));
            scale <= to_scale && whole <= to_whole
        }
        _ => false,
    }
}

impl ScalarUDFImpl for CastTo {
    fn name(&self) -> &'static str {
        "engine_cast"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.target.data_type.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new("engine_cast", self.target.data_type.clone(), nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = Zone::of(&args.config_options)?;
        match &args.args[..] {
            [ColumnarValue::Array(array)] => Ok(ColumnarValue::Array(self.cast(array, &zone)?)),
            [ColumnarValue::Scalar(value)] => {
                let array = self.cast(&value.to_array()?, &zone)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
            }
            _ => Err(DataFusionError::Internal("a cast has one argument".into())),
        }
    }
}

const EXACTLY: CastOptions<'_> =
    CastOptions { safe: false, format_options: datafusion::common::format::DEFAULT_FORMAT_OPTIONS };

impl CastTo {
    fn cast(&self, array: &ArrayRef, zone: &Zone) -> Result<ArrayRef> {
        if let Some(done) = self.fast(array)? {
            return Ok(done);
        }
        let from = Kind::of(array.data_type());
        let source = Column::new(array, false)?;
        let values = (0..array.len()).map(|row| explicit(source.value(row)?, from, &self.target, zone));
        column(values, &self.target.data_type)
    }

    /// Arrow rounds decimals half away from zero, as PostgreSQL does.
    fn fast(&self, array: &ArrayRef) -> Result<Option<ArrayRef>> {
        let to = &self.target.data_type;
        Ok(match (array.data_type(), self.target.kind) {
            (DataType::Decimal128(_, _), Kind::Numeric) if self.target.length != Length::None => {
                Some(cast_with_options(array, to, &EXACTLY)?)
            }
            (DataType::Decimal128(_, scale), Kind::Int2 | Kind::Int4 | Kind::Int8) if *scale >= 0 => {
                let whole = cast_with_options(array, &DataType::Decimal128(38, 0), &EXACTLY)?;
                let message = format!("{} out of range", self.target.kind);
                let cast = cast_with_options(&whole, to, &EXACTLY);
                Some(cast.map_err(|_| crate::sql::failed::failed(message))?)
            }
            (DataType::Float64, Kind::Int2 | Kind::Int4 | Kind::Int8) => {
                let rounded = array.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round_ties_even);
                let rounded: ArrayRef = Arc::new(rounded);
                let message = format!("{} out of range", self.target.kind);
                let cast = cast_with_options(&rounded, to, &EXACTLY);
                Some(cast.map_err(|_| crate::sql::failed::failed(message))?)
            }
            _ => None,
        })
    }
}
