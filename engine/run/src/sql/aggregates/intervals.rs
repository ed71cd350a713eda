//! `sum` and `avg` of intervals.

#![expect(
    clippy::cast_precision_loss,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use crate::sql::{
    interval::Interval,
    value::{Column, Value},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray},
        datatypes::Int64Type,
    },
    common::ScalarValue,
    error::Result,
    logical_expr::Accumulator,
};
use std::mem::size_of;

/// Sums and averages of intervals.
#[derive(Debug)]
pub struct Intervals {
    average: bool,
    total: Interval,
    count: i64,
}

impl Intervals {
    /// Of no values.
    pub fn new(average: bool) -> Self {
        Self { average, total: Interval::default(), count: 0 }
    }

    fn each(&mut self, array: &ArrayRef, sign: i64) -> Result<()> {
        let source = Column::new(array, false)?;
        for row in 0..array.len() {
            if let Value::Interval(value) = source.value(row)? {
                self.total = self.total.add(if sign < 0 { value.negate() } else { value })?;
                self.count += sign;
            }
        }
        Ok(())
    }

    fn scalar(value: Option<Interval>) -> Result<ScalarValue> {
        Ok(ScalarValue::IntervalMonthDayNano(value.map(Interval::to_arrow).transpose()?))
    }
}

impl Accumulator for Intervals {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.each(&values[0], 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let result = match (self.count, self.average) {
            (0, _) => None,
            (count, true) => Some(self.total.divide(count as f64)?),
            (_, false) => Some(self.total),
        };
        Self::scalar(result)
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![Self::scalar((self.count > 0).then_some(self.total))?, ScalarValue::Int64(Some(self.count))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let counts = states[1].as_primitive::<Int64Type>().clone();
        let before = self.count;
        self.each(&states[0], 1)?;
        self.count = before + counts.iter().flatten().sum::<i64>();
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.each(&values[0], -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }
}
