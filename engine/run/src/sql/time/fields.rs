//! `extract`, `date_part` and `date_trunc`.
//!
//! <https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-EXTRACT>

use crate::sql::{
    calendar::{Parts, days, iso_week, parts, timestamp},
    failed::failed,
    interval::Interval,
    kind::Kind,
    numeric::Numeric,
    session_zone::Zone,
    units::{DAY, HOUR, MINUTE, SECOND},
    value::{Column, Value, column},
};
use datafusion::{
    arrow::{
        array::ArrayRef,
        datatypes::{DataType, Field as ArrowField, FieldRef},
    },
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
        expr::ScalarFunction,
        planner::{ExprPlanner, PlannerResult},
    },
};
use std::sync::Arc;

/// A part of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Dow,
    Isodow,
    Doy,
    Isoyear,
    Epoch,
    Julian,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

impl Field {
    /// By any of its names.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "microseconds" | "microsecond" | "us" | "usec" | "usecs" | "usecond" | "useconds" => Self::Microseconds,
            "milliseconds" | "millisecond" | "ms" | "msec" | "msecs" | "mseconds" => Self::Milliseconds,
            "second" | "seconds" | "s" | "sec" | "secs" => Self::Second,
            "minute" | "minutes" | "m" | "min" | "mins" => Self::Minute,
            "hour" | "hours" | "h" | "hr" | "hrs" => Self::Hour,
            "day" | "days" | "d" => Self::Day,
            "week" | "weeks" | "w" => Self::Week,
            "month" | "months" | "mon" | "mons" => Self::Month,
            "quarter" | "qtr" => Self::Quarter,
            "year" | "years" | "y" | "yr" | "yrs" => Self::Year,
            "decade" | "decades" | "dec" | "decs" => Self::Decade,
            "century" | "centuries" | "c" | "cent" => Self::Century,
            "millennium" | "millennia" | "mil" | "mils" => Self::Millennium,
            "dow" => Self::Dow,
            "isodow" => Self::Isodow,
            "doy" => Self::Doy,
            "isoyear" => Self::Isoyear,
            "epoch" => Self::Epoch,
            "julian" | "j" | "jd" => Self::Julian,
            "timezone" => Self::Timezone,
            "timezone_hour" | "timezone_h" => Self::TimezoneHour,
            "timezone_minute" | "timezone_m" => Self::TimezoneMinute,
            _ => return None,
        })
    }

    /// Digits behind the point of what `extract` gives.
    fn scale(self) -> u8 {
        match self {
            Self::Second | Self::Epoch => 6,
            Self::Milliseconds => 3,
            Self::Julian => 20,
            _ => 0,
        }
    }
}

fn unsupported(field: Field, kind: Kind) -> DataFusionError {
    failed(format!("unit \"{}\" not supported for type {kind}", format!("{field:?}").to_lowercase()))
}

/// The part of a moment or an interval, as a number.
pub fn part(value: &Value, field: Field, zone: &Zone) -> Result<Numeric> {
    match value {
        Value::Date(day) if of_days(field) => of_parts(&parts(timestamp_of(*day)?), *day, field, Kind::Date),
        Value::Date(day) if matches!(field, Field::Epoch) => Ok(Numeric::from(day * (DAY / SECOND))),
        Value::Date(_) => Err(unsupported(field, Kind::Date)),
        Value::Timestamp(us) => stamped(*us, *us, field, Kind::Timestamp),
        Value::TimestampTz(us) => {
            let offset = zone.offset(*us)?;
            match field {
                Field::Timezone => Ok(Numeric::from(offset / SECOND)),
                Field::TimezoneHour => Ok(Numeric::from(offset / HOUR)),
                Field::TimezoneMinute => Ok(Numeric::from(offset % HOUR / MINUTE)),
                _ => stamped(us + offset, *us, field, Kind::TimestampTz),
            }
        }
        Value::Time(us) => match field {
            Field::Epoch => Ok(Numeric::new(*us, 6)),
            Field::Microseconds | Field::Milliseconds | Field::Second | Field::Minute | Field::Hour => {
                of_time(*us, field).ok_or_else(|| unsupported(field, Kind::Time))
            }
            _ => Err(unsupported(field, Kind::Time)),
        },
        Value::Interval(value) => of_interval(value, field),
        other => Err(failed(format!("extract does not take {other:?}"))),
    }
}

fn timestamp_of(day: i64) -> Result<i64> {
    day.checked_mul(DAY).ok_or_else(|| failed("date out of range"))
}

fn of_days(field: Field) -> bool {
    use Field::{Century, Day, Decade, Dow, Doy, Isodow, Isoyear, Julian, Millennium, Month, Quarter, Week, Year};
    matches!(
        field,
        Day | Week | Month | Quarter | Year | Decade | Century | Millennium | Dow | Isodow | Doy | Isoyear | Julian
    )
}

fn stamped(local: i64, instant: i64, field: Field, kind: Kind) -> Result<Numeric> {
    if field == Field::Epoch {
        return Ok(Numeric::new(instant, 6));
    }
    of_parts(&parts(local), local.div_euclid(DAY), field, kind)
}

fn of_time(us: i64, field: Field) -> Option<Numeric> {
    Some(match field {
        Field::Microseconds => Numeric::from(us % MINUTE),
        Field::Milliseconds => Numeric::new(us % MINUTE, 3),
        Field::Second => Numeric::new(us % MINUTE, 6),
        Field::Minute => Numeric::from(us % HOUR / MINUTE),
        Field::Hour => Numeric::from(us / HOUR),
        _ => return None,
    })
}

fn of_parts(at: &Parts, day: i64, field: Field, kind: Kind) -> Result<Numeric> {
    if let Some(time) = of_time(at.time, field) {
        return Ok(time);
    }
    // Before the first year there is none of number zero.
    let counted = |year: i64| if year > 0 { year } else { year - 1 };
    let rounded = |year: i64, by: i64| if year > 0 { (year + by - 1) / by } else { -((by - year) / by) };
    Ok(Numeric::from(match field {
        Field::Day => at.day,
        Field::Week => iso_week(day).1,
        Field::Month => at.month,
        Field::Quarter => (at.month - 1) / 3 + 1,
        Field::Year => counted(at.year),
        Field::Decade => at.year.div_euclid(10),
        Field::Century => rounded(at.year, 100),
        Field::Millennium => rounded(at.year, 1000),
        Field::Dow => (day + 4).rem_euclid(7),
        Field::Isodow => iso_week(day).2,
        Field::Doy => day - days(at.year, 1, 1) + 1,
        Field::Isoyear => counted(iso_week(day).0),
        Field::Julian if kind == Kind::Date || at.time == 0 => day + 2_440_588,
        Field::Julian => {
            let part = Numeric::from(at.time).divide_at(&Numeric::from(DAY), 20)?;
            return Ok(Numeric::from(day + 2_440_588).add(&part));
        }
        _ => return Err(unsupported(field, kind)),
    }))
}

fn of_interval(value: &Interval, field: Field) -> Result<Numeric> {
    let (years, months) = (value.months / 12, value.months % 12);
    Ok(match field {
        Field::Microseconds => Numeric::from(value.micros % MINUTE),
        Field::Milliseconds => Numeric::new(value.micros % MINUTE, 3),
        Field::Second => Numeric::new(value.micros % MINUTE, 6),
        Field::Minute => Numeric::from(value.micros % HOUR / MINUTE),
        Field::Hour => Numeric::from(value.micros / HOUR),
        Field::Day => Numeric::from(value.days),
        Field::Month => Numeric::from(months),
        Field::Quarter => Numeric::from(months / 3 + 1),
        Field::Year => Numeric::from(years),
        Field::Decade => Numeric::from(years / 10),
        Field::Century => Numeric::from(years / 100),
        Field::Millennium => Numeric::from(years / 1000),
        // A year has 365.25 days, a month 30.
        Field::Epoch => {
            let days = i128::from(years) * 36_525 + (i128::from(months) * 30 + i128::from(value.days)) * 100;
            Numeric::new(days * i128::from(DAY) / 100 + i128::from(value.micros), 6)
        }
        _ => return Err(unsupported(field, Kind::Interval)),
    })
}

/// A moment with everything below a unit taken away.
pub fn truncated(us: i64, field: Field) -> Result<i64> {
    let at = parts(us);
    let first = |year: i64, month: i64| timestamp(days(year, month, 1), 0);
    let floored = |by: i64| at.year.div_euclid(by) * by;
    let counted =
        |by: i64| if at.year > 0 { (at.year + by - 1) / by * by - by + 1 } else { -((by - at.year) / by) * by + 1 };
    match field {
        Field::Microseconds => Ok(us),
        Field::Milliseconds => Ok(us - us.rem_euclid(1000)),
        Field::Second => Ok(us - us.rem_euclid(SECOND)),
        Field::Minute => Ok(us - us.rem_euclid(MINUTE)),
        Field::Hour => Ok(us - us.rem_euclid(HOUR)),
        Field::Day => Ok(us - us.rem_euclid(DAY)),
        Field::Week => {
            let day = us.div_euclid(DAY);
            timestamp(day - (iso_week(day).2 - 1), 0)
        }
        Field::Month => first(at.year, at.month),
        Field::Quarter => first(at.year, (at.month - 1) / 3 * 3 + 1),
        Field::Year => first(at.year, 1),
        Field::Decade => first(floored(10), 1),
        Field::Century => first(counted(100), 1),
        Field::Millennium => first(counted(1000), 1),
        _ => Err(unsupported(field, Kind::Timestamp)),
    }
}

/// An interval with everything below a unit taken away.
pub fn truncated_interval(value: &Interval, field: Field) -> Result<Interval> {
    let time = |unit: i64| Interval { micros: value.micros / unit * unit, ..*value };
    let months = |unit: i64| Interval { months: value.months / unit * unit, ..Interval::default() };
    Ok(match field {
        Field::Microseconds => *value,
        Field::Milliseconds => time(1000),
        Field::Second => time(SECOND),
        Field::Minute => time(MINUTE),
        Field::Hour => time(HOUR),
        Field::Day => Interval { micros: 0, ..*value },
        Field::Month => months(1),
        Field::Quarter => months(3),
        Field::Year => months(12),
        Field::Decade => months(120),
        Field::Century => months(1200),
        Field::Millennium => months(12_000),
        _ => return Err(unsupported(field, Kind::Interval)),
    })
}

/// `extract(field from x)`, whose digits depend on the field.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Extract {
    field: Field,
    signature: Signature,
}

/// Plans `extract`.
#[derive(Debug)]
pub struct Extracts;

impl ExprPlanner for Extracts {
    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let [Expr::Literal(name, _), moment] = args.as_slice() else { return Ok(PlannerResult::Original(args)) };
        let name = name.try_as_str().flatten().unwrap_or_default().trim_matches('\'').to_owned();
        let Some(field) = Field::parse(&name) else {
            return Err(DataFusionError::Plan(format!("unit \"{name}\" not recognized")));
        };
        let function = Extract { field, signature: Signature::any(1, Volatility::Immutable) };
        let function = Arc::new(ScalarUDF::new_from_impl(function));
        let call = ScalarFunction::new_udf(function, vec![moment.clone()]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

impl Extract {
    fn extract(&self, array: &ArrayRef, zone: &Zone, to: &DataType) -> Result<ArrayRef> {
        let source = Column::new(array, false)?;
        let values = (0..array.len()).map(|row| match source.value(row)? {
            Value::Null => Ok(Value::Null),
            value => part(&value, self.field, zone).map(Value::Numeric),
        });
        column(values, to)
    }
}

impl ScalarUDFImpl for Extract {
    fn name(&self) -> &'static str {
        "extract"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: String = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(format!("extract({:?} from {args})", self.field))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the type depends on the argument's field".into()))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let kind = Kind::of(args.arg_fields[0].data_type());
        if !matches!(
            kind,
            Kind::Date | Kind::Time | Kind::Timestamp | Kind::TimestampTz | Kind::Interval | Kind::Unknown
        ) {
            return Err(DataFusionError::Plan(format!(
                "extract does not take an argument of type {kind}: cast it, such as `cast(x as timestamp)`"
            )));
        }
        let to = DataType::Decimal128(38, i8::try_from(self.field.scale()).unwrap_or(0));
        Ok(Arc::new(ArrowField::new("extract", to, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let zone = Zone::of(&args.config_options)?;
        let to = args.return_field.data_type();
        match &args.args[..] {
            [ColumnarValue::Array(array)] => Ok(ColumnarValue::Array(self.extract(array, &zone, to)?)),
            [ColumnarValue::Scalar(value)] => {
                let array = self.extract(&value.to_array()?, &zone, to)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?))
            }
            _ => Err(DataFusionError::Internal("extract has one argument".into())),
        }
    }
}
