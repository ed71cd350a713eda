//! Rows as records of the schema that [`declare`](super::record_schema) gives them.

use datafusion::arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type,
        Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt64Type,
    },
};

/// Rows, to be written one by one.
pub struct Rows<'a>(Vec<&'a dyn Array>);

impl<'a> Rows<'a> {
    /// Of a batch.
    pub fn of(batch: &'a RecordBatch) -> Self {
        Self(batch.columns().iter().map(AsRef::as_ref).collect())
    }

    /// Adds a row's record.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        for column in &self.0 {
            // Which of null and the type it is.
            long(i64::from(column.is_valid(row)), out);
            if column.is_valid(row) {
                value(*column, row, out);
            }
        }
    }
}

fn value(column: &dyn Array, row: usize, out: &mut Vec<u8>) {
    match column.data_type() {
        DataType::Boolean => out.push(column.as_boolean().value(row).into()),
        DataType::Int16 => long(column.as_primitive::<Int16Type>().value(row).into(), out),
        DataType::Int32 => long(column.as_primitive::<Int32Type>().value(row).into(), out),
        DataType::Int64 => long(column.as_primitive::<Int64Type>().value(row), out),
        DataType::UInt64 => {
            let n = column.as_primitive::<UInt64Type>().value(row);
            whole(&i128::from(n).to_be_bytes(), out);
        }
        DataType::Float32 => out.extend(column.as_primitive::<Float32Type>().value(row).to_le_bytes()),
        DataType::Float64 => out.extend(column.as_primitive::<Float64Type>().value(row).to_le_bytes()),
        DataType::Decimal128(..) => whole(&column.as_primitive::<Decimal128Type>().value(row).to_be_bytes(), out),
        DataType::Decimal256(..) => whole(&column.as_primitive::<Decimal256Type>().value(row).to_be_bytes(), out),
        DataType::Utf8 => bytes(column.as_string::<i32>().value(row).as_bytes(), out),
        DataType::Binary => bytes(column.as_binary::<i32>().value(row), out),
        DataType::Date32 => long(column.as_primitive::<Date32Type>().value(row).into(), out),
        DataType::Time64(_) => long(column.as_primitive::<Time64MicrosecondType>().value(row), out),
        DataType::Timestamp(..) => long(column.as_primitive::<TimestampMicrosecondType>().value(row), out),
        other => unreachable!("a schema has no {other}"),
    }
}

fn long(n: i64, out: &mut Vec<u8>) {
    let mut bits = ((n << 1) ^ (n >> 63)).cast_unsigned();
    while bits >= 0x80 {
        out.push(u8::try_from(bits & 0x7f).expect("these are seven bits") | 0x80);
        bits >>= 7;
    }
    out.push(u8::try_from(bits).expect("these are seven bits"));
}

fn bytes(bytes: &[u8], out: &mut Vec<u8>) {
    long(i64::try_from(bytes.len()).expect("no value is that long"), out);
    out.extend_from_slice(bytes);
}

/// A whole number in as few bytes as tell it and its sign.
fn whole(all: &[u8], out: &mut Vec<u8>) {
    let sign = if all[0] & 0x80 == 0 { 0 } else { 0xff };
    let spare = all.windows(2).take_while(|pair| pair[0] == sign && pair[1] & 0x80 == sign & 0x80).count();
    bytes(&all[spare..], out);
}
