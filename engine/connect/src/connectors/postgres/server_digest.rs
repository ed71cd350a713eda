//! Digests that the server computes itself, and the same computed here.
//!
//! A row's hash is the exclusive or of its columns' hashes, each with a seed of its own; a digest is the sum of the
//! rows' hashes modulo 2^64. What of a value is hashed depends on its declared type and not on how it is carried. The
//! server computes it at a third of what a transfer of the rows costs.

use super::{
    describe::Carried,
    encode::{self, Cells, Shape},
    numeric, partition_hash,
    statement::quote,
    types::Wire,
};
use crate::arrow::digest::{Digest, RowDigester};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{Decimal128Type, Int16Type, Int32Type, Int64Type},
};

/// The SQL that digests rows of these columns: their count and the sum of their hashes. `None` if a column's values
/// have no form that is the same on both sides.
pub fn sql(columns: &[&Carried], from: &str) -> Option<String> {
    let each = columns.iter().enumerate().map(|(at, column)| Some(Form::of(column)?.sql(column, seed(at))));
    let hashes: Vec<String> = each.collect::<Option<_>>()?;
    let row = if hashes.is_empty() { "0".to_owned() } else { hashes.join(" # ") };
    Some(format!("select count(*), coalesce(sum({row}), 0)::text from {from}"))
}

fn seed(at: usize) -> u64 {
    at as u64 + 1
}

/// Reads what [`sql`] gives.
pub fn digest(rows: i64, sum: &str) -> Option<Digest> {
    let sum: i128 = sum.parse().ok()?;
    let low = sum.rem_euclid(1 << 64);
    Some(Digest { rows: rows.unsigned_abs(), sum: low.unsigned_abs() })
}

/// What of a value is hashed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Bool,
    Int,
    Long,
    /// The bytes of a text.
    Text,
    /// A decimal as it is written.
    Number,
    /// Microseconds.
    Time,
    Uuid,
    /// The hexadecimal digits of the wire.
    Hex,
}

impl Form {
    /// Of a column; `None` if there is none that is the same on both sides.
    fn of(column: &Carried) -> Option<Self> {
        // A jsonb writes its texts anew, and arrays may remember NULLs that they no longer have.
        if matches!(column.kind.wire, Wire::Jsonb | Wire::List(..) | Wire::RawArray) || !column.chosen.exact() {
            return None;
        }
        // A number carried with more or fewer digits is written otherwise.
        if let Wire::Numeric(p, s) = column.kind.wire
            && column.declared != format!("numeric({p},{s})")
        {
            return None;
        }
        Some(match column.send.as_str() {
            _ if column.kind.as_text => Self::Text,
            "boolsend" => Self::Bool,
            "int2send" | "int4send" => Self::Int,
            "int8send" => Self::Long,
            "textsend" | "varcharsend" | "enum_send" | "json_send" => Self::Text,
            "numeric_send" => Self::Number,
            "time_send" | "timestamp_send" | "timestamptz_send" => Self::Time,
            "uuid_send" => Self::Uuid,
            _ => Self::Hex,
        })
    }

    fn sql(self, column: &Carried, seed: u64) -> String {
        let (name, send) = (quote(&column.name), &column.send);
        let hash = match self {
            Self::Bool => format!("hashint4extended({name}::int4, {seed})"),
            Self::Int => format!("hashint4extended({name}, {seed})"),
            Self::Long => format!("hashint8extended({name}, {seed})"),
            Self::Text | Self::Number => format!("hashtextextended({} collate \"C\", {seed})", column.text()),
            Self::Time if send == "time_send" => format!("time_hash_extended({name}, {seed})"),
            Self::Time if send == "timestamp_send" => format!("timestamp_hash_extended({name}, {seed})"),
            Self::Time => format!("timestamp_hash_extended({name} at time zone 'UTC', {seed})"),
            Self::Uuid => format!("uuid_hash_extended({name}, {seed})"),
            Self::Hex => format!("hashtextextended(encode({send}({name}), 'hex') collate \"C\", {seed})"),
        };
        format!("coalesce({hash}, {seed})")
    }
}

/// Digests rows here.
pub struct ServerDigester {
    columns: Vec<(Shape, Form)>,
    digest: Digest,
    /// Where a value's form is put together.
    form: Vec<u8>,
}

impl ServerDigester {
    /// For rows written as these shapes into columns that look like that; `None` as for [`sql`].
    pub fn new(columns: &[(Shape, &Carried)]) -> Option<Self> {
        let each = columns.iter().map(|(shape, carried)| Some((shape.clone(), Form::of(carried)?)));
        Some(Self { columns: each.collect::<Option<_>>()?, digest: Digest::default(), form: vec![] })
    }
}

impl RowDigester for ServerDigester {
    fn add(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let mut rows = vec![0_u64; batch.num_rows()];
        for (at, ((shape, form), array)) in self.columns.iter().zip(batch.columns()).enumerate() {
            let array = encode::exactly(array, &shape.data_type)?;
            if !plain(&array, &shape.wire, *form, (seed(at), &mut self.form), &mut rows) {
                wired(&array, shape, *form, (seed(at), &mut self.form), &mut rows)?;
            }
        }
        // The server adds signed numbers, which is the same modulo 2^64.
        let sum = rows.iter().fold(0_u64, |sum, hash| sum.wrapping_add(*hash));
        self.join(Digest { rows: batch.num_rows() as u64, sum: sum.into() });
        Ok(())
    }

    fn join(&mut self, other: Digest) {
        let both = self.digest.with(other);
        self.digest = Digest { sum: both.sum & u128::from(u64::MAX), ..both };
    }

    fn digest(&self) -> Digest {
        self.digest
    }
}

/// Hashes values that need no wire for it; says whether these are such.
fn plain(array: &ArrayRef, wire: &Wire, form: Form, (seed, text): (u64, &mut Vec<u8>), rows: &mut [u64]) -> bool {
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
    match (form, wire) {
        (Form::Bool, Wire::Bool) => each!(array.as_boolean(), v => partition_hash::int4(v.into(), seed)),
        (Form::Int, Wire::Int2) => each!(array.as_primitive::<Int16Type>(), v => partition_hash::int4(v.into(), seed)),
        (Form::Int, Wire::Int4) => each!(array.as_primitive::<Int32Type>(), v => partition_hash::int4(v, seed)),
        (Form::Long, Wire::Int8) => each!(array.as_primitive::<Int64Type>(), v => partition_hash::int8(v, seed)),
        (Form::Text, Wire::Text) => each!(array.as_string::<i32>(), v => partition_hash::bytes(v.as_bytes(), seed)),
        (Form::Number, Wire::Numeric(p, s)) if *p <= 38 => {
            each!(array.as_primitive::<Decimal128Type>(), v => {
                numeric::write_text(v, s.unsigned_abs(), text);
                partition_hash::bytes(text, seed)
            });
        }
        _ => return false,
    }
    true
}

/// Hashes values by what they are on the wire.
fn wired(
    array: &ArrayRef,
    shape: &Shape,
    form: Form,
    (seed, text): (u64, &mut Vec<u8>),
    rows: &mut [u64],
) -> Result<(), String> {
    let cells = Cells::of(array, &shape.wire, None);
    let mut wire = vec![];
    for (at, row) in rows.iter_mut().enumerate() {
        if array.is_null(at) {
            *row ^= seed;
            continue;
        }
        wire.clear();
        cells.write(at, &mut wire).map_err(|refused| format!("column `{}`: {refused}", shape.name))?;
        let value = &wire[4..];
        *row ^= match form {
            Form::Time => {
                let time = value.try_into().map_err(|_| "a time has not 8 bytes")?;
                partition_hash::int8(i64::from_be_bytes(time), seed)
            }
            Form::Uuid | Form::Text => partition_hash::bytes(value, seed),
            Form::Number => partition_hash::bytes(numeric::text(value, usize::MAX).as_bytes(), seed),
            _ => {
                let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
                text.clear();
                text.extend(value.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
                partition_hash::bytes(text, seed)
            }
        };
    }
    Ok(())
}
