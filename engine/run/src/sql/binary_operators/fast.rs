//! Arithmetic of whole columns, where their types allow it: whole numbers, decimals of 38 digits, doubles.

use crate::sql::{failed::failed, kind::Kind, numeric::quotient::quotient, value::out_of_range};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray},
        compute::{binary, cast, try_binary},
        datatypes::{DataType, Decimal128Type, Float64Type, Int16Type, Int32Type, Int64Type},
        error::ArrowError,
    },
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::ColumnarValue,
};
use std::sync::Arc;

type Done = Result<Option<ColumnarValue>>;

pub fn plus(args: &[ColumnarValue], to: &DataType) -> Done {
    match to {
        DataType::Int16 => whole::<Int16Type>(args, to, i16::checked_add),
        DataType::Int32 => whole::<Int32Type>(args, to, i32::checked_add),
        DataType::Int64 => whole::<Int64Type>(args, to, i64::checked_add),
        DataType::Float64 => double(args, |a, b| a + b, |_, _, _| false),
        DataType::Decimal128(p, s) => sum(args, *p, *s, 1),
        _ => Ok(None),
    }
}

pub fn minus(args: &[ColumnarValue], to: &DataType) -> Done {
    match to {
        DataType::Int16 => whole::<Int16Type>(args, to, i16::checked_sub),
        DataType::Int32 if numbers(args) => whole::<Int32Type>(args, to, i32::checked_sub),
        DataType::Int64 => whole::<Int64Type>(args, to, i64::checked_sub),
        DataType::Float64 => double(args, |a, b| a - b, |_, _, _| false),
        DataType::Decimal128(p, s) => sum(args, *p, *s, -1),
        _ => Ok(None),
    }
}

pub fn times(args: &[ColumnarValue], to: &DataType) -> Done {
    match to {
        DataType::Int16 => whole::<Int16Type>(args, to, i16::checked_mul),
        DataType::Int32 => whole::<Int32Type>(args, to, i32::checked_mul),
        DataType::Int64 => whole::<Int64Type>(args, to, i64::checked_mul),
        DataType::Float64 => double(args, |a, b| a * b, |a, b, r| r == 0.0 && a != 0.0 && b != 0.0),
        DataType::Decimal128(p, s) => product(args, *p, *s),
        _ => Ok(None),
    }
}

pub fn divide(args: &[ColumnarValue], to: &DataType) -> Done {
    let DataType::Decimal128(precision, scale) = to else { return Ok(None) };
    let (Some((left, left_scale)), Some((right, right_scale))) = (decimal(&args[0])?, decimal(&args[1])?) else {
        return Ok(None);
    };
    let to = u32::from(scale.unsigned_abs());
    let limit = 10i128.pow(u32::from(*precision));
    // What does not fit into 128 bits on its way is left to the rows.
    let divide = |a: i128, b: i128| {
        let value = quotient(a, left_scale, b, right_scale, to).filter(|value| value.abs() < limit);
        value.ok_or_else(|| ArrowError::ComputeError(String::new()))
    };
    match apply(&left, &right, divide) {
        Ok(array) => finished(array.with_precision_and_scale(*precision, *scale)?, args),
        Err(_) => Ok(None),
    }
}

fn numbers(args: &[ColumnarValue]) -> bool {
    args.iter().all(|arg| Kind::of(&arg.data_type()).is_number())
}

/// A column, or one value for all rows.
enum Side<T: ArrowPrimitiveType> {
    Column(PrimitiveArray<T>),
    Value(T::Native),
}

fn side<T: ArrowPrimitiveType>(arg: &ColumnarValue, to: &DataType) -> Result<Option<Side<T>>> {
    let typed = |array: &ArrayRef| -> Result<PrimitiveArray<T>> {
        let array = if array.data_type() == to { array.clone() } else { cast(array, to)? };
        Ok(array.as_primitive::<T>().clone())
    };
    Ok(match arg {
        ColumnarValue::Array(array) => Some(Side::Column(typed(array)?)),
        ColumnarValue::Scalar(value) => {
            let array = typed(&value.to_array()?)?;
            (!array.is_null(0)).then(|| Side::Value(array.value(0)))
        }
    })
}

fn apply<T: ArrowPrimitiveType>(
    left: &Side<T>,
    right: &Side<T>,
    compute: impl Fn(T::Native, T::Native) -> Result<T::Native, ArrowError>,
) -> Result<PrimitiveArray<T>, ArrowError> {
    match (left, right) {
        (Side::Column(left), Side::Column(right)) => try_binary(left, right, compute),
        (Side::Column(left), Side::Value(right)) => left.try_unary(|left| compute(left, *right)),
        (Side::Value(left), Side::Column(right)) => right.try_unary(|right| compute(*left, right)),
        (Side::Value(left), Side::Value(right)) => Ok(PrimitiveArray::from_value(compute(*left, *right)?, 1)),
    }
}

/// The same of what cannot fail.
fn apply_simple<T: ArrowPrimitiveType>(
    left: &Side<T>,
    right: &Side<T>,
    compute: impl Fn(T::Native, T::Native) -> T::Native,
) -> Result<PrimitiveArray<T>> {
    Ok(match (left, right) {
        (Side::Column(left), Side::Column(right)) => binary(left, right, compute)?,
        (Side::Column(left), Side::Value(right)) => left.unary(|left| compute(left, *right)),
        (Side::Value(left), Side::Column(right)) => right.unary(|right| compute(*left, right)),
        (Side::Value(left), Side::Value(right)) => PrimitiveArray::from_value(compute(*left, *right), 1),
    })
}

fn finished<T: ArrowPrimitiveType>(array: PrimitiveArray<T>, args: &[ColumnarValue]) -> Done {
    let array: ArrayRef = Arc::new(array);
    let scalar = args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    Ok(Some(if scalar {
        ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
    } else {
        ColumnarValue::Array(array)
    }))
}

fn told(error: ArrowError) -> DataFusionError {
    match error {
        ArrowError::ComputeError(message) => failed(message),
        other => other.into(),
    }
}

fn whole<T: ArrowPrimitiveType>(
    args: &[ColumnarValue],
    to: &DataType,
    compute: impl Fn(T::Native, T::Native) -> Option<T::Native>,
) -> Done {
    if !numbers(args) {
        return Ok(None);
    }
    let (Some(left), Some(right)) = (side::<T>(&args[0], to)?, side::<T>(&args[1], to)?) else { return Ok(None) };
    let kind = Kind::of(to);
    let array = apply(&left, &right, |a, b| {
        compute(a, b).ok_or_else(|| ArrowError::ComputeError(format!("{kind} out of range")))
    });
    finished(array.map_err(|_| out_of_range(kind))?, args)
}

fn double(args: &[ColumnarValue], compute: impl Fn(f64, f64) -> f64, vanished: impl Fn(f64, f64, f64) -> bool) -> Done {
    let double = |arg: &ColumnarValue| matches!(Kind::of(&arg.data_type()), Kind::Float8);
    if !args.iter().all(double) {
        return Ok(None);
    }
    let to = DataType::Float64;
    let (Some(left), Some(right)) = (side::<Float64Type>(&args[0], &to)?, side::<Float64Type>(&args[1], &to)?) else {
        return Ok(None);
    };
    let array = apply(&left, &right, |a, b| {
        let result = compute(a, b);
        if result.is_infinite() && a.is_finite() && b.is_finite() {
            return Err(ArrowError::ComputeError("value out of range: overflow".into()));
        }
        if vanished(a, b, result) {
            return Err(ArrowError::ComputeError("value out of range: underflow".into()));
        }
        Ok(result)
    });
    finished(array.map_err(told)?, args)
}

/// A number's digits and scale, if 128 bits hold them.
fn decimal(arg: &ColumnarValue) -> Result<Option<(Side<Decimal128Type>, u32)>> {
    let to = match arg.data_type() {
        DataType::Decimal128(p, s) if s >= 0 => DataType::Decimal128(p, s),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => DataType::Decimal128(19, 0),
        _ => return Ok(None),
    };
    let DataType::Decimal128(_, scale) = to else { return Ok(None) };
    Ok(side(arg, &to)?.map(|side| (side, u32::from(scale.unsigned_abs()))))
}

/// Whether no result of these arguments can have more digits than that.
fn roomy(args: &[ColumnarValue], precision: u8, digits: impl Fn((u32, u8), (u32, u8)) -> u32) -> bool {
    let of = |arg: &ColumnarValue| crate::sql::kind::digits(&arg.data_type());
    digits(of(&args[0]), of(&args[1])) <= u32::from(precision)
}

fn sum(args: &[ColumnarValue], precision: u8, scale: i8, sign: i128) -> Done {
    let (Some((left, left_scale)), Some((right, right_scale))) = (decimal(&args[0])?, decimal(&args[1])?) else {
        return Ok(None);
    };
    let to = u32::from(scale.unsigned_abs());
    let (Some(left_more), Some(right_more)) = (to.checked_sub(left_scale), to.checked_sub(right_scale)) else {
        return Ok(None);
    };
    let (left_unit, right_unit) = (10i128.pow(left_more), sign * 10i128.pow(right_more));
    let fits = roomy(args, precision, |a, b| a.0.max(b.0) + 1 + u32::from(a.1.max(b.1)));
    let array = if fits {
        apply_simple(&left, &right, |a, b| a.wrapping_mul(left_unit).wrapping_add(b.wrapping_mul(right_unit)))?
    } else {
        let limit = 10i128.pow(u32::from(precision));
        apply(&left, &right, |a, b| {
            let sum = || a.checked_mul(left_unit)?.checked_add(b.checked_mul(right_unit)?);
            within(sum(), limit, precision)
        })
        .map_err(told)?
    };
    finished(array.with_precision_and_scale(precision, scale)?, args)
}

fn product(args: &[ColumnarValue], precision: u8, scale: i8) -> Done {
    let (Some((left, left_scale)), Some((right, right_scale))) = (decimal(&args[0])?, decimal(&args[1])?) else {
        return Ok(None);
    };
    if left_scale + right_scale != u32::from(scale.unsigned_abs()) {
        return Ok(None);
    }
    let fits = roomy(args, precision, |a, b| a.0 + b.0 + u32::from(a.1) + u32::from(b.1));
    let array = if fits {
        apply_simple(&left, &right, i128::wrapping_mul)?
    } else {
        let limit = 10i128.pow(u32::from(precision));
        apply(&left, &right, |a, b| within(a.checked_mul(b), limit, precision)).map_err(told)?
    };
    finished(array.with_precision_and_scale(precision, scale)?, args)
}

fn within(value: Option<i128>, limit: i128, precision: u8) -> Result<i128, ArrowError> {
    value.filter(|value| value.abs() < limit).ok_or_else(|| {
        ArrowError::ComputeError(format!("numeric field overflow: a result has more than {precision} digits"))
    })
}
