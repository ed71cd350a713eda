//! Arrow → binary COPY.

use super::{
    column_builder::{EPOCH_DAYS, EPOCH_US},
    numeric,
    types::Wire,
};
use crate::hub::policy::{Chosen, Unrepresentable, ValueError};
use datafusion::arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
        Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray,
        StringArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
    },
    compute::{CastOptions, cast_with_options},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type,
        Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt64Type,
    },
};
use std::ops::Range;

/// What stands before the rows.
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands after them.
pub const TRAILER: &[u8; 2] = b"\xff\xff";
/// The days that PostgreSQL has, from 2000-01-01.
const DAYS: Range<i32> = -2_451_545..2_145_031_949;
/// The microseconds that PostgreSQL has, from 2000-01-01.
const MICROSECONDS: Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// A column as the server wants it.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What users call it.
    pub name: String,
    pub data_type: DataType,
    pub wire: Wire,
    /// What the server would cut off without a word.
    pub limit: Option<Limit>,
    /// What the user chose for its values.
    pub chosen: Chosen,
}

/// What a declared type holds less of than its wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Characters of a text.
    Characters(usize),
    /// Times are multiples of so many microseconds.
    Microseconds(i64),
}

impl Limit {
    /// Of a type in the catalog's words, such as `timestamp(3) without time zone`.
    pub fn of(declared: &str) -> Option<Self> {
        let (word, rest) = declared.split_once('(')?;
        let (server_digester, after) = rest.split_once(')')?;
        let number: u32 = server_digester.parse().ok()?;
        let array = after.ends_with("[]");
        match word {
            "character varying" | "character" if !array => Some(Self::Characters(usize::try_from(number).ok()?)),
            "timestamp" | "time" if !array && number < 6 => Some(Self::Microseconds(10_i64.pow(6 - number))),
            _ => None,
        }
    }
}

/// A column in the type that it is written as, if every value stays what it is.
pub fn exactly(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let there = cast_with_options(array, to, &options).map_err(|error| error.to_string())?;
    let back = cast_with_options(&there, array.data_type(), &options).map_err(|error| error.to_string())?;
    if &back != array {
        return Err(format!("a value of {} cannot be kept exactly as {to}", array.data_type()));
    }
    Ok(there)
}

/// A column of a batch, ready to be written cell by cell.
pub struct Cells<'a> {
    array: &'a dyn Array,
    values: Values<'a>,
}

enum Values<'a> {
    Bool(&'a BooleanArray),
    Int2(&'a Int16Array),
    Int4(&'a Int32Array),
    Int8(&'a Int64Array),
    Unsigned(&'a UInt64Array),
    Float4(&'a Float32Array),
    Float8(&'a Float64Array),
    Decimal128(&'a Decimal128Array, i8),
    Decimal256(&'a Decimal256Array, i8),
    Text(&'a StringArray, Option<usize>, bool),
    Jsonb(&'a StringArray, bool),
    Uuid(&'a StringArray),
    Bytes(&'a BinaryArray),
    Date(&'a Date32Array),
    Time(&'a Time64MicrosecondArray, i64),
    Timestamp(&'a TimestampMicrosecondArray, i64),
    Interval(&'a IntervalMonthDayNanoArray),
    List(&'a ListArray, Box<Cells<'a>>, u32),
}

impl<'a> Cells<'a> {
    /// Of an array in the type of its shape.
    pub fn of(array: &'a ArrayRef, wire: &Wire, limit: Option<Limit>) -> Self {
        let characters = if let Some(Limit::Characters(most)) = limit { Some(most) } else { None };
        let step = if let Some(Limit::Microseconds(step)) = limit { step } else { 1 };
        let nul = || array.as_string::<i32>().value_data().contains(&0);
        let values = match wire {
            Wire::Bool => Values::Bool(array.as_boolean()),
            Wire::Int2 => Values::Int2(array.as_primitive::<Int16Type>()),
            Wire::Int4 => Values::Int4(array.as_primitive::<Int32Type>()),
            Wire::Int8 => Values::Int8(array.as_primitive::<Int64Type>()),
            Wire::Unsigned => Values::Unsigned(array.as_primitive::<UInt64Type>()),
            Wire::Float4 => Values::Float4(array.as_primitive::<Float32Type>()),
            Wire::Float8 => Values::Float8(array.as_primitive::<Float64Type>()),
            Wire::Numeric(p, s) if *p <= 38 => Values::Decimal128(array.as_primitive::<Decimal128Type>(), *s),
            Wire::Numeric(_, s) => Values::Decimal256(array.as_primitive::<Decimal256Type>(), *s),
            Wire::Text => Values::Text(array.as_string(), characters, nul()),
            Wire::Jsonb => Values::Jsonb(array.as_string(), nul()),
            Wire::Uuid => Values::Uuid(array.as_string()),
            Wire::Bytes | Wire::Raw | Wire::RawArray => Values::Bytes(array.as_binary()),
            Wire::Date => Values::Date(array.as_primitive::<Date32Type>()),
            Wire::Time => Values::Time(array.as_primitive::<Time64MicrosecondType>(), step),
            Wire::Timestamp | Wire::TimestampTz => {
                Values::Timestamp(array.as_primitive::<TimestampMicrosecondType>(), step)
            }
            Wire::Interval => Values::Interval(array.as_primitive::<IntervalMonthDayNanoType>()),
            Wire::List(item, number) => {
                let list = array.as_list::<i32>();
                Values::List(list, Box::new(Self::of(list.values(), item, None)), *number)
            }
        };
        Self { array, values }
    }

    /// Adds a cell with its length. What is refused leaves nothing.
    pub fn write(&self, at: usize, out: &mut Vec<u8>) -> Result<(), ValueError> {
        if self.array.is_null(at) {
            out.extend_from_slice(&NULL);
            return Ok(());
        }
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        let written = self.value(at, out).and_then(|()| {
            i32::try_from(out.len() - start - 4).map_err(|_| ValueError::from("a value has more than 2 GB"))
        });
        match written {
            Ok(size) => {
                out[start..start + 4].copy_from_slice(&size.to_be_bytes());
                Ok(())
            }
            Err(refused) => {
                out.truncate(start);
                Err(refused)
            }
        }
    }

    fn value(&self, at: usize, out: &mut Vec<u8>) -> Result<(), ValueError> {
        match &self.values {
            Values::Bool(from) => out.push(from.value(at).into()),
            Values::Int2(from) => out.extend_from_slice(&from.value(at).to_be_bytes()),
            Values::Int4(from) => out.extend_from_slice(&from.value(at).to_be_bytes()),
            Values::Int8(from) => out.extend_from_slice(&from.value(at).to_be_bytes()),
            Values::Unsigned(from) => numeric::encode(i128::from(from.value(at)), 0, out),
            Values::Float4(from) => out.extend_from_slice(&from.value(at).to_be_bytes()),
            Values::Float8(from) => out.extend_from_slice(&from.value(at).to_be_bytes()),
            Values::Decimal128(from, scale) => numeric::encode(from.value(at), *scale, out),
            Values::Decimal256(from, scale) => numeric::encode_wide(from.value(at), *scale, out),
            Values::Text(from, most, nul) => out.extend_from_slice(text(from.value(at), *most, *nul)?),
            Values::Jsonb(from, nul) => {
                out.push(1);
                out.extend_from_slice(text(from.value(at), None, *nul)?);
            }
            Values::Uuid(from) => out.extend_from_slice(&uuid(from.value(at))?),
            Values::Bytes(from) => out.extend_from_slice(from.value(at)),
            Values::Date(from) => {
                let days = from.value(at).checked_sub(EPOCH_DAYS).filter(|days| DAYS.contains(days));
                out.extend_from_slice(&days.ok_or_else(|| far("the date"))?.to_be_bytes());
            }
            Values::Time(from, step) => out.extend_from_slice(&whole(from.value(at), *step)?.to_be_bytes()),
            Values::Timestamp(from, step) => {
                let time = from.value(at).checked_sub(EPOCH_US).filter(|time| MICROSECONDS.contains(time));
                out.extend_from_slice(&whole(time.ok_or_else(|| far("the timestamp"))?, *step)?.to_be_bytes());
            }
            Values::Interval(from) => {
                let interval = from.value(at);
                if interval.nanoseconds % 1000 != 0 {
                    return Err("an interval of parts of a microsecond cannot be kept".into());
                }
                out.extend_from_slice(&(interval.nanoseconds / 1000).to_be_bytes());
                out.extend_from_slice(&interval.days.to_be_bytes());
                out.extend_from_slice(&interval.months.to_be_bytes());
            }
            Values::List(from, items, number) => list(from, items, *number, at, out)?,
        }
        Ok(())
    }
}

/// The length of what is not there.
pub const NULL: [u8; 4] = (-1_i32).to_be_bytes();

fn list(from: &ListArray, items: &Cells<'_>, number: u32, at: usize, out: &mut Vec<u8>) -> Result<(), ValueError> {
    let ends = from.value_offsets();
    let (first, last) = (usize::try_from(ends[at]).unwrap_or(0), usize::try_from(ends[at + 1]).unwrap_or(0));
    let count = i32::try_from(last - first).map_err(|_| "a list is too long")?;
    let nulls = (first..last).any(|item| items.array.is_null(item));
    out.extend_from_slice(&i32::from(count > 0).to_be_bytes());
    out.extend_from_slice(&i32::from(nulls).to_be_bytes());
    out.extend_from_slice(&number.to_be_bytes());
    if count > 0 {
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&1_i32.to_be_bytes());
    }
    (first..last).try_for_each(|item| items.write(item, out))
}

/// A text that is not cut and holds no NUL; `nul` is whether there may be one.
fn text(text: &str, most: Option<usize>, nul: bool) -> Result<&[u8], ValueError> {
    if nul && text.as_bytes().contains(&0) {
        return Err(ValueError::Unrepresentable(
            Unrepresentable::Nul,
            "PostgreSQL has no texts with a NUL character".into(),
        ));
    }
    if let Some(most) = most.filter(|most| text.len() > *most)
        && text.chars().count() > most
    {
        return Err(format!("a text has {} characters, and the column holds {most}", text.chars().count()).into());
    }
    Ok(text.as_bytes())
}

fn whole(time: i64, step: i64) -> Result<i64, ValueError> {
    if step > 1 && time % step != 0 {
        return Err("a time has more digits of a second than the column keeps".into());
    }
    Ok(time)
}

fn far(what: &str) -> ValueError {
    ValueError::Unrepresentable(Unrepresentable::Range, format!("{what} is further away than PostgreSQL reaches"))
}

/// The bytes of a uuid.
pub fn uuid(text: &str) -> Result<[u8; 16], ValueError> {
    let mut number = 0_u128;
    let mut digits = 0;
    for byte in text.bytes().filter(|byte| *byte != b'-') {
        let digit = char::from(byte).to_digit(16).ok_or_else(|| ValueError::from(format!("`{text}` is no uuid")))?;
        number = number << 4 | u128::from(digit);
        digits += 1;
    }
    if digits != 32 || text.len() != 36 {
        return Err(format!("`{text}` is no uuid").into());
    }
    Ok(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::Limit;

    #[test]
    fn what_the_server_would_cut_is_known() {
        for (declared, limit) in [
            ("character varying(3)", Some(Limit::Characters(3))),
            ("character(5)", Some(Limit::Characters(5))),
            ("timestamp(3) without time zone", Some(Limit::Microseconds(1000))),
            ("time(0) without time zone", Some(Limit::Microseconds(1_000_000))),
            ("timestamp(6) with time zone", None),
            ("numeric(10,2)", None),
            ("text", None),
            ("character varying(3)[]", None),
        ] {
            assert_eq!(Limit::of(declared), limit, "{declared}");
        }
    }
}
