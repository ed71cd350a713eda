//! What a value is cast to: a type, and the length that SQL may give it.

use crate::sql::kind::{Kind, decimal, digits};
use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef, TimeUnit},
    error::{DataFusionError, Result},
    logical_expr::planner::TypePlanner,
    sql::sqlparser::ast::{CharacterLength, DataType as Sql, ExactNumberInfo, TimezoneInfo},
};
use std::{collections::HashMap, sync::Arc};

/// A field's metadata under which the length of a type is kept.
const LENGTH: &str = "engine.length";

/// What stands in parentheses behind a type's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Length {
    /// Nothing.
    None,
    /// `numeric(precision, scale)`
    Digits(u8, i8),
    /// `varchar(n)`
    Characters(usize),
    /// `char(n)`, whose blanks at the end mean nothing, and are left out here.
    Blanks(usize),
    /// `timestamp(n)`, `time(n)`
    Fraction(u8),
}

/// A type to cast to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The type.
    pub kind: Kind,
    /// Its length.
    pub length: Length,
    /// What carries the result.
    pub data_type: DataType,
}

impl Target {
    /// What a field that SQL's type was planned as means for a value of a type; `None` if the cast is DataFusion's affair.
    pub fn of(field: &Field, from: &DataType) -> Result<Option<Self>> {
        let kind = Kind::of(field.data_type());
        let length = match field.metadata().get(LENGTH).map(String::as_str) {
            Some(length) => read(length).unwrap_or(Length::None),
            None => match field.data_type() {
                DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => Length::Digits(*p, *s),
                _ => Length::None,
            },
        };
        let data_type = match (kind, length) {
            (Kind::Other | Kind::Unknown, _) => return Ok(None),
            (Kind::Numeric, _) if field.data_type().is_unsigned_integer() => return Ok(None),
            (Kind::Numeric, Length::None) => unconstrained(from)?,
            _ => field.data_type().clone(),
        };
        let ours = data_type == kind.data_type()
            || matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::Utf8View);
        Ok(ours.then_some(Self { kind, length, data_type }))
    }
}

/// How a value is carried that is cast to `numeric` without digits.
fn unconstrained(from: &DataType) -> Result<DataType> {
    let (whole, scale) = digits(from);
    decimal(whole, scale)
}

fn write(length: Length) -> String {
    match length {
        Length::None => "none".into(),
        Length::Digits(precision, scale) => format!("digits {precision} {scale}"),
        Length::Characters(most) => format!("characters {most}"),
        Length::Blanks(most) => format!("blanks {most}"),
        Length::Fraction(digits) => format!("fraction {digits}"),
    }
}

fn read(text: &str) -> Option<Length> {
    let words: Vec<&str> = text.split(' ').collect();
    Some(match words.as_slice() {
        ["none"] => Length::None,
        ["digits", precision, scale] => Length::Digits(precision.parse().ok()?, scale.parse().ok()?),
        ["characters", most] => Length::Characters(most.parse().ok()?),
        ["blanks", most] => Length::Blanks(most.parse().ok()?),
        ["fraction", digits] => Length::Fraction(digits.parse().ok()?),
        _ => return None,
    })
}

/// Plans the types that SQL names as those that we carry.
#[derive(Debug)]
pub struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql: &Sql) -> Result<Option<FieldRef>> {
        let (data_type, length) = match sql {
            Sql::Timestamp(digits, zone) => {
                let zoned = matches!(zone, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone);
                let kind = if zoned { Kind::TimestampTz } else { Kind::Timestamp };
                (kind.data_type(), fraction(*digits))
            }
            Sql::TimestampNtz(digits) | Sql::Datetime(digits) => (Kind::Timestamp.data_type(), fraction(*digits)),
            Sql::Time(digits, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
                (DataType::Time64(TimeUnit::Microsecond), fraction(*digits))
            }
            Sql::Numeric(info) | Sql::Decimal(info) | Sql::Dec(info) => return number(info).map(Some),
            Sql::Varchar(Some(length))
            | Sql::CharacterVarying(Some(length))
            | Sql::CharVarying(Some(length))
            | Sql::Nvarchar(Some(length)) => (DataType::Utf8, Length::Characters(characters(length)?)),
            Sql::CharacterVarying(None) | Sql::CharVarying(None) | Sql::Nvarchar(None) => {
                (DataType::Utf8, Length::None)
            }
            Sql::String(Some(length)) => {
                (DataType::Utf8, Length::Characters(usize::try_from(*length).unwrap_or(usize::MAX)))
            }
            Sql::Char(length) | Sql::Character(length) => {
                let most = length.as_ref().map(characters).transpose()?.unwrap_or(1);
                (DataType::Utf8, Length::Blanks(most))
            }
            Sql::Float(info) => return Ok(Some(float(info))),
            _ => return Ok(None),
        };
        Ok(Some(field(data_type, length)))
    }
}

fn field(data_type: DataType, length: Length) -> FieldRef {
    let metadata = HashMap::from([(LENGTH.to_owned(), write(length))]);
    Arc::new(Field::new("", data_type, true).with_metadata(metadata))
}

/// The field of a `numeric` without digits.
pub fn unconstrained_field() -> Field {
    field(DataType::Decimal128(38, 0), Length::None).as_ref().clone()
}

fn fraction(digits: Option<u64>) -> Length {
    match digits.and_then(|digits| u8::try_from(digits).ok()) {
        Some(digits) if digits < 6 => Length::Fraction(digits),
        _ => Length::None,
    }
}

fn characters(length: &CharacterLength) -> Result<usize> {
    match length {
        CharacterLength::IntegerLength { length: 0, .. } => {
            Err(DataFusionError::Plan("length for type varchar must be at least 1".into()))
        }
        CharacterLength::IntegerLength { length, .. } => Ok(usize::try_from(*length).unwrap_or(usize::MAX)),
        CharacterLength::Max => Ok(usize::MAX),
    }
}

/// `float` is `double precision`, unless 24 binary digits do.
fn float(info: &ExactNumberInfo) -> FieldRef {
    let single = matches!(info, ExactNumberInfo::Precision(digits) if *digits <= 24);
    field(if single { DataType::Float32 } else { DataType::Float64 }, Length::None)
}

fn number(info: &ExactNumberInfo) -> Result<FieldRef> {
    let (precision, scale) = match info {
        ExactNumberInfo::None => return Ok(field(DataType::Decimal128(38, 0), Length::None)),
        ExactNumberInfo::Precision(precision) => (*precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (*precision, *scale),
    };
    let fits = u8::try_from(precision).ok().filter(|precision| (1..=76).contains(precision));
    let (Some(precision), Ok(scale)) = (fits, i8::try_from(scale)) else {
        let message = format!("numeric({precision}, {scale}) is not supported: at most 76 digits are");
        return Err(DataFusionError::Plan(message));
    };
    if scale < 0 || i16::from(scale) > i16::from(precision) {
        let message =
            format!("numeric({precision}, {scale}) is not supported: its scale has to be between 0 and {precision}");
        return Err(DataFusionError::Plan(message));
    }
    let data_type =
        if precision <= 38 { DataType::Decimal128(precision, scale) } else { DataType::Decimal256(precision, scale) };
    Ok(field(data_type, Length::Digits(precision, scale)))
}
