//! Column types ↔ Arrow types: one Arrow type for each word of the language.

use datafusion::arrow::datatypes::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::{
    array::{Array, ArrayRef, AsArray, new_null_array},
    compute::{CastOptions, cast_with_options},
    datatypes::{Time64NanosecondType, TimestampNanosecondType},
};
use engine_language::{
    column::ColumnType,
    table::{Column, TableDefinition},
};
use std::sync::Arc;

/// Metadata of a field whose Arrow type does not tell everything: holds the column type's words.
pub const TYPE_KEY: &str = "engine.type";
/// Metadata of a field that its own system declares in other words: holds [`Column::native`].
pub const NATIVE_KEY: &str = "engine.native";

/// The Arrow type that carries a column type.
pub fn arrow_type(kind: &ColumnType) -> DataType {
    match kind {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::SmallInt => DataType::Int16,
        ColumnType::Int => DataType::Int32,
        ColumnType::BigInt => DataType::Int64,
        ColumnType::UBigInt => DataType::UInt64,
        ColumnType::Float => DataType::Float32,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal(precision, scale) if *precision <= 38 => DataType::Decimal128(*precision, *scale),
        ColumnType::Decimal(precision, scale) => DataType::Decimal256(*precision, *scale),
        ColumnType::Text(_) | ColumnType::Json | ColumnType::Uuid => DataType::Utf8,
        ColumnType::Bytes => DataType::Binary,
        ColumnType::Date => DataType::Date32,
        ColumnType::Time => DataType::Time64(TimeUnit::Microsecond),
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        ColumnType::List(item) => DataType::List(Arc::new(Field::new("item", arrow_type(item), true))),
    }
}

/// The column type whose Arrow type this is, or the narrowest that holds every value of it; `None` if there is none.
pub fn column_type(data_type: &DataType) -> Option<ColumnType> {
    Some(match data_type {
        DataType::Boolean => ColumnType::Bool,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => ColumnType::SmallInt,
        DataType::Int32 | DataType::UInt16 => ColumnType::Int,
        DataType::Int64 | DataType::UInt32 => ColumnType::BigInt,
        DataType::UInt64 => ColumnType::UBigInt,
        DataType::Float16 | DataType::Float32 => ColumnType::Float,
        DataType::Float64 => ColumnType::Double,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale)
            if *scale >= 0 =>
        {
            ColumnType::Decimal(*precision, *scale)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => ColumnType::Text(None),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            ColumnType::Bytes
        }
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Time32(_) | DataType::Time64(_) => ColumnType::Time,
        DataType::Timestamp(_, None) => ColumnType::Timestamp,
        DataType::Timestamp(_, Some(_)) => ColumnType::TimestampTz,
        DataType::Interval(_) => ColumnType::Interval,
        DataType::List(item) | DataType::LargeList(item) => ColumnType::List(Box::new(column_type(item.data_type())?)),
        DataType::Dictionary(_, value) => column_type(value)?,
        _ => return None,
    })
}

/// A column as an Arrow field; what Arrow cannot say goes into its metadata.
pub fn field(column: &Column) -> Field {
    let data_type = arrow_type(&column.kind);
    let told = column_type(&data_type).as_ref() == Some(&column.kind);
    let words = (!told).then(|| (TYPE_KEY.to_owned(), column.kind.to_string()));
    let native = column.native.clone().map(|native| (NATIVE_KEY.to_owned(), native));
    Field::new(&column.name, data_type, column.nullable).with_metadata(words.into_iter().chain(native).collect())
}

/// An Arrow field as a column; `None` if no column type carries it.
pub fn column(field: &Field) -> Option<Column> {
    let told = field.metadata().get(TYPE_KEY).and_then(|words| words.parse().ok());
    let kind = told.filter(|kind| arrow_type(kind) == *field.data_type());
    let kind = kind.or_else(|| column_type(field.data_type()))?;
    let native = native(field).map(str::to_owned);
    Some(Column { nullable: field.is_nullable(), native, ..Column::new(field.name(), kind) })
}

/// How its own system declares a field.
pub fn native(field: &Field) -> Option<&str> {
    field.metadata().get(NATIVE_KEY).map(String::as_str)
}

/// A definition's columns as an Arrow schema.
pub fn schema(definition: &TableDefinition) -> SchemaRef {
    Arc::new(Schema::new(definition.columns.iter().map(field).collect::<Vec<_>>()))
}

/// The schema in which results are carried to a sink: every type replaced by the one that [`column_type`] gives, and
/// nothing said of how a column was declared where it was read. `Err` names the first column that no column type carries.
pub fn carried(schema: &Schema) -> Result<SchemaRef, String> {
    let carried = |found: &Arc<Field>| {
        let column = column(found).ok_or_else(|| found.name().clone())?;
        Ok::<_, String>(field(&Column { native: None, ..column }))
    };
    let fields: Result<Vec<_>, String> = schema.fields().iter().map(carried).collect();
    Ok(Arc::new(Schema::new(fields?)))
}

/// A column in the type that it is written as, if every value stays what it is.
pub fn exactly(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    if array.data_type() == to {
        return Ok(array.clone());
    }
    if array.null_count() == array.len() {
        return Ok(new_null_array(to, array.len()));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let there = cast_with_options(array, to, &options).map_err(|error| error.to_string())?;
    if widened(array.data_type(), to) {
        return Ok(there);
    }
    let back = cast_with_options(&there, array.data_type(), &options).map_err(|error| error.to_string())?;
    if &back != array {
        return Err(format!("a value of {} cannot be kept exactly as {to}", array.data_type()));
    }
    Ok(there)
}

/// Whether no value of a type can change on its way into another, so that none needs to be looked at.
fn widened(from: &DataType, to: &DataType) -> bool {
    use DataType::{Binary, BinaryView, Boolean, FixedSizeBinary, LargeBinary, LargeUtf8, Utf8, Utf8View};
    match (from, to) {
        (Utf8View | LargeUtf8 | Utf8, Utf8) | (BinaryView | LargeBinary | FixedSizeBinary(_), Binary) => true,
        (Boolean, _) => false,
        _ if from.is_unsigned_integer() && to.is_signed_integer() => from.primitive_width() < to.primitive_width(),
        _ if from.is_signed_integer() && to.is_signed_integer() => from.primitive_width() <= to.primitive_width(),
        (DataType::Dictionary(_, value), _) => **value == *to || widened(value, to),
        _ => false,
    }
}

/// Whether all times have at most six digits of a second, which is what is carried.
pub fn whole_microseconds(array: &dyn Array) -> bool {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().iter().flatten().all(|ns| ns % 1000 == 0)
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            array.as_primitive::<Time64NanosecondType>().iter().flatten().all(|ns| ns % 1000 == 0)
        }
        _ => true,
    }
}
