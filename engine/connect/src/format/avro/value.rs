//! One value of a message, and the cell of a declared column that is exactly that.

use super::{
    reader::Reader,
    schema::{Field, Schema, Type},
};
use crate::format::text::{Cell, parse};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta};
use datafusion::arrow::datatypes::{Decimal256Type, DecimalType, i256};
use engine_language::column::ColumnType;
use serde_json::{Map, Number, Value as Json};
use std::{
    borrow::Cow,
    fmt::{self, Write as _},
};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'m> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f32),
    Double(f64),
    Text(&'m str),
    /// The symbol of an enum, or a UUID.
    Word(Cow<'m, str>),
    Bytes(&'m [u8]),
    /// A whole number, and how many of its digits stand behind the point.
    Decimal(i256, u32),
    /// Days since 1970.
    Date(i64),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970 UTC.
    Instant(i64),
    /// Microseconds since 1970, without zone.
    Local(i64),
    /// A list, a map or a record, within another.
    Tree(Json),
    /// The same by itself.
    Json(String),
}

impl<'m> Value<'m> {
    /// Reads one. `Err` says why it is none, or cannot be told exactly.
    pub fn read(from: &mut Reader<'m>, schema: &'m Schema, kind: &'m Type) -> Result<Self, String> {
        Ok(match Self::part(from, schema, kind)? {
            Self::Tree(json) => Self::Json(json.to_string()),
            other => other,
        })
    }

    fn part(from: &mut Reader<'m>, schema: &'m Schema, kind: &'m Type) -> Result<Self, String> {
        Ok(match schema.resolve(kind) {
            Type::Null => Self::Null,
            Type::Boolean => Self::Bool(from.boolean()?),
            Type::Int => Self::Int(from.int()?.into()),
            Type::Long => Self::Int(from.long()?),
            Type::Float => Self::Float(from.float()?),
            Type::Double => Self::Double(from.double()?),
            Type::Bytes => Self::Bytes(from.bytes()?),
            Type::String => Self::Text(from.text()?),
            Type::Uuid => Self::Word(from.text()?.into()),
            Type::Date => Self::Date(from.int()?.into()),
            Type::TimeMillis => Self::Time(time(i64::from(from.int()?) * 1000)?),
            Type::TimeMicros => Self::Time(time(from.long()?)?),
            Type::Instant(unit) => Self::Instant(micros(from.long()?, *unit)?),
            Type::Local(unit) => Self::Local(micros(from.long()?, *unit)?),
            Type::Decimal { size: None, scale } => Self::Decimal(whole(from.bytes()?)?, *scale),
            Type::Decimal { size: Some(size), scale } => Self::Decimal(whole(from.fixed(*size)?)?, *scale),
            Type::Fixed(size) => Self::Bytes(from.fixed(*size)?),
            Type::UuidBytes => Self::Word(uuid(from.fixed(16)?).into()),
            Type::Enum(symbols) => Self::Word(symbols[from.choice(symbols.len())?].as_str().into()),
            Type::List(inner) => Self::Tree(list(from, schema, inner)?),
            Type::Map(inner) => Self::Tree(map(from, schema, inner)?),
            Type::Record(fields) => Self::Tree(record(from, schema, fields)?),
            Type::Union(branches) => {
                let branch = &branches[from.choice(branches.len())?];
                from.enter(|from| Self::part(from, schema, branch))?
            }
            Type::Named(_) => unreachable!("a name stands for what is no name"),
        })
    }

    /// The value as one of this type; `None` if it is not exactly that.
    pub fn cell(&self, kind: &ColumnType) -> Option<Cell<'_>> {
        use ColumnType as T;
        Some(match (self, kind) {
            (Self::Null, _) => Cell::Null,
            (Self::Bool(truth), T::Bool) => Cell::Bool(*truth),
            (Self::Int(n), _) => number(i256::from_i128((*n).into()), 0, kind)?,
            (Self::Decimal(n, scale), T::Decimal(..) | T::SmallInt | T::Int | T::BigInt | T::UBigInt) => {
                number(*n, *scale, kind)?
            }
            (Self::Float(x), T::Float) => Cell::Float(*x),
            (Self::Float(x), T::Double) => Cell::Double((*x).into()),
            (Self::Double(x), T::Double) => Cell::Double(*x),
            (
                Self::Text(text),
                T::Decimal(..) | T::Text(_) | T::Json | T::Uuid | T::Date | T::Time | T::Timestamp | T::TimestampTz,
            ) => parse(text, kind)?,
            (Self::Word(word), T::Text(_) | T::Uuid) => parse(word, kind)?,
            (Self::Bytes(bytes), T::Bytes) => Cell::Bytes(bytes),
            (Self::Date(days), T::Date) => Cell::Int(*days),
            (Self::Time(micros), T::Time) => Cell::Int(*micros),
            (Self::Instant(micros), T::Timestamp | T::TimestampTz) | (Self::Local(micros), T::Timestamp) => {
                Cell::Int(*micros)
            }
            (Self::Json(text), T::Json) => Cell::Text(text),
            _ => return None,
        })
    }

    /// As a part of a value of JSON.
    fn json(self) -> Result<Json, String> {
        let digits = |text: String| serde_json::from_str::<Number>(&text).map(Json::Number);
        let text = || self.to_string();
        Ok(match &self {
            Self::Null => Json::Null,
            Self::Bool(truth) => (*truth).into(),
            Self::Int(n) => (*n).into(),
            Self::Float(x) => digits(x.to_string()).map_err(|_| format!("JSON has no {x}"))?,
            Self::Double(x) => digits(x.to_string()).map_err(|_| format!("JSON has no {x}"))?,
            Self::Decimal(..) => digits(text()).map_err(|error| error.to_string())?,
            Self::Bytes(_) => return Err("JSON has no bytes".into()),
            Self::Text(text) => (*text).into(),
            Self::Word(word) => word.as_ref().into(),
            Self::Date(_) | Self::Time(_) | Self::Instant(_) | Self::Local(_) => text().into(),
            Self::Tree(json) => json.clone(),
            Self::Json(text) => text.as_str().into(),
        })
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |micros: &i64| DateTime::from_timestamp_micros(*micros).map(|at| at.naive_utc());
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Float(x) => write!(f, "{x}"),
            Self::Double(x) => write!(f, "{x}"),
            Self::Text(text) => write!(f, "{}", Json::from(*text)),
            Self::Word(word) => f.write_str(word),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Decimal(n, scale) => f.write_str(&decimal(*n, *scale)),
            Self::Date(days) => match day(*days) {
                Some(day) => write!(f, "{day}"),
                None => write!(f, "the day {days}"),
            },
            Self::Time(micros) => write!(f, "{}", NaiveTime::MIN + TimeDelta::microseconds(*micros)),
            Self::Instant(micros) => match at(micros) {
                Some(at) => write!(f, "{}Z", at.format("%Y-%m-%dT%H:%M:%S%.f")),
                None => write!(f, "the microsecond {micros}"),
            },
            Self::Local(micros) => match at(micros) {
                Some(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S%.f")),
                None => write!(f, "the microsecond {micros}"),
            },
            Self::Tree(json) => write!(f, "{json}"),
            Self::Json(text) => f.write_str(text),
        }
    }
}

fn list<'m>(from: &mut Reader<'m>, schema: &'m Schema, inner: &'m Type) -> Result<Json, String> {
    let mut items = vec![];
    from.items(|from| {
        items.push(Value::part(from, schema, inner)?.json()?);
        Ok(())
    })?;
    Ok(Json::Array(items))
}

fn map<'m>(from: &mut Reader<'m>, schema: &'m Schema, inner: &'m Type) -> Result<Json, String> {
    let mut items = Map::new();
    from.items(|from| {
        let key = from.text()?.to_owned();
        items.insert(key, Value::part(from, schema, inner)?.json()?);
        Ok(())
    })?;
    Ok(Json::Object(items))
}

fn record<'m>(from: &mut Reader<'m>, schema: &'m Schema, fields: &'m [Field]) -> Result<Json, String> {
    from.enter(|from| {
        let one = |field: &'m Field| Ok((field.name.clone(), Value::part(from, schema, &field.kind)?.json()?));
        Ok(Json::Object(fields.iter().map(one).collect::<Result<_, String>>()?))
    })
}

fn time(micros: i64) -> Result<i64, String> {
    let day = 0..86_400_000_000;
    if day.contains(&micros) { Ok(micros) } else { Err(format!("a time of day is {micros} microseconds")) }
}

fn micros(count: i64, unit: i64) -> Result<i64, String> {
    if unit > 1_000_000 {
        let parts = unit / 1_000_000;
        return if count % parts == 0 { Ok(count / parts) } else { Err("a time has parts of a microsecond".into()) };
    }
    count.checked_mul(1_000_000 / unit).ok_or_else(|| format!("a time is {count}"))
}

fn day(days: i64) -> Option<NaiveDate> {
    let epoch = NaiveDate::default();
    let count = Days::new(days.unsigned_abs());
    if days < 0 { epoch.checked_sub_days(count) } else { epoch.checked_add_days(count) }
}

/// A whole number of two's complement, its greatest byte first.
fn whole(bytes: &[u8]) -> Result<i256, String> {
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let sign = if negative { 0xff } else { 0 };
    let spare = bytes.len().saturating_sub(32);
    let (more, bytes) = bytes.split_at(spare);
    let kept = bytes.first().is_none_or(|byte| byte & 0x80 == sign & 0x80);
    if !more.iter().all(|byte| *byte == sign) || !more.is_empty() && !kept {
        return Err("a decimal has more than 76 digits".into());
    }
    let mut all = [sign; 32];
    all[32 - bytes.len()..].copy_from_slice(bytes);
    Ok(i256::from_be_bytes(all))
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (number, byte) in bytes.iter().enumerate() {
        let hyphen = if [4, 6, 8, 10].contains(&number) { "-" } else { "" };
        let _ = write!(text, "{hyphen}{byte:02x}");
    }
    text
}

fn decimal(n: i256, scale: u32) -> String {
    let (sign, digits) = match n.to_string().strip_prefix('-') {
        Some(digits) => ("-", digits.to_owned()),
        None => ("", n.to_string()),
    };
    let scale = scale as usize;
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let digits = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

/// A number in a column of numbers, if it is exactly one of its.
fn number(n: i256, scale: u32, kind: &ColumnType) -> Option<Cell<'static>> {
    use ColumnType as T;
    let whole = || rescale(n, scale, 0)?.to_i128();
    Some(match kind {
        T::SmallInt => Cell::Int(i16::try_from(whole()?).ok()?.into()),
        T::Int => Cell::Int(i32::try_from(whole()?).ok()?.into()),
        T::BigInt => Cell::Int(whole()?.try_into().ok()?),
        T::UBigInt => Cell::UInt(whole()?.try_into().ok()?),
        T::Double => Cell::Double(exact_double(whole()?)?),
        T::Float => Cell::Float(exact_float(whole()?)?),
        T::Decimal(precision, to) => {
            let n = rescale(n, scale, u32::try_from(*to).ok()?)?;
            Decimal256Type::validate_decimal_precision(n, *precision, *to).ok()?;
            if *precision <= 38 { Cell::Decimal(n.to_i128()?) } else { Cell::Wide(n) }
        }
        _ => return None,
    })
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "what is lost is seen")]
fn exact_double(n: i128) -> Option<f64> {
    Some(n as f64).filter(|x| *x as i128 == n)
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "what is lost is seen")]
fn exact_float(n: i128) -> Option<f32> {
    Some(n as f32).filter(|x| *x as i128 == n)
}

/// The same number with so many digits behind the point, if it has no more.
fn rescale(n: i256, from: u32, to: u32) -> Option<i256> {
    let power = i256::from_i128(10).checked_pow(from.abs_diff(to))?;
    if to >= from {
        return n.checked_mul(power);
    }
    (n.checked_rem(power)? == i256::ZERO).then(|| n.checked_div(power))?
}

#[cfg(test)]
mod tests {
    use super::{Value, decimal, whole};
    use crate::format::text::Cell;
    use datafusion::arrow::datatypes::i256;
    use engine_language::column::ColumnType as T;

    #[test]
    fn a_number_is_in_a_column_what_it_is_or_not_there() {
        let cell = |value: Value<'_>, kind: T| match value.cell(&kind) {
            Some(cell) => format!("{cell:?}"),
            None => "none".into(),
        };
        assert_eq!(cell(Value::Int(32_767), T::SmallInt), "Int(32767)");
        assert_eq!(cell(Value::Int(32_768), T::SmallInt), "none");
        assert_eq!(cell(Value::Int(-1), T::UBigInt), "none");
        assert_eq!(cell(Value::Int(1 << 53), T::Double), "Double(9007199254740992.0)");
        assert_eq!(cell(Value::Int((1 << 53) + 1), T::Double), "none");
        assert_eq!(cell(Value::Int(i64::MAX), T::Double), "none");
        assert_eq!(cell(Value::Int(7), T::Decimal(5, 2)), "Decimal(700)");
        assert_eq!(cell(Value::Int(1000), T::Decimal(5, 2)), "none");
        let of = |n: i128, scale| Value::Decimal(i256::from_i128(n), scale);
        assert_eq!(cell(of(1005, 3), T::Decimal(10, 2)), "none");
        assert_eq!(cell(of(1050, 3), T::Decimal(10, 2)), "Decimal(105)");
        assert_eq!(cell(of(18_446_744_073_709_551_615, 0), T::UBigInt), "UInt(18446744073709551615)");
        assert_eq!(cell(of(15, 1), T::BigInt), "none");
        assert_eq!(cell(Value::Double(0.5), T::Float), "none");
        assert_eq!(cell(Value::Float(0.1), T::Double), format!("{:?}", Cell::Double(f64::from(0.1_f32))));
        assert_eq!(cell(Value::Local(0), T::TimestampTz), "none");
        assert_eq!(cell(Value::Text("1.005"), T::Decimal(10, 2)), "none");
    }

    #[test]
    fn decimals_are_of_any_number_of_bytes() {
        assert_eq!(whole(&[]), Ok(i256::ZERO));
        assert_eq!(whole(&[0xff]), Ok(i256::from_i128(-1)));
        assert_eq!(whole(&[0x01, 0x00]), Ok(i256::from_i128(256)));
        let mut long = vec![0xff; 40];
        assert_eq!(whole(&long), Ok(i256::from_i128(-1)));
        long[3] = 0;
        assert!(whole(&long).is_err());
        let mut other = vec![0; 33];
        other[1] = 0x80;
        assert!(whole(&other).is_err(), "its sign would be lost");
        assert_eq!(decimal(i256::from_i128(-5), 2), "-0.05");
        assert_eq!(decimal(i256::from_i128(1234), 2), "12.34");
    }
}
