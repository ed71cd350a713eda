//! Ordered-set aggregates: `percentile_cont`, `percentile_disc`, `mode`, all `within group (order by x)`.
//!
//! <https://www.postgresql.org/docs/current/functions-aggregate.html#FUNCTIONS-ORDEREDSET-TABLE>

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use crate::sql::{
    failed::failed,
    interval::Interval,
    kind::Kind,
    session_zone::Zone,
    value::{Column, Value, column},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray},
        compute::{SortOptions, concat, partition, sort},
        datatypes::{DataType, Field, FieldRef, Float64Type},
    },
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};
use std::{mem::size_of, sync::Arc};

/// What is taken of the values in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    /// The value at a share of the way, between two if it lies there.
    Continuous,
    /// The first value at or behind a share of the way.
    Discrete,
    /// The value that is there most often.
    Mode,
}

/// All of them.
pub fn functions() -> Vec<AggregateUDF> {
    [("percentile_cont", What::Continuous), ("percentile_disc", What::Discrete), ("mode", What::Mode)]
        .into_iter()
        .map(|(name, what)| {
            let arguments = if what == What::Mode { 1 } else { 2 };
            let signature = Signature::any(arguments, Volatility::Immutable);
            AggregateUDF::new_from_impl(OrderedSet { name, what, signature })
        })
        .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OrderedSet {
    name: &'static str,
    what: What,
    signature: Signature,
}

impl AggregateUDFImpl for OrderedSet {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        if let Some(share) = types.get(1)
            && !Kind::of(share).is_number()
        {
            return Err(DataFusionError::Plan(format!("`{}` takes one fraction, such as 0.5", self.name)));
        }
        let kind = Kind::of(&types[0]);
        match self.what {
            What::Continuous if kind == Kind::Interval => Ok(types[0].clone()),
            What::Continuous if kind.is_number() || kind == Kind::Unknown => Ok(DataType::Float64),
            What::Continuous => {
                Err(DataFusionError::Plan(format!("`{}` does not take an argument of type {kind}", self.name)))
            }
            _ => Ok(types[0].clone()),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let item = Field::new_list_field(args.input_fields[0].data_type().clone(), true);
        Ok(vec![
            Arc::new(Field::new_list(format!("{}[values]", args.name), item, true)),
            Arc::new(Field::new(format!("{}[share]", args.name), DataType::Float64, true)),
        ])
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let options = args.order_bys.first().map_or(SortOptions::default(), |order| order.options);
        Ok(Box::new(Kept {
            what: self.what,
            distinct: args.is_distinct,
            descending: options.descending,
            from: args.expr_fields[0].data_type().clone(),
            to: args.return_type().clone(),
            values: vec![],
            share: None,
        }))
    }
}

/// All values of a group.
#[derive(Debug)]
struct Kept {
    what: What,
    distinct: bool,
    descending: bool,
    from: DataType,
    to: DataType,
    values: Vec<ArrayRef>,
    share: Option<f64>,
}

impl Kept {
    /// The values in their order, without NULL.
    fn sorted(&self) -> Result<ArrayRef> {
        let parts: Vec<&dyn Array> = self.values.iter().map(AsRef::as_ref).collect();
        let all = concat(&parts)?;
        let sorted = sort(&all, Some(SortOptions { descending: self.descending, nulls_first: false }))?;
        Ok(sorted.slice(0, sorted.len() - sorted.null_count()))
    }

    fn result(&self) -> Result<ScalarValue> {
        let null = || ScalarValue::try_new_null(&self.to);
        if self.values.is_empty() {
            return null();
        }
        let sorted = self.sorted()?;
        let count = sorted.len();
        if count == 0 {
            return null();
        }
        if self.what == What::Mode {
            return ScalarValue::try_from_array(&sorted, most_frequent(&sorted)?);
        }
        let Some(share) = self.share else { return null() };
        if !(0.0..=1.0).contains(&share) {
            return Err(failed(format!("percentile value {share} is not between 0 and 1")));
        }
        if self.what == What::Discrete {
            let at = (share * count as f64).ceil() as usize;
            return ScalarValue::try_from_array(&sorted, at.max(1) - 1);
        }
        let value = between(&Column::new(&sorted, false)?, share * (count - 1) as f64);
        ScalarValue::try_from_array(&column(std::iter::once(value), &self.to)?, 0)
    }
}

/// The value at a place that may lie between two.
fn between(values: &Column, place: f64) -> Result<Value> {
    let (first, second) = (place.floor() as usize, place.ceil() as usize);
    let share = place - place.floor();
    let double = |at: usize| crate::sql::cast::implicit(values.value(at)?, Kind::Float8, &Zone::Fixed(0));
    Ok(match (double(first)?, double(second)?) {
        (value, _) if first == second => value,
        (Value::Float(low), Value::Float(high)) => Value::Float(low + share * (high - low)),
        (Value::Interval(low), Value::Interval(high)) => {
            let way: Interval = high.add(low.negate())?.multiply(share)?;
            Value::Interval(low.add(way)?)
        }
        (other, _) => return Err(failed(format!("nothing lies between values such as {other:?}"))),
    })
}

/// Where the first of those is that are there most often.
fn most_frequent(sorted: &ArrayRef) -> Result<usize> {
    let mut best = 0..0;
    for equal in partition(std::slice::from_ref(sorted))?.ranges() {
        if equal.len() > best.len() {
            best = equal;
        }
    }
    Ok(best.start)
}

impl Accumulator for Kept {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if self.distinct {
            return Err(DataFusionError::Plan("distinct is not supported with within group".into()));
        }
        self.values.push(values[0].clone());
        let share = values.get(1).filter(|_| self.what != What::Mode);
        if let (None, Some(share)) = (self.share, share) {
            let column = Column::new(share, false)?;
            for row in 0..share.len() {
                if let Value::Float(share) =
                    crate::sql::cast::implicit(column.value(row)?, Kind::Float8, &Zone::Fixed(0))?
                {
                    self.share = Some(share);
                    break;
                }
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.result()
    }

    fn size(&self) -> usize {
        size_of::<Self>()
            + self.values.iter().map(datafusion::arrow::array::Array::get_array_memory_size).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let parts: Vec<&dyn Array> = self.values.iter().map(AsRef::as_ref).collect();
        let all: Vec<ScalarValue> = if parts.is_empty() {
            vec![]
        } else {
            let all = concat(&parts)?;
            (0..all.len()).map(|row| ScalarValue::try_from_array(&all, row)).collect::<Result<_>>()?
        };
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&all, &self.from)), ScalarValue::Float64(self.share)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.values.extend(states[0].as_list::<i32>().iter().flatten());
        self.share = self.share.or_else(|| states[1].as_primitive::<Float64Type>().iter().flatten().next());
        Ok(())
    }
}
