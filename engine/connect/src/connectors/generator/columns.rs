//! The values of a column for any rows.

use super::{
    Generators, fake, literal,
    seeded_random::{SeededRandom, shuffled, zipf},
};
use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
            TimestampMicrosecondArray, new_null_array,
        },
        compute::{CastOptions, cast, cast_with_options, kernels::cast_utils::parse_decimal, nullif},
        datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType},
    },
    error::{DataFusionError, Result},
};
use engine_language::{
    config::{
        generator::{GeneratedColumn, Maker, Rows, Skew},
        toml::{Value, ValueKind},
    },
    name::Name,
};
use std::{sync::Arc, time::Duration};

/// How many parents in a row are tried for one that has rows.
const ATTEMPTS: u64 = 100;

fn wrong(message: impl Into<String>) -> DataFusionError {
    DataFusionError::Execution(message.into())
}

impl Generators {
    /// The values of a column for these rows, in its type.
    pub(super) fn values(&self, name: &Name, column: &str, rows: &[u64]) -> Result<ArrayRef> {
        let made = self.column(name, column);
        let kind = self.schemas[name].field_with_name(column)?.data_type().clone();
        let array = self.make(name, made, &kind, rows)?;
        let array = typed(&array, &kind, &made.maker)?;
        let chance = SeededRandom::new(self.generator(name).seed, column, "null");
        let mut absent: Vec<bool> =
            rows.iter().map(|row| made.nulls > 0.0 && chance.share(*row) < made.nulls).collect();
        if let Some(when) = &made.when {
            let truth = self.evaluate(name, column, when, rows)?;
            let truth = cast(&truth, &DataType::Boolean)?;
            let truth = truth.as_boolean();
            for (i, absent) in absent.iter_mut().enumerate() {
                *absent |= truth.is_null(i) || !truth.value(i);
            }
        }
        if absent.contains(&true) { Ok(nullif(&array, &BooleanArray::from(absent))?) } else { Ok(array) }
    }

    fn make(&self, name: &Name, column: &GeneratedColumn, kind: &DataType, rows: &[u64]) -> Result<ArrayRef> {
        let seed = self.generator(name).seed;
        let chance = |use_of: &str| SeededRandom::new(seed, &column.name, use_of);
        match &column.maker {
            Maker::Sequence(start) => {
                let number = |row: &u64| start.saturating_add_unsigned(*row);
                Ok(Arc::new(rows.iter().map(|row| Some(number(row))).collect::<Int64Array>()))
            }
            Maker::Fake(word) => {
                let text = |row: &u64| fake::fake(word, seed, &column.name, *row, column.unique);
                Ok(Arc::new(StringArray::from_iter_values(rows.iter().map(text))))
            }
            Maker::Between { low, high } => between(chance("between"), low, high, kind, self.now(name), rows),
            Maker::OneOf { values, weights } => one_of(chance("one_of"), values, weights, kind, rows),
            Maker::Constant(value) => constant(value, kind, rows.len()),
            Maker::References { generator, column: there, .. } => {
                let parents = self.parents(name, column, rows);
                self.optional(&generator.value, there, &parents)
            }
            Maker::After { generator, column: base, within } => {
                let base = self.base(name, generator.as_ref().map(|g| &g.value), base, rows)?;
                after(chance("after"), &base, *within, self.now(name), rows)
            }
            Maker::Near { generator, column: base, spread } => {
                let base = self.base(name, generator.as_ref().map(|g| &g.value), base, rows)?;
                near(chance("near"), &base, *spread, kind, rows)
            }
            Maker::Sql(text) => self.evaluate(name, &column.name, text, rows),
        }
    }

    /// The rows that a reference leads to.
    fn parents(&self, name: &Name, column: &GeneratedColumn, rows: &[u64]) -> Vec<Option<u64>> {
        let Maker::References { generator, skew, .. } = &column.maker else { return vec![] };
        let to = &generator.value;
        if let Rows::Per { parent, max, .. } = &self.generator(name).rows
            && parent.value == *to
        {
            return rows.iter().map(|row| Some(row / max)).collect();
        }
        let seed = self.generator(name).seed;
        let (pick, child) =
            (SeededRandom::new(seed, &column.name, "reference"), SeededRandom::new(seed, &column.name, "child"));
        let one = |row: u64| {
            // A row may refer to an earlier row of its own generator, so there are no circles.
            let roots = if to == name { row / self.fan(to) } else { self.roots(to) };
            if roots == 0 {
                return None;
            }
            let root = match skew {
                Skew::Uniform => pick.below(row, roots),
                Skew::Zipf => shuffled(seed, zipf(pick, row, roots), roots),
            };
            // Who has no rows is passed over. After a hundred of those, there is hardly a row at all.
            (0..ATTEMPTS).find_map(|further| self.descend(to, (root + further) % roots, child, row))
        };
        rows.iter().map(|row| one(*row)).collect()
    }

    /// A row that stems from a root, if there is one.
    fn descend(&self, name: &Name, root: u64, child: SeededRandom, row: u64) -> Option<u64> {
        let Rows::Per { parent, max, .. } = &self.generator(name).rows else { return Some(root) };
        let above = self.descend(&parent.value, root, child, row)?;
        let children = self.children(name, above);
        (children > 0).then(|| above * max + child.below(row, children))
    }

    /// A column of this row, or of the row that this one refers to.
    fn base(&self, name: &Name, to: Option<&Name>, column: &str, rows: &[u64]) -> Result<ArrayRef> {
        let Some(to) = to.filter(|to| *to != name) else { return self.values(name, column, rows) };
        let refers =
            |c: &&GeneratedColumn| matches!(&c.maker, Maker::References { generator, .. } if generator.value == *to);
        let Some(reference) = self.generator(name).columns.iter().find(refers) else {
            let hint = format!("give it a column with `references = \"{to}.…\"`");
            return Err(wrong(format!("`{name}` does not refer to `{to}`: {hint}")));
        };
        let parents = self.parents(name, reference, rows);
        self.optional(to, column, &parents)
    }

    /// Values for rows of which some are missing.
    fn optional(&self, name: &Name, column: &str, rows: &[Option<u64>]) -> Result<ArrayRef> {
        let present: Vec<u64> = rows.iter().map(|row| row.unwrap_or(0)).collect();
        if rows.iter().all(Option::is_none) {
            let kind = self.schemas[name].field_with_name(column)?.data_type().clone();
            return Ok(new_null_array(&kind, rows.len()));
        }
        let values = self.values(name, column, &present)?;
        let absent: Vec<bool> = rows.iter().map(Option::is_none).collect();
        if absent.contains(&true) { Ok(nullif(&values, &BooleanArray::from(absent))?) } else { Ok(values) }
    }
}

/// Values in their column's type. What SQL or another column gives may not change on the way.
fn typed(array: &ArrayRef, kind: &DataType, maker: &Maker) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let there = cast_with_options(array, kind, &options)?;
    let given = matches!(maker, Maker::Sql(_) | Maker::References { .. });
    if given && array.data_type() != kind {
        let back = cast_with_options(&there, array.data_type(), &options)?;
        if back.to_data() != array.to_data() {
            return Err(wrong(format!(
                "values of the type {} do not fit {kind} exactly: round them",
                array.data_type()
            )));
        }
    }
    Ok(there)
}

fn between(
    chance: SeededRandom,
    low: &Value,
    high: &Value,
    kind: &DataType,
    now: i64,
    rows: &[u64],
) -> Result<ArrayRef> {
    let number = |low: i64, high: i64, row: u64| {
        let width = u64::try_from(i128::from(high) - i128::from(low)).unwrap_or(0).saturating_add(1);
        low.saturating_add_unsigned(chance.below(row, width))
    };
    match kind {
        DataType::Timestamp(..) | DataType::Date32 => {
            let (low, high) = (literal::instant(low, now).map_err(wrong)?, literal::instant(high, now).map_err(wrong)?);
            Ok(Arc::new(rows.iter().map(|row| Some(number(low, high, *row))).collect::<TimestampMicrosecondArray>()))
        }
        DataType::Decimal128(precision, scale) => {
            let end = |value: &Value| {
                let text = literal::decimal(value, *scale).map_err(wrong)?;
                Ok::<_, DataFusionError>(parse_decimal::<Decimal128Type>(&text, *precision, *scale)?)
            };
            let (low, high) = (end(low)?, end(high)?);
            let width =
                u64::try_from(high - low).map_err(|_| wrong("the range of `between` is too wide"))?.saturating_add(1);
            let values = rows.iter().map(|row| Some(low + i128::from(chance.below(*row, width))));
            Ok(Arc::new(values.collect::<Decimal128Array>().with_precision_and_scale(*precision, *scale)?))
        }
        DataType::Float32 | DataType::Float64 => {
            let end =
                |value: &Value| literal::text(value).parse::<f64>().map_err(|_| wrong("`between` needs two numbers"));
            let (low, high) = (end(low)?, end(high)?);
            let values = rows.iter().map(|row| Some(low + (high - low) * chance.share(*row)));
            Ok(Arc::new(values.collect::<Float64Array>()))
        }
        _ => {
            let end = |value: &Value| {
                literal::text(value).parse::<i64>().map_err(|_| wrong("`between` needs two whole numbers"))
            };
            let (low, high) = (end(low)?, end(high)?);
            Ok(Arc::new(rows.iter().map(|row| Some(number(low, high, *row))).collect::<Int64Array>()))
        }
    }
}

/// The values as an array of one row each, in the column's type.
fn list(values: &[Value], kind: &DataType) -> Result<ArrayRef> {
    if let DataType::Decimal128(_, scale) = kind {
        values.iter().try_for_each(|value| literal::decimal(value, *scale).map(drop)).map_err(wrong)?;
    }
    let text: StringArray = values
        .iter()
        .map(|value| (!matches!(value.kind, ValueKind::Array(_) | ValueKind::Table(_))).then(|| literal::text(value)))
        .collect();
    let options = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(&text, kind, &options)?)
}

fn one_of(chance: SeededRandom, values: &[Value], weights: &[f64], kind: &DataType, rows: &[u64]) -> Result<ArrayRef> {
    let total: f64 = if weights.is_empty() { 1.0 } else { weights.iter().sum() };
    let choose = |row: &u64| {
        if weights.is_empty() {
            return chance.below(*row, values.len() as u64);
        }
        let mut left = chance.share(*row) * total;
        let found = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        found.unwrap_or(values.len() - 1) as u64
    };
    let chosen = datafusion::arrow::array::UInt64Array::from_iter_values(rows.iter().map(choose));
    Ok(datafusion::arrow::compute::take(&list(values, kind)?, &chosen, None)?)
}

fn constant(value: &Value, kind: &DataType, count: usize) -> Result<ArrayRef> {
    let one = list(std::slice::from_ref(value), kind)?;
    let first = datafusion::arrow::array::UInt64Array::from(vec![0; count]);
    Ok(datafusion::arrow::compute::take(&one, &first, None)?)
}

/// A time up to `within` later, never beyond now.
fn after(chance: SeededRandom, base: &ArrayRef, within: Duration, now: i64, rows: &[u64]) -> Result<ArrayRef> {
    let base = cast(base, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
    let within = u64::try_from(within.as_micros()).unwrap_or(u64::MAX);
    let later = |row: u64, base: i64| {
        let room = u64::try_from(now.saturating_sub(base)).unwrap_or(0).min(within);
        base.saturating_add_unsigned(chance.below(row, room.saturating_add(1)))
    };
    let times = base.as_primitive::<TimestampMicrosecondType>().iter().zip(rows);
    Ok(Arc::new(times.map(|(base, row)| base.map(|base| later(*row, base))).collect::<TimestampMicrosecondArray>()))
}

/// A number within a share of another; a decimal or whole one is cut towards the other, so it never leaves the share.
#[expect(clippy::cast_possible_truncation, reason = "a share is at most 1")]
fn near(chance: SeededRandom, base: &ArrayRef, spread: f64, kind: &DataType, rows: &[u64]) -> Result<ArrayRef> {
    // In millionths, so that the arithmetic is the same on every machine.
    let turn = |row: &u64| i128::from((spread * (2.0 * chance.share(*row) - 1.0) * 1e6) as i64);
    let near = |value: i128, row: &u64| Some(value + value.checked_mul(turn(row))? / 1_000_000);
    match kind {
        DataType::Decimal128(precision, scale) => {
            let base = cast(base, &DataType::Decimal128(38, *scale))?;
            let values = base.as_primitive::<Decimal128Type>().iter().zip(rows);
            let values: Decimal128Array = values.map(|(value, row)| near(value?, row)).collect();
            Ok(Arc::new(values.with_precision_and_scale(*precision, *scale)?))
        }
        DataType::Float32 | DataType::Float64 => {
            let base = cast(base, &DataType::Float64)?;
            let factor = |row: &u64| 1.0 + spread * (2.0 * chance.share(*row) - 1.0);
            let values = base.as_primitive::<Float64Type>().iter().zip(rows);
            Ok(Arc::new(values.map(|(value, row)| value.map(|v| v * factor(row))).collect::<Float64Array>()))
        }
        _ => {
            let base = cast(base, &DataType::Int64)?;
            let values = base.as_primitive::<Int64Type>().iter().zip(rows);
            let near = |(value, row): (Option<i64>, &u64)| i64::try_from(near(value?.into(), row)?).ok();
            Ok(Arc::new(values.map(near).collect::<Int64Array>()))
        }
    }
}
