//! PostgreSQL's types, as the Arrow types that carry them.
//!
//! <https://www.postgresql.org/docs/current/typeconv-func.html> says which of several functions is meant.

use datafusion::{
    arrow::datatypes::{DataType, IntervalUnit, TimeUnit},
    error::{DataFusionError, Result},
};
use std::fmt;

/// A type of PostgreSQL's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `numeric`
    Numeric,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `text`, and what is read as one
    Text,
    /// `date`
    Date,
    /// `time`
    Time,
    /// `timestamp`
    Timestamp,
    /// `timestamptz`
    TimestampTz,
    /// `interval`
    Interval,
    /// NULL, or a quoted literal that has no type yet.
    Unknown,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind that an Arrow type carries.
    pub fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Bool,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::Int2,
            DataType::Int32 | DataType::UInt16 => Self::Int4,
            DataType::Int64 | DataType::UInt32 => Self::Int8,
            DataType::UInt64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Numeric,
            DataType::Float16 | DataType::Float32 => Self::Float4,
            DataType::Float64 => Self::Float8,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz,
            DataType::Interval(_) => Self::Interval,
            DataType::Null => Self::Unknown,
            DataType::Dictionary(_, value) => Self::of(value),
            _ => Self::Other,
        }
    }

    /// The Arrow type of our own results; a `numeric` has none until its digits are known.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int2 => DataType::Int16,
            Self::Int4 => DataType::Int32,
            Self::Int8 => DataType::Int64,
            Self::Numeric => DataType::Decimal128(38, 0),
            Self::Float4 => DataType::Float32,
            Self::Float8 => DataType::Float64,
            Self::Text | Self::Unknown | Self::Other => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        }
    }

    /// Where a value of this kind is taken for another without being asked: the implicit casts of `pg_cast`.
    pub fn becomes(self, other: Self) -> bool {
        use Kind::{Date, Float4, Float8, Int2, Int4, Int8, Interval, Numeric, Time, Timestamp, TimestampTz, Unknown};
        self == other
            || self == Unknown
            || matches!(
                (self, other),
                (Int2, Int4 | Int8 | Numeric | Float4 | Float8)
                    | (Int4, Int8 | Numeric | Float4 | Float8)
                    | (Int8, Numeric | Float4 | Float8)
                    | (Numeric, Float4 | Float8)
                    | (Float4, Float8)
                    | (Date, Timestamp | TimestampTz)
                    | (Timestamp, TimestampTz)
                    | (Time, Interval)
            )
    }

    /// Whether it is the one of its category that is preferred where several would do.
    pub fn preferred(self) -> bool {
        matches!(self, Self::Bool | Self::Float8 | Self::Text | Self::TimestampTz | Self::Interval)
    }

    /// Whether it is a number.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8 | Self::Numeric | Self::Float4 | Self::Float8)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "boolean",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Numeric => "numeric",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Text => "text",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Interval => "interval",
            Self::Unknown => "unknown",
            Self::Other => "another type",
        })
    }
}

/// The scale of results of which each value has a scale of its own: quotients, averages, roots.
pub const VARIABLE_SCALE: u8 = 28;
/// The scale up to which 38 digits leave room for whole numbers as large as a bigint.
const ROOMY_SCALE: u8 = 20;

/// How a `numeric` is carried that has so many digits before its point, and so many behind it.
pub fn decimal(whole: u32, scale: u8) -> Result<DataType> {
    let digits = (whole + u32::from(scale)).max(1);
    let signed = i8::try_from(scale).map_err(|_| too_wide())?;
    match u8::try_from(digits) {
        Ok(digits) if digits <= 38 => Ok(DataType::Decimal128(digits, signed)),
        _ if scale <= ROOMY_SCALE => Ok(DataType::Decimal128(38, signed)),
        Ok(digits) if digits <= 76 => Ok(DataType::Decimal256(digits, signed)),
        _ if scale <= 58 => Ok(DataType::Decimal256(76, signed)),
        _ => Err(too_wide()),
    }
}

fn too_wide() -> DataFusionError {
    DataFusionError::Plan(
        "a numeric with more than 76 digits is not supported: round what is multiplied or divided, `round(x, 6)`"
            .into(),
    )
}

/// The digits before and behind the point of what a type carries as `numeric`.
pub fn digits(data_type: &DataType) -> (u32, u8) {
    match data_type {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => {
            let behind = u8::try_from(*s).unwrap_or(0);
            let whole = i32::from(*p) - i32::from(*s);
            (u32::try_from(whole).unwrap_or(0), behind)
        }
        DataType::Dictionary(_, value) => digits(value),
        // Of a text nobody knows.
        _ => (20, VARIABLE_SCALE),
    }
}
