//! `sum` and `avg`: exact for whole numbers and decimals, and an error where the result does not fit.
//!
//! PostgreSQL sums `smallint` and `integer` as `bigint`, `bigint` as `numeric`; averages of all of them are `numeric`, with
//! at least 16 significant digits.

use super::{
    distinct::Distinct,
    finish::{averages, fitted},
    intervals::Intervals,
};
use crate::sql::{
    kind::{Kind, VARIABLE_SCALE, decimal, digits},
    value::out_of_range,
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Int64Array, PrimitiveArray},
        buffer::NullBuffer,
        compute::cast,
        datatypes::{
            ArrowNativeTypeOp, DataType, Decimal128Type, Decimal256Type, Field, FieldRef, Float64Type, Int64Type,
        },
    },
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};
use std::{fmt::Debug, mem::size_of, sync::Arc};

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Total {
    average: bool,
    aliases: Vec<String>,
    signature: Signature,
}

impl Total {
    /// `sum`
    pub fn sum() -> Self {
        Self { average: false, aliases: vec![], signature: Signature::any(1, Volatility::Immutable) }
    }

    /// `avg`
    pub fn average() -> Self {
        Self { average: true, aliases: vec!["mean".into()], signature: Signature::any(1, Volatility::Immutable) }
    }

    fn totals(&self, from: &DataType, to: &DataType) -> Result<Box<dyn Totalled>> {
        let state = state_type(from)?;
        let finish = Finish { average: self.average, to: to.clone(), kind: Kind::of(to) };
        Ok(match state {
            DataType::Int64 => Box::new(Totals::<Int64Type>::new(state, finish)),
            DataType::Decimal128(..) => Box::new(Totals::<Decimal128Type>::new(state, finish)),
            DataType::Decimal256(..) => Box::new(Totals::<Decimal256Type>::new(state, finish)),
            _ => Box::new(Totals::<Float64Type>::new(state, finish)),
        })
    }
}

/// As what values are added up.
fn state_type(from: &DataType) -> Result<DataType> {
    Ok(match Kind::of(from) {
        Kind::Int2 | Kind::Int4 => DataType::Int64,
        Kind::Int8 => DataType::Decimal128(38, 0),
        Kind::Numeric => match digits(from) {
            (whole, scale) if whole + u32::from(scale) <= 38 => {
                DataType::Decimal128(38, i8::try_from(scale).unwrap_or(0))
            }
            (_, scale) => DataType::Decimal256(76, i8::try_from(scale).unwrap_or(0)),
        },
        Kind::Float4 | Kind::Float8 | Kind::Unknown => DataType::Float64,
        Kind::Interval => from.clone(),
        kind => {
            let message = format!("`sum` and `avg` do not take an argument of type {kind}");
            return Err(DataFusionError::Plan(message));
        }
    })
}

impl AggregateUDFImpl for Total {
    fn name(&self) -> &str {
        if self.average { "avg" } else { "sum" }
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let from = &types[0];
        let (whole, scale) = digits(from);
        Ok(match (Kind::of(from), self.average) {
            (Kind::Int2 | Kind::Int4, false) => DataType::Int64,
            (Kind::Int8, false) => DataType::Decimal128(38, 0),
            (Kind::Numeric, false) => decimal(whole + 10, scale)?,
            (Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Numeric, true) => decimal(whole, scale.max(VARIABLE_SCALE))?,
            (Kind::Float4, false) => DataType::Float32,
            (Kind::Float4 | Kind::Float8 | Kind::Unknown, _) => DataType::Float64,
            (Kind::Interval, _) => from.clone(),
            (kind, _) => {
                let message = format!("`{}` does not take an argument of type {kind}", self.name());
                return Err(DataFusionError::Plan(message));
            }
        })
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let from = args.input_fields[0].data_type();
        if args.is_distinct {
            return Ok(vec![Distinct::state(args.name, from)]);
        }
        let sum = Field::new(format!("{}[sum]", args.name), state_type(from)?, true);
        let count = Field::new(format!("{}[count]", args.name), DataType::Int64, true);
        Ok(vec![Arc::new(sum), Arc::new(count)])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let from = args.expr_fields[0].data_type();
        let to = args.return_type();
        let one: Box<dyn Accumulator> = if Kind::of(from) == Kind::Interval {
            Box::new(Intervals::new(self.average))
        } else {
            Box::new(One { totals: self.totals(from, to)? })
        };
        Ok(if args.is_distinct { Box::new(Distinct::new(from.clone(), one)) } else { one })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct && Kind::of(args.expr_fields[0].data_type()) != Kind::Interval
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let totals = self.totals(args.expr_fields[0].data_type(), args.return_type())?;
        Ok(Box::new(Groups(totals)))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// How a group's sum becomes its result.
#[derive(Debug)]
struct Finish {
    average: bool,
    to: DataType,
    kind: Kind,
}

/// A sum and a count for each group.
struct Totals<T: ArrowPrimitiveType> {
    sums: Vec<T::Native>,
    counts: Vec<i64>,
    state: DataType,
    finish: Finish,
}

impl<T: ArrowPrimitiveType> Debug for Totals<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Totals").field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// Sums of groups, whatever is added up.
trait Totalled: Send + Sync + Debug {
    fn update(
        &mut self,
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()>;
    fn retract(&mut self, values: &ArrayRef) -> Result<()>;
    fn merge(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()>;
    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef>;
    fn current(&self) -> Result<ArrayRef>;
    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>>;
    fn current_state(&self) -> Result<Vec<ArrayRef>>;
    fn convert(&self, values: &ArrayRef, filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>>;
    fn size(&self) -> usize;
}

impl<T: ArrowPrimitiveType> Totals<T> {
    fn new(state: DataType, finish: Finish) -> Self {
        Self { sums: vec![], counts: vec![], state, finish }
    }

    fn typed(&self, values: &ArrayRef) -> Result<PrimitiveArray<T>> {
        let values = if *values.data_type() == self.state { values.clone() } else { cast(values, &self.state)? };
        Ok(values.as_primitive::<T>().clone())
    }

    fn grow(&mut self, count: usize) {
        self.sums.resize(count, T::default_value());
        self.counts.resize(count, 0);
    }

    fn add(&mut self, group: usize, value: T::Native) -> Result<()> {
        self.sums[group] = self.sums[group].add_checked(value).map_err(|_| self.overflow())?;
        Ok(())
    }

    fn overflow(&self) -> DataFusionError {
        out_of_range(self.finish.kind)
    }

    fn sums(&self, sums: Vec<T::Native>, counts: &[i64]) -> PrimitiveArray<T> {
        let valid = counts.iter().map(|count| *count > 0).collect::<NullBuffer>();
        PrimitiveArray::<T>::new(sums.into(), Some(valid)).with_data_type(self.state.clone())
    }

    fn finished(&self, sums: Vec<T::Native>, counts: &[i64]) -> Result<ArrayRef> {
        let sums: ArrayRef = Arc::new(self.sums(sums, counts));
        if self.finish.average {
            return averages(&sums, counts, &self.finish.to);
        }
        if self.finish.kind == Kind::Float8 || *sums.data_type() == DataType::Int64 {
            return Ok(sums);
        }
        fitted(&sums, &self.finish.to)
    }
}

impl<T: ArrowPrimitiveType> Totalled for Totals<T> {
    fn update(
        &mut self,
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.grow(count);
        let values = self.typed(values)?;
        if values.null_count() == 0 && filter.is_none() {
            for (value, group) in values.values().iter().zip(groups) {
                self.add(*group, *value)?;
                self.counts[*group] += 1;
            }
            return Ok(());
        }
        for (row, group) in groups.iter().enumerate() {
            if values.is_valid(row) && passes(filter, row) {
                self.add(*group, values.value(row))?;
                self.counts[*group] += 1;
            }
        }
        Ok(())
    }

    fn retract(&mut self, values: &ArrayRef) -> Result<()> {
        let values = self.typed(values)?;
        for value in values.iter().flatten() {
            self.sums[0] = self.sums[0].sub_checked(value).map_err(|_| self.overflow())?;
            self.counts[0] -= 1;
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.grow(count);
        let sums = self.typed(&states[0])?;
        let counts = states[1].as_primitive::<Int64Type>();
        for (row, group) in groups.iter().enumerate() {
            if sums.is_valid(row) {
                self.add(*group, sums.value(row))?;
                self.counts[*group] += counts.value(row);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (sums, counts) = (emit.take_needed(&mut self.sums), emit.take_needed(&mut self.counts));
        self.finished(sums, &counts)
    }

    fn current(&self) -> Result<ArrayRef> {
        self.finished(self.sums.clone(), &self.counts)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (sums, counts) = (emit.take_needed(&mut self.sums), emit.take_needed(&mut self.counts));
        Ok(vec![Arc::new(self.sums(sums, &counts)), Arc::new(Int64Array::from(counts))])
    }

    fn current_state(&self) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.sums(self.sums.clone(), &self.counts)), Arc::new(Int64Array::from(self.counts.clone()))])
    }

    fn convert(&self, values: &ArrayRef, filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = self.typed(values)?;
        let counts: Vec<i64> =
            (0..values.len()).map(|row| i64::from(values.is_valid(row) && passes(filter, row))).collect();
        let sums: Vec<T::Native> = values.values().to_vec();
        Ok(vec![Arc::new(self.sums(sums, &counts)), Arc::new(Int64Array::from(counts))])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<T::Native>() + self.counts.capacity() * size_of::<i64>()
    }
}

fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

struct Groups(Box<dyn Totalled>);

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.0.update(&values[0], groups, filter, count)
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit)
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.0.merge(states, groups, count)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.0.convert(&values[0], filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// The same of one group.
#[derive(Debug)]
struct One {
    totals: Box<dyn Totalled>,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.totals.update(&values[0], &groups, None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.totals.update(&empty(), &[], None, 1).ok();
        ScalarValue::try_from_array(&self.totals.current()?, 0)
    }

    fn size(&self) -> usize {
        self.totals.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.totals.update(&empty(), &[], None, 1).ok();
        self.totals.current_state()?.iter().map(|array| ScalarValue::try_from_array(array, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states[0].len()];
        self.totals.merge(states, &groups, 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.totals.retract(&values[0])
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }
}

/// No rows, of which a group is made that has none.
fn empty() -> ArrayRef {
    Arc::new(Int64Array::from(Vec::<i64>::new()))
}
