//! How the sums of groups become results.

#![expect(
    clippy::cast_precision_loss,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use crate::sql::{
    kind::Kind,
    numeric::{Numeric, quotient::quotient},
    value::{Column, Value, column, out_of_range},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, PrimitiveArray},
        datatypes::{DataType, Decimal128Type},
    },
    error::Result,
};
use std::sync::Arc;

/// Sums in the type of the result, or an error.
pub fn fitted(sums: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if let (DataType::Decimal128(_, _), DataType::Decimal128(precision, scale)) = (sums.data_type(), to) {
        let sums = sums.as_primitive::<Decimal128Type>();
        sums.validate_decimal_precision(*precision).map_err(|_| out_of_range(Kind::Numeric))?;
        return Ok(Arc::new(sums.clone().with_precision_and_scale(*precision, *scale)?));
    }
    let source = Column::new(sums, false)?;
    column((0..sums.len()).map(|row| source.value(row)), to)
}

/// Sums divided by their counts, with PostgreSQL's digits.
pub fn averages(sums: &ArrayRef, counts: &[i64], to: &DataType) -> Result<ArrayRef> {
    if let (DataType::Decimal128(_, scale), DataType::Decimal128(precision, places)) = (sums.data_type(), to)
        && let Some(fast) = fast_averages(sums.as_primitive(), counts, *scale, *precision, *places)
    {
        return Ok(Arc::new(fast.with_precision_and_scale(*precision, *places)?));
    }
    let source = Column::new(sums, false)?;
    let values = counts.iter().enumerate().map(|(row, count)| {
        Ok(match source.value(row)? {
            Value::Int(sum) => Value::Numeric(Numeric::from(sum).divide(&Numeric::from(*count))?),
            Value::Numeric(sum) => Value::Numeric(sum.divide(&Numeric::from(*count))?),
            Value::Float(sum) => Value::Float(sum / *count as f64),
            other => other,
        })
    });
    column(values, to)
}

fn fast_averages(
    sums: &PrimitiveArray<Decimal128Type>,
    counts: &[i64],
    scale: i8,
    precision: u8,
    places: i8,
) -> Option<PrimitiveArray<Decimal128Type>> {
    let (scale, places) = (u32::try_from(scale).ok()?, u32::try_from(places).ok()?);
    let limit = 10i128.checked_pow(u32::from(precision))?;
    let mut averages = Vec::with_capacity(sums.len());
    for (sum, count) in sums.iter().zip(counts) {
        averages.push(match sum {
            Some(sum) => Some(quotient(sum, scale, i128::from(*count), 0, places).filter(|value| value.abs() < limit)?),
            None => None,
        });
    }
    Some(averages.into_iter().collect())
}
