//! `variance`, `stddev`, and what is computed of pairs: `corr`, `covar_*`, `regr_*`.
//!
//! Of whole numbers and `numeric` PostgreSQL computes variances exactly, from sums of squares, and then divides; of doubles by
//! the recurrence of Youngs and Cramer.

#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers are bounded before, and are cut, rounded and compared as PostgreSQL does it"
)]

use super::distinct::Distinct;
use crate::sql::{
    failed::failed,
    kind::{Kind, VARIABLE_SCALE, decimal, digits},
    numeric::Numeric,
    session_zone::Zone,
    value::{Column, Value, column},
};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray},
        datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type},
    },
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
    },
};
use std::{mem::size_of, sync::Arc};

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Spread { sample: bool, root: bool },
    Pair(Pair),
}

/// What is computed of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pair {
    Corr,
    CovarPop,
    CovarSamp,
    Slope,
    Intercept,
    R2,
    Count,
    AvgX,
    AvgY,
    Sxx,
    Syy,
    Sxy,
}

/// All of them.
pub fn functions() -> Vec<AggregateUDF> {
    let spread = |sample, root| What::Spread { sample, root };
    let all = [
        ("var_pop", spread(false, false), vec![]),
        ("var_samp", spread(true, false), vec!["variance", "var", "var_sample"]),
        ("stddev_pop", spread(false, true), vec![]),
        ("stddev_samp", spread(true, true), vec!["stddev"]),
        ("corr", What::Pair(Pair::Corr), vec![]),
        ("covar_pop", What::Pair(Pair::CovarPop), vec![]),
        ("covar_samp", What::Pair(Pair::CovarSamp), vec!["covar"]),
        ("regr_slope", What::Pair(Pair::Slope), vec![]),
        ("regr_intercept", What::Pair(Pair::Intercept), vec![]),
        ("regr_r2", What::Pair(Pair::R2), vec![]),
        ("regr_count", What::Pair(Pair::Count), vec![]),
        ("regr_avgx", What::Pair(Pair::AvgX), vec![]),
        ("regr_avgy", What::Pair(Pair::AvgY), vec![]),
        ("regr_sxx", What::Pair(Pair::Sxx), vec![]),
        ("regr_syy", What::Pair(Pair::Syy), vec![]),
        ("regr_sxy", What::Pair(Pair::Sxy), vec![]),
    ];
    all.into_iter()
        .map(|(name, what, aliases)| {
            let arguments = if matches!(what, What::Pair(_)) { 2 } else { 1 };
            AggregateUDF::new_from_impl(Moments {
                name,
                what,
                aliases: aliases.into_iter().map(str::to_owned).collect(),
                signature: Signature::any(arguments, Volatility::Immutable),
            })
        })
        .collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Moments {
    name: &'static str,
    what: What,
    aliases: Vec<String>,
    signature: Signature,
}

fn exact(kind: Kind) -> bool {
    matches!(kind, Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Numeric)
}

impl AggregateUDFImpl for Moments {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        for data_type in types {
            let kind = Kind::of(data_type);
            if !kind.is_number() && kind != Kind::Unknown {
                return Err(DataFusionError::Plan(format!("`{}` does not take an argument of type {kind}", self.name)));
            }
        }
        match self.what {
            What::Pair(Pair::Count) => Ok(DataType::Int64),
            What::Spread { .. } if exact(Kind::of(&types[0])) => {
                let (whole, scale) = digits(&types[0]);
                decimal((2 * whole).min(38), scale.max(VARIABLE_SCALE))
            }
            _ => Ok(DataType::Float64),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let from = args.input_fields[0].data_type();
        if args.is_distinct {
            return Ok(vec![Distinct::state(args.name, from)]);
        }
        let field = |name: &str, kind: DataType| Arc::new(Field::new(format!("{}[{name}]", args.name), kind, true));
        Ok(match self.what {
            What::Spread { .. } if exact(Kind::of(from)) => {
                vec![field("n", DataType::Int64), field("sum", DataType::Utf8), field("squares", DataType::Utf8)]
            }
            _ => ["n", "sx", "sxx", "sy", "syy", "sxy"].map(|name| field(name, DataType::Float64)).to_vec(),
        })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let from = args.expr_fields[0].data_type();
        let one: Box<dyn Accumulator> = match self.what {
            What::Spread { sample, root } if exact(Kind::of(from)) => {
                let (sum, squares) = (Numeric::from(0i64), Numeric::from(0i64));
                Box::new(Exact { sample, root, to: args.return_type().clone(), count: 0, sum, squares })
            }
            what => Box::new(Doubles { what, sums: Sums::default() }),
        };
        Ok(if args.is_distinct { Box::new(Distinct::new(from.clone(), one)) } else { one })
    }
}

/// Sums of values and of their squares.
#[derive(Debug)]
struct Exact {
    sample: bool,
    root: bool,
    to: DataType,
    count: i64,
    sum: Numeric,
    squares: Numeric,
}

impl Exact {
    fn result(&self) -> Result<Value> {
        if self.count == 0 || self.sample && self.count == 1 {
            return Ok(Value::Null);
        }
        let count = Numeric::from(self.count);
        let spread = count.multiply(&self.squares).subtract(&self.sum.multiply(&self.sum));
        if spread.is_zero() || spread.is_negative() {
            return Ok(Value::Numeric(Numeric::from(0i64)));
        }
        let less = if self.sample { Numeric::from(self.count - 1) } else { count.clone() };
        let variance = spread.divide(&count.multiply(&less))?;
        if !self.root {
            return Ok(Value::Numeric(variance));
        }
        let scale = variance.scale;
        let root = Numeric { digits: &variance.digits * crate::sql::numeric::power_of_ten(60), scale: scale + 60 };
        Ok(Value::Numeric(root.sqrt()?.round(i64::from(scale))))
    }
}

impl Accumulator for Exact {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let source = Column::new(&values[0], false)?;
        for row in 0..values[0].len() {
            let value = crate::sql::cast::implicit(source.value(row)?, Kind::Numeric, &Zone::Fixed(0))?;
            if let Value::Numeric(value) = value {
                self.count += 1;
                self.sum = self.sum.add(&value);
                self.squares = self.squares.add(&value.multiply(&value));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let array = column(std::iter::once(self.result()), &self.to)?;
        ScalarValue::try_from_array(&array, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + 128
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::Int64(Some(self.count)),
            ScalarValue::Utf8(Some(self.sum.to_string())),
            ScalarValue::Utf8(Some(self.squares.to_string())),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let counts = states[0].as_primitive::<Int64Type>();
        let (sums, squares) = (states[1].as_string::<i32>(), states[2].as_string::<i32>());
        for row in 0..counts.len() {
            self.count += counts.value(row);
            self.sum = self.sum.add(&Numeric::parse(sums.value(row))?);
            self.squares = self.squares.add(&Numeric::parse(squares.value(row))?);
        }
        Ok(())
    }
}

/// The sums of Youngs and Cramer; `y` is the first argument of a pair, as in PostgreSQL.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n: f64,
    sx: f64,
    sxx: f64,
    sy: f64,
    syy: f64,
    sxy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        self.sx += x;
        self.sy += y;
        if self.n > 1.0 {
            let (dx, dy) = (x * self.n - self.sx, y * self.n - self.sy);
            let scale = 1.0 / (self.n * (self.n - 1.0));
            self.sxx += dx * dx * scale;
            self.syy += dy * dy * scale;
            self.sxy += dx * dy * scale;
        } else if !x.is_finite() || !y.is_finite() {
            let none = |value: f64| if value.is_finite() { 0.0 } else { f64::NAN };
            (self.sxx, self.syy, self.sxy) = (none(x), none(y), none(x) + none(y));
        }
    }

    fn merge(&mut self, other: Self) {
        if other.n == 0.0 {
            return;
        }
        if self.n == 0.0 {
            *self = other;
            return;
        }
        let n = self.n + other.n;
        let (dx, dy) = (self.sx / self.n - other.sx / other.n, self.sy / self.n - other.sy / other.n);
        let weight = self.n * other.n / n;
        self.sxx += other.sxx + weight * dx * dx;
        self.syy += other.syy + weight * dy * dy;
        self.sxy += other.sxy + weight * dx * dy;
        (self.n, self.sx, self.sy) = (n, self.sx + other.sx, self.sy + other.sy);
    }
}

#[derive(Debug)]
struct Doubles {
    what: What,
    sums: Sums,
}

impl Doubles {
    fn result(&self) -> Option<f64> {
        let Sums { n, sx, sxx, sy, syy, sxy } = self.sums;
        let some = |enough: bool, value: f64| enough.then_some(value);
        match self.what {
            What::Spread { sample, root } => {
                let variance = some(n > f64::from(u8::from(sample)), sxx / if sample { n - 1.0 } else { n })?;
                Some(if root { variance.sqrt() } else { variance })
            }
            What::Pair(pair) => match pair {
                Pair::Count => Some(n),
                Pair::AvgX => some(n > 0.0, sx / n),
                Pair::AvgY => some(n > 0.0, sy / n),
                Pair::Sxx => some(n > 0.0, sxx),
                Pair::Syy => some(n > 0.0, syy),
                Pair::Sxy => some(n > 0.0, sxy),
                Pair::CovarPop => some(n > 0.0, sxy / n),
                Pair::CovarSamp => some(n > 1.0, sxy / (n - 1.0)),
                Pair::Corr => some(n > 0.0 && sxx != 0.0 && syy != 0.0, sxy / (sxx * syy).sqrt()),
                Pair::Slope => some(n > 0.0 && sxx != 0.0, sxy / sxx),
                Pair::Intercept => some(n > 0.0 && sxx != 0.0, (sy - sx * sxy / sxx) / n),
                Pair::R2 if n == 0.0 || sxx == 0.0 => None,
                Pair::R2 if syy == 0.0 => Some(1.0),
                Pair::R2 => Some((sxy * sxy) / (sxx * syy)),
            },
        }
    }
}

impl Accumulator for Doubles {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let columns: Vec<Column> = values.iter().map(|array| Column::new(array, false)).collect::<Result<_>>()?;
        for row in 0..values[0].len() {
            let double =
                |column: &Column| crate::sql::cast::implicit(column.value(row)?, Kind::Float8, &Zone::Fixed(0));
            let first = double(&columns[0])?;
            let second = columns.get(1).map(double).transpose()?;
            match (first, second) {
                (Value::Float(x), None) => self.sums.add(x, 0.0),
                (Value::Float(y), Some(Value::Float(x))) => self.sums.add(x, y),
                _ => {}
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let result = self.result();
        if result.is_some_and(f64::is_infinite) && self.sums.sx.is_finite() && self.sums.sy.is_finite() {
            return Err(failed("value out of range: overflow"));
        }
        Ok(match self.what {
            What::Pair(Pair::Count) => ScalarValue::Int64(Some(self.sums.n as i64)),
            _ => ScalarValue::Float64(result),
        })
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let Sums { n, sx, sxx, sy, syy, sxy } = self.sums;
        Ok([n, sx, sxx, sy, syy, sxy].map(|value| ScalarValue::Float64(Some(value))).to_vec())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let parts: Vec<_> = states.iter().map(|state| state.as_primitive::<Float64Type>().clone()).collect();
        for row in 0..states[0].len() {
            let at = |place: usize| parts[place].value(row);
            self.sums.merge(Sums { n: at(0), sx: at(1), sxx: at(2), sy: at(3), syy: at(4), sxy: at(5) });
        }
        Ok(())
    }
}
