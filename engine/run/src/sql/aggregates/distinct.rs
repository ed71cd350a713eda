//! An aggregate of the distinct values of a group: each value is passed on once.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray},
        datatypes::{DataType, Field, FieldRef},
    },
    common::ScalarValue,
    error::Result,
    logical_expr::Accumulator,
};
use std::{collections::HashSet, mem::size_of, sync::Arc};

/// Keeps what has been seen.
#[derive(Debug)]
pub struct Distinct {
    kind: DataType,
    seen: HashSet<ScalarValue>,
    values: Vec<ScalarValue>,
    inner: Box<dyn Accumulator>,
}

impl Distinct {
    /// Over an aggregate that has seen nothing.
    pub fn new(kind: DataType, inner: Box<dyn Accumulator>) -> Self {
        Self { kind, seen: HashSet::new(), values: vec![], inner }
    }

    /// The column of its state.
    pub fn state(name: &str, kind: &DataType) -> FieldRef {
        let item = Field::new_list_field(kind.clone(), true);
        Arc::new(Field::new_list(format!("{name}[distinct]"), item, true))
    }

    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        for row in 0..values.len() {
            if values.is_null(row) {
                continue;
            }
            let value = ScalarValue::try_from_array(values, row)?.compacted();
            if self.seen.insert(value.clone()) {
                self.values.push(value);
            }
        }
        Ok(())
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if !self.values.is_empty() {
            let values = ScalarValue::iter_to_array(std::mem::take(&mut self.values))?;
            self.inner.update_batch(&[values])?;
        }
        self.inner.evaluate()
    }

    fn size(&self) -> usize {
        let each: usize = self.values.iter().map(|value| 2 * value.size()).sum();
        size_of::<Self>() + each + self.inner.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&self.values, &self.kind))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in states[0].as_list::<i32>().iter().flatten() {
            self.add(&list)?;
        }
        Ok(())
    }
}
