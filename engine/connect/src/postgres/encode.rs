//! Arrow → binary COPY.

use super::{
    cells::{EPOCH_DAYS, EPOCH_US},
    numeric,
    types::Wire,
};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::{CastOptions, cast_with_options},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type,
        Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType, UInt64Type, i256,
    },
};

/// What stands before the rows.
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands after them.
pub const TRAILER: &[u8; 2] = b"\xff\xff";

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

/// Adds one row.
pub fn row(columns: &[ArrayRef], wires: &[Wire], at: usize, out: &mut Vec<u8>) -> Result<(), (usize, String)> {
    out.extend(i16::try_from(wires.len()).expect("PostgreSQL has at most 1600 columns").to_be_bytes());
    for (number, (column, wire)) in columns.iter().zip(wires).enumerate() {
        cell(column, wire, at, out).map_err(|why| (number, why))?;
    }
    Ok(())
}

fn cell(column: &ArrayRef, wire: &Wire, at: usize, out: &mut Vec<u8>) -> Result<(), String> {
    if column.is_null(at) {
        out.extend((-1_i32).to_be_bytes());
        return Ok(());
    }
    let start = out.len();
    out.extend([0; 4]);
    value(column, wire, at, out)?;
    let size = i32::try_from(out.len() - start - 4).map_err(|_| "a value has more than 2 GB")?;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
    Ok(())
}

fn value(column: &ArrayRef, wire: &Wire, at: usize, out: &mut Vec<u8>) -> Result<(), String> {
    match wire {
        Wire::Bool => out.push(column.as_boolean().value(at).into()),
        Wire::Int2 => out.extend(column.as_primitive::<Int16Type>().value(at).to_be_bytes()),
        Wire::Int4 => out.extend(column.as_primitive::<Int32Type>().value(at).to_be_bytes()),
        Wire::Int8 => out.extend(column.as_primitive::<Int64Type>().value(at).to_be_bytes()),
        Wire::Unsigned => numeric::encode(false, &column.as_primitive::<UInt64Type>().value(at).to_string(), 0, out),
        Wire::Float4 => out.extend(column.as_primitive::<Float32Type>().value(at).to_be_bytes()),
        Wire::Float8 => out.extend(column.as_primitive::<Float64Type>().value(at).to_be_bytes()),
        Wire::Numeric(p, s) if *p <= 38 => {
            let number = column.as_primitive::<Decimal128Type>().value(at);
            numeric::encode(number < 0, &number.unsigned_abs().to_string(), *s, out);
        }
        Wire::Numeric(_, s) => {
            let number = column.as_primitive::<Decimal256Type>().value(at);
            numeric::encode(number < i256::ZERO, &number.wrapping_abs().to_string(), *s, out);
        }
        Wire::Text => out.extend(text(column, at)?),
        Wire::Jsonb => {
            out.push(1);
            out.extend(text(column, at)?);
        }
        Wire::Uuid => out.extend(uuid(column.as_string::<i32>().value(at))?),
        Wire::Bytes => out.extend(column.as_binary::<i32>().value(at)),
        Wire::Date => {
            let days = column.as_primitive::<Date32Type>().value(at).checked_sub(EPOCH_DAYS);
            out.extend(days.ok_or("the date is too far away")?.to_be_bytes());
        }
        Wire::Time => out.extend(column.as_primitive::<Time64MicrosecondType>().value(at).to_be_bytes()),
        Wire::Timestamp | Wire::TimestampTz => {
            let time = column.as_primitive::<TimestampMicrosecondType>().value(at).checked_sub(EPOCH_US);
            out.extend(time.ok_or("the timestamp is too far away")?.to_be_bytes());
        }
        Wire::Interval => {
            let interval = column.as_primitive::<IntervalMonthDayNanoType>().value(at);
            if interval.nanoseconds % 1000 != 0 {
                return Err("an interval of parts of a microsecond cannot be kept".into());
            }
            out.extend((interval.nanoseconds / 1000).to_be_bytes());
            out.extend(interval.days.to_be_bytes());
            out.extend(interval.months.to_be_bytes());
        }
        Wire::List(item, number) => {
            let items = column.as_list::<i32>().value(at);
            let count = i32::try_from(items.len()).map_err(|_| "a list is too long")?;
            let dimensions = i32::from(count > 0);
            out.extend(dimensions.to_be_bytes());
            out.extend(i32::from(items.null_count() > 0).to_be_bytes());
            out.extend(number.to_be_bytes());
            if count > 0 {
                out.extend(count.to_be_bytes());
                out.extend(1_i32.to_be_bytes());
            }
            for at in 0..items.len() {
                cell(&items, item, at, out)?;
            }
        }
    }
    Ok(())
}

fn text(column: &ArrayRef, at: usize) -> Result<&[u8], String> {
    let text = column.as_string::<i32>().value(at).as_bytes();
    if text.contains(&0) {
        return Err("PostgreSQL has no texts with a NUL character".into());
    }
    Ok(text)
}

fn uuid(text: &str) -> Result<[u8; 16], String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32 && text.len() == 36);
    number.map(u128::to_be_bytes).ok_or_else(|| format!("`{text}` is no uuid"))
}
