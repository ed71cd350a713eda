//! The value of a scalar subquery: NULL for no row, its value for one, and an error for more.

use crate::sql::refusal::Refusal;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, BooleanArray},
        datatypes::{DataType, Field, FieldRef},
    },
    common::{Result, ScalarValue, cast::as_boolean_array},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
    sql::sqlparser::tokenizer::Span,
};
use engine_language::code;
use std::sync::Arc;

/// The aggregate.
pub fn single_value() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(SingleValue { signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SingleValue {
    signature: Signature,
}

impl AggregateUDFImpl for SingleValue {
    fn name(&self) -> &'static str {
        "single_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        Ok(kinds[0].clone())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Single { value: ScalarValue::try_from(args.return_type())?, met: false }))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let value = Field::new("value", args.return_field.data_type().clone(), true);
        Ok(vec![Arc::new(value), Arc::new(Field::new("met", DataType::Boolean, false))])
    }
}

#[derive(Debug)]
struct Single {
    value: ScalarValue,
    met: bool,
}

impl Single {
    fn take(&mut self, value: ScalarValue) -> Result<()> {
        if self.met {
            return Err(more_than_one().into());
        }
        (self.value, self.met) = (value, true);
        Ok(())
    }
}

/// The complaint of a subquery that gave several rows where one value is wanted.
pub fn more_than_one() -> Refusal {
    Refusal::new(&code::E0314, Span::empty(), "a subquery that stands for one value gave more than one row")
        .hint("say which one: an aggregate such as `max(x)`, or `order by … limit 1`")
}

impl Accumulator for Single {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for row in 0..values[0].len() {
            self.take(ScalarValue::try_from_array(&values[0], row)?)?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.value.size() - size_of_val(&self.value)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value.clone(), ScalarValue::Boolean(Some(self.met))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let met: &BooleanArray = as_boolean_array(&states[1])?;
        for row in (0..met.len()).filter(|row| met.is_valid(*row) && met.value(*row)) {
            self.take(ScalarValue::try_from_array(&states[0], row)?)?;
        }
        Ok(())
    }
}
