//! Arrow → the values of a prepared statement.

use super::{decimal, types::Wire};
use crate::hub::policy::{Unrepresentable, ValueError};
use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{
        Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
        Time64MicrosecondType, TimestampMicrosecondType, UInt64Type, i256,
    },
};
use sqlx::{
    Arguments, Column, Encode, MySql, MySqlConnection, Row, Type,
    encode::IsNull,
    error::BoxDynError,
    mysql::{MySqlArguments, MySqlTypeInfo},
};

/// What values are declared as.
#[derive(Clone, Debug)]
pub struct Infos {
    tiny: MySqlTypeInfo,
    small: MySqlTypeInfo,
    int: MySqlTypeInfo,
    big: MySqlTypeInfo,
    unsigned: MySqlTypeInfo,
    float: MySqlTypeInfo,
    double: MySqlTypeInfo,
    text: MySqlTypeInfo,
    decimal: MySqlTypeInfo,
    bytes: MySqlTypeInfo,
    date: MySqlTypeInfo,
    datetime: MySqlTypeInfo,
    time: MySqlTypeInfo,
    /// Whether the server keeps the sign of a zero.
    signed_zero: bool,
}

impl Infos {
    /// sqlx has no words of its own for dates, times and decimals: they are taken from columns that the server declares, which
    /// keeps the sign of a zero or not.
    pub async fn ask(on: &mut MySqlConnection, signed_zero: bool) -> sqlx::Result<Self> {
        let sql =
            "select cast(null as date), cast(null as datetime(6)), cast(null as time(6)), cast(null as decimal(65,30))";
        let row = sqlx::query(sql).fetch_one(on).await?;
        let of = |at: usize| row.column(at).type_info().clone();
        Ok(Self {
            tiny: <i8 as Type<MySql>>::type_info(),
            small: <i16 as Type<MySql>>::type_info(),
            int: <i32 as Type<MySql>>::type_info(),
            big: <i64 as Type<MySql>>::type_info(),
            unsigned: <u64 as Type<MySql>>::type_info(),
            float: <f32 as Type<MySql>>::type_info(),
            double: <f64 as Type<MySql>>::type_info(),
            text: <str as Type<MySql>>::type_info(),
            decimal: of(3),
            bytes: <[u8] as Type<MySql>>::type_info(),
            date: of(0),
            datetime: of(1),
            time: of(2),
            signed_zero,
        })
    }
}

/// The values of one statement, and about how many bytes they are.
#[derive(Default)]
pub struct Values {
    pub arguments: MySqlArguments,
    pub size_bytes: usize,
    text: Vec<u8>,
}

/// A value as it goes over the wire.
struct Value<'a> {
    info: &'a MySqlTypeInfo,
    bytes: Option<&'a [u8]>,
    /// Whether its length goes before it.
    sized: bool,
}

impl Type<MySql> for Value<'_> {
    fn type_info() -> MySqlTypeInfo {
        <[u8] as Type<MySql>>::type_info()
    }
}

impl Encode<'_, MySql> for Value<'_> {
    fn encode_by_ref(&self, to: &mut Vec<u8>) -> Result<IsNull, BoxDynError> {
        match self.bytes {
            None => return Ok(IsNull::Yes),
            Some(bytes) if self.sized => return <&[u8] as Encode<MySql>>::encode_by_ref(&bytes, to),
            Some(bytes) => to.extend_from_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<MySqlTypeInfo> {
        Some(self.info.clone())
    }
}

impl Values {
    fn add(&mut self, info: &MySqlTypeInfo, bytes: Option<&[u8]>, sized: bool) {
        self.size_bytes += 12 + bytes.map_or(0, <[u8]>::len);
        self.arguments.add(Value { info, bytes, sized }).expect("writing into memory does not fail");
    }

    /// Adds NULL.
    pub fn push_null(&mut self, infos: &Infos) {
        self.add(&infos.text, None, false);
    }

    /// Adds one value of a column. `Err` says why it cannot be kept; nothing was added then.
    pub fn push(&mut self, column: &ArrayRef, wire: &Wire, at: usize, infos: &Infos) -> Result<(), ValueError> {
        if column.is_null(at) {
            self.push_null(infos);
            return Ok(());
        }
        match wire {
            Wire::Bool | Wire::Bit(1) => {
                self.add(&infos.tiny, Some(&[u8::from(column.as_boolean().value(at))]), false);
            }
            Wire::Int(..) | Wire::Whole | Wire::Year | Wire::Bit(_) => self.push_whole(column, wire, at, infos)?,
            Wire::Float => {
                let number = column.as_primitive::<Float32Type>().value(at);
                kept(number.into(), infos)?;
                self.add(&infos.float, Some(&number.to_le_bytes()), false);
            }
            Wire::Double => {
                let number = column.as_primitive::<Float64Type>().value(at);
                kept(number, infos)?;
                self.add(&infos.double, Some(&number.to_le_bytes()), false);
            }
            Wire::Decimal(p, s) => self.push_decimal(column, (*p, *s), at, infos),
            Wire::Text => self.add(&infos.text, Some(column.as_string::<i32>().value(at).as_bytes()), true),
            Wire::Char | Wire::Enum(_) | Wire::Set(_) => {
                let text = column.as_string::<i32>().value(at);
                keeps(text, wire)?;
                self.add(&infos.text, Some(text.as_bytes()), true);
            }
            Wire::Bytes => self.add(&infos.bytes, Some(column.as_binary::<i32>().value(at)), true),
            Wire::Binary(length) => {
                let bytes = column.as_binary::<i32>().value(at);
                if bytes.len() != *length as usize {
                    return Err(format!("{} bytes are not the {length} that the column always has", bytes.len()).into());
                }
                self.add(&infos.bytes, Some(bytes), true);
            }
            Wire::Date => {
                let days = column.as_primitive::<Date32Type>().value(at);
                let day = NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(days.into()));
                let bytes = date(day.ok_or_else(far)?)?;
                self.add(&infos.date, Some(&[4, bytes[0], bytes[1], bytes[2], bytes[3]]), false);
            }
            Wire::DateTime(digits) | Wire::Timestamp(digits) => {
                let us = column.as_primitive::<TimestampMicrosecondType>().value(at);
                self.add(&infos.datetime, Some(&instant(us, *digits)?), false);
            }
            Wire::Time(digits) => {
                let us = column.as_primitive::<Time64MicrosecondType>().value(at);
                self.add(&infos.time, Some(&time(us, *digits)?), false);
            }
        }
        Ok(())
    }

    fn push_whole(&mut self, column: &ArrayRef, wire: &Wire, at: usize, infos: &Infos) -> Result<(), String> {
        if let Some(column) = column.as_primitive_opt::<Int16Type>() {
            let number = column.value(at);
            if *wire == Wire::Year && number != 0 && !(1901..=2155).contains(&number) {
                return Err(format!("{number} is no year of 1901 to 2155"));
            }
            self.add(&infos.small, Some(&number.to_le_bytes()), false);
        } else if let Some(column) = column.as_primitive_opt::<Int32Type>() {
            self.add(&infos.int, Some(&column.value(at).to_le_bytes()), false);
        } else if let Some(column) = column.as_primitive_opt::<Int64Type>() {
            self.add(&infos.big, Some(&column.value(at).to_le_bytes()), false);
        } else {
            let number = column.as_primitive::<UInt64Type>().value(at);
            self.add(&infos.unsigned, Some(&number.to_le_bytes()), false);
        }
        Ok(())
    }

    fn push_decimal(&mut self, column: &ArrayRef, (precision, scale): (u8, i8), at: usize, infos: &Infos) {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        if precision <= 38 {
            let number = column.as_primitive::<Decimal128Type>().value(at);
            decimal::write(number < 0, &number.unsigned_abs().to_string(), scale, &mut text);
        } else {
            let number = column.as_primitive::<Decimal256Type>().value(at);
            decimal::write(number < i256::ZERO, &number.wrapping_abs().to_string(), scale, &mut text);
        }
        self.add(&infos.decimal, Some(&text), true);
        self.text = text;
    }
}

/// Whether the server keeps a float as it is.
fn kept(number: f64, infos: &Infos) -> Result<(), ValueError> {
    if !number.is_finite() {
        return Err(ValueError::Unrepresentable(
            Unrepresentable::Nan,
            format!("{number} is no number that MySQL keeps"),
        ));
    }
    if number == 0.0 && number.is_sign_negative() && !infos.signed_zero {
        return Err("-0.0 would become 0.0: add 0.0 to it".into());
    }
    Ok(())
}

fn far() -> ValueError {
    ValueError::Unrepresentable(Unrepresentable::Range, "it is too far away".into())
}

/// Whether a column of few texts keeps this one as it is.
fn keeps(text: &str, wire: &Wire) -> Result<(), String> {
    match wire {
        Wire::Char if text.ends_with(' ') => Err(format!("`{text}` would lose the spaces at its end")),
        // The server takes `2` for the second label, and other cases for the same.
        Wire::Enum(labels) if !labels.iter().any(|label| label == text) => {
            Err(format!("`{text}` is none of {}", labels.join(", ")))
        }
        Wire::Set(labels) if !text.is_empty() => {
            let places: Option<Vec<usize>> =
                text.split(',').map(|item| labels.iter().position(|label| label == item)).collect();
            let places = places.ok_or_else(|| format!("`{text}` is no set of {}", labels.join(", ")))?;
            let ordered = places.windows(2).all(|pair| pair[0] < pair[1]);
            if ordered { Ok(()) } else { Err(format!("`{text}` is not in the order of {}", labels.join(", "))) }
        }
        _ => Ok(()),
    }
}

fn date(day: NaiveDate) -> Result<[u8; 4], ValueError> {
    let year = u16::try_from(day.year()).ok().filter(|year| (1..=9999).contains(year));
    let [low, high] = year
        .ok_or_else(|| {
            ValueError::Unrepresentable(Unrepresentable::Range, format!("{day} is not of the years 1 to 9999"))
        })?
        .to_le_bytes();
    Ok([low, high, narrow(day.month()), narrow(day.day())])
}

fn narrow(number: u32) -> u8 {
    u8::try_from(number).expect("parts of dates and times are small")
}

fn instant(us: i64, digits: u32) -> Result<[u8; 12], ValueError> {
    let time = DateTime::from_timestamp_micros(us).ok_or_else(far)?.naive_utc();
    whole(us, digits)?;
    let [low, high, month, day] = date(time.date())?;
    let (hour, minute, second) = (narrow(time.hour()), narrow(time.minute()), narrow(time.second()));
    let [a, b, c, d] = (time.nanosecond() / 1000).to_le_bytes();
    Ok([11, low, high, month, day, hour, minute, second, a, b, c, d])
}

fn time(us: i64, digits: u32) -> Result<[u8; 13], String> {
    whole(us, digits)?;
    let seconds = u32::try_from(us / 1_000_000).map_err(|_| "a time of a day is not negative")?;
    let part = u32::try_from(us % 1_000_000).map_err(|_| "a time of a day is not negative")?;
    let [a, b, c, d] = part.to_le_bytes();
    let (hour, minute, second) = (narrow(seconds / 3600), narrow(seconds / 60 % 60), narrow(seconds % 60));
    Ok([12, 0, 0, 0, 0, 0, hour, minute, second, a, b, c, d])
}

/// The server would round what is finer than its column.
fn whole(us: i64, digits: u32) -> Result<(), String> {
    let unit = 10_i64.pow(6_u32.saturating_sub(digits));
    if us % unit == 0 {
        Ok(())
    } else {
        Err(format!("a time is finer than the column, which has {digits} digits of a second"))
    }
}
