//! Digests that the server computes itself, and the same computed here.
//!
//! A row's hash is the exclusive or of its columns' hashes, each with a seed of its own; a digest is the sum of the
//! rows' hashes modulo 2^64. The server computes it at a third of what a transfer of the rows costs.

use super::{
    cells::EPOCH_DAYS,
    cells::EPOCH_US,
    describe::Carried,
    encode::{self, Cells, Shape},
    hash,
    statement::quote,
    types::Wire,
};
use crate::digest::{Digest, RowDigester};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{
        Date32Type, Decimal128Type, Decimal256Type, DecimalType, Int16Type, Int32Type, Int64Type,
        Time64MicrosecondType, TimestampMicrosecondType, UInt64Type,
    },
};

/// The SQL that digests rows of these columns: their count and the sum of their hashes. `None` if a column's values
/// have no form that is the same on both sides.
pub fn sql(columns: &[&Carried], from: &str) -> Option<String> {
    let each = columns.iter().enumerate().map(|(at, column)| expression(column, seed(at)));
    let hashes: Vec<String> = each.collect::<Option<_>>()?;
    let row = if hashes.is_empty() { "0".to_owned() } else { hashes.join(" # ") };
    Some(format!("select count(*), coalesce(sum({row}), 0)::text from {from}"))
}

fn seed(at: usize) -> u64 {
    at as u64 + 1
}

fn expression(column: &Carried, seed: u64) -> Option<String> {
    let name = quote(&column.name);
    let text = |value: String| format!("hashtextextended({value} collate \"C\", {seed})");
    let hash = match &column.kind.wire {
        // A jsonb writes its texts anew, and arrays may remember NULLs that they no longer have.
        Wire::Jsonb | Wire::List(..) | Wire::RawArray => return None,
        _ if !column.chosen.exact() => return None,
        Wire::Bool => format!("hashint4extended({name}::int4, {seed})"),
        Wire::Int2 | Wire::Int4 => format!("hashint4extended({name}, {seed})"),
        Wire::Int8 => format!("hashint8extended({name}, {seed})"),
        Wire::Date => format!("hashint4extended({name} - date '2000-01-01', {seed})"),
        Wire::Time => format!("time_hash_extended({name}, {seed})"),
        Wire::Timestamp => format!("timestamp_hash_extended({name}, {seed})"),
        Wire::TimestampTz => format!("timestamp_hash_extended({name} at time zone 'UTC', {seed})"),
        Wire::Uuid => format!("uuid_hash_extended({name}, {seed})"),
        Wire::Bytes => text(format!("encode({name}, 'hex')")),
        // As text it would lose the spaces at its end.
        Wire::Text if padded(column) => text(format!("encode(bpcharsend({name}), 'hex')")),
        Wire::Text | Wire::Numeric(..) | Wire::Unsigned => text(format!("{name}::text")),
        Wire::Float4 | Wire::Float8 | Wire::Interval | Wire::Raw => {
            text(format!("encode({}({name}), 'hex')", column.send))
        }
    };
    Some(format!("coalesce({hash}, {seed})"))
}

/// Whether texts of a column have spaces at their end that a cast takes away.
fn padded(column: &Carried) -> bool {
    column.send == "bpcharsend" && !column.kind.as_text
}

/// Reads what [`sql`] gives.
pub fn digest(rows: i64, sum: &str) -> Option<Digest> {
    let sum: i128 = sum.parse().ok()?;
    let low = sum.rem_euclid(1 << 64);
    Some(Digest { rows: rows.unsigned_abs(), sum: low.unsigned_abs() })
}

/// Digests rows here.
pub struct Inside {
    columns: Vec<(Shape, Form)>,
    digest: Digest,
    /// Where a value's form is put together.
    form: Vec<u8>,
}

/// What of a value is hashed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    /// The hexadecimal digits of its wire.
    Hex,
}

impl Inside {
    /// For rows written as these shapes into columns that look like that; `None` as for [`sql`].
    pub fn new(columns: &[(Shape, &Carried)]) -> Option<Self> {
        let form = |(shape, carried): &(Shape, &Carried)| {
            expression(carried, 0)?;
            let hex = padded(carried)
                || matches!(shape.wire, Wire::Bytes | Wire::Raw | Wire::Float4 | Wire::Float8 | Wire::Interval);
            Some((shape.clone(), if hex { Form::Hex } else { Form::Plain }))
        };
        let columns = columns.iter().map(form).collect::<Option<_>>()?;
        Some(Self { columns, digest: Digest::default(), form: vec![] })
    }
}

impl RowDigester for Inside {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let mut rows = vec![0_u64; batch.num_rows()];
        for (at, ((shape, form), array)) in self.columns.iter().zip(batch.columns()).enumerate() {
            let array = encode::exactly(array, &shape.data_type)?;
            match form {
                Form::Hex => hex(&array, shape, seed(at), &mut rows, &mut self.form)?,
                Form::Plain => plain(&array, &shape.wire, seed(at), &mut rows, &mut self.form)?,
            }
        }
        // The server adds signed numbers, which is the same modulo 2^64.
        let sum = rows.iter().fold(0_u64, |sum, hash| sum.wrapping_add(*hash));
        let low = u64::try_from(self.digest.sum & u128::from(u64::MAX)).expect("64 bits were taken");
        self.digest = Digest { rows: self.digest.rows + batch.num_rows() as u64, sum: low.wrapping_add(sum).into() };
        Ok(())
    }

    fn digest(&self) -> Digest {
        self.digest
    }
}

fn hex(array: &ArrayRef, shape: &Shape, seed: u64, rows: &mut [u64], form: &mut Vec<u8>) -> Result<(), String> {
    let cells = Cells::of(array, &shape.wire, None);
    let mut wire = vec![];
    for (at, row) in rows.iter_mut().enumerate() {
        if array.is_null(at) {
            *row ^= seed;
            continue;
        }
        wire.clear();
        form.clear();
        cells.write(at, &mut wire).map_err(|refused| format!("column `{}`: {refused}", shape.name))?;
        let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
        form.extend(wire[4..].iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        *row ^= hash::bytes(form, seed);
    }
    Ok(())
}

fn plain(array: &ArrayRef, wire: &Wire, seed: u64, rows: &mut [u64], form: &mut Vec<u8>) -> Result<(), String> {
    macro_rules! each {
        ($values:expr, $value:ident => $hash:expr) => {{
            let values = $values;
            for (at, row) in rows.iter_mut().enumerate() {
                *row ^= if values.is_null(at) {
                    seed
                } else {
                    let $value = values.value(at);
                    $hash
                };
            }
        }};
    }
    match wire {
        Wire::Bool => each!(array.as_boolean(), v => hash::int4(v.into(), seed)),
        Wire::Int2 => each!(array.as_primitive::<Int16Type>(), v => hash::int4(v.into(), seed)),
        Wire::Int4 => each!(array.as_primitive::<Int32Type>(), v => hash::int4(v, seed)),
        Wire::Int8 => each!(array.as_primitive::<Int64Type>(), v => hash::int8(v, seed)),
        Wire::Date => each!(array.as_primitive::<Date32Type>(), v => hash::int4(v.wrapping_sub(EPOCH_DAYS), seed)),
        Wire::Time => each!(array.as_primitive::<Time64MicrosecondType>(), v => hash::int8(v, seed)),
        Wire::Timestamp | Wire::TimestampTz => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            each!(times, v => hash::int8(v.wrapping_sub(EPOCH_US), seed));
        }
        Wire::Unsigned => each!(array.as_primitive::<UInt64Type>(), v => number(i128::from(v), 0, seed, form)),
        Wire::Numeric(p, s) if *p <= 38 => {
            each!(array.as_primitive::<Decimal128Type>(), v => number(v, s.unsigned_abs(), seed, form));
        }
        Wire::Numeric(p, s) => {
            let numbers = array.as_primitive::<Decimal256Type>();
            each!(numbers, v => hash::bytes(Decimal256Type::format_decimal(v, *p, *s).as_bytes(), seed));
        }
        Wire::Text => each!(array.as_string::<i32>(), v => hash::bytes(v.as_bytes(), seed)),
        Wire::Uuid => {
            let values = array.as_string::<i32>();
            for (at, row) in rows.iter_mut().enumerate() {
                let bytes = if values.is_null(at) { None } else { Some(encode::uuid(values.value(at))) };
                let bytes = bytes.transpose().map_err(|refused| refused.to_string())?;
                *row ^= bytes.map_or(seed, |bytes| hash::bytes(&bytes, seed));
            }
        }
        other => return Err(format!("{other:?} is not digested as it is")),
    }
    Ok(())
}

/// The hash of a decimal as PostgreSQL writes it.
fn number(number: i128, scale: u8, seed: u64, form: &mut Vec<u8>) -> u64 {
    form.clear();
    let scale = usize::from(scale);
    let digit = |digit: u8, form: &mut Vec<u8>| {
        if form.len() == scale && scale > 0 {
            form.push(b'.');
        }
        form.push(b'0' + digit);
    };
    let mut rest = number.unsigned_abs();
    // Divisions of 128 bits are slow, and rarely needed.
    while rest > u128::from(u64::MAX) {
        digit(u8::try_from(rest % 10).expect("a digit is below 10"), form);
        rest /= 10;
    }
    let mut rest = u64::try_from(rest).expect("64 bits are left");
    while rest > 0 || form.len() <= scale {
        digit(u8::try_from(rest % 10).expect("a digit is below 10"), form);
        rest /= 10;
    }
    if number < 0 {
        form.push(b'-');
    }
    form.reverse();
    hash::bytes(form, seed)
}
