//! `datediff(unit, from, to)` of other warehouses: how many borders of the unit lie between two times. Weeks begin on Monday.

use chrono::{DateTime, Datelike};
use datafusion::{
    arrow::{
        array::{Array, AsArray, Int64Array},
        datatypes::{DataType, TimeUnit, TimestampMicrosecondType},
    },
    common::{Result, ScalarValue, exec_err, plan_err},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};
use std::sync::Arc;

/// The function.
pub fn function() -> ScalarUDF {
    ScalarUDF::from(DateDiff { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateDiff {
    signature: Signature,
}

impl ScalarUDFImpl for DateDiff {
    fn name(&self) -> &'static str {
        "datediff"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, kinds: &[DataType]) -> Result<Vec<DataType>> {
        if kinds.len() != 3 {
            return plan_err!("datediff takes a unit and two times");
        }
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        Ok(vec![DataType::Utf8, time.clone(), time])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ColumnarValue::Scalar(ScalarValue::Utf8(Some(unit))) = &args.args[0] else {
            return plan_err!("the unit of datediff is written out, such as `day`");
        };
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let (from, to) = (args.args[1].to_array(rows)?, args.args[2].to_array(rows)?);
        let (from, to) =
            (from.as_primitive::<TimestampMicrosecondType>(), to.as_primitive::<TimestampMicrosecondType>());
        let difference = |row: usize| -> Result<Option<i64>> {
            if from.is_null(row) || to.is_null(row) {
                return Ok(None);
            }
            Ok(Some(number(unit, to.value(row))? - number(unit, from.value(row))?))
        };
        let differences = (0..rows).map(difference).collect::<Result<Int64Array>>()?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&differences, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(differences)))
    }
}

/// Which one a time's unit is, counted from somewhere.
fn number(unit: &str, micros: i64) -> Result<i64> {
    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;
    let Some(time) = DateTime::from_timestamp_micros(micros) else {
        return exec_err!("datediff of a time that no calendar has");
    };
    let months = i64::from(time.year()) * 12 + i64::from(time.month0());
    Ok(match unit {
        "year" => i64::from(time.year()),
        "quarter" => months.div_euclid(3),
        "month" => months,
        // 1970 began on a Thursday.
        "week" => (micros.div_euclid(DAY) + 3).div_euclid(7),
        "day" => micros.div_euclid(DAY),
        "hour" => micros.div_euclid(3600 * SECOND),
        "minute" => micros.div_euclid(60 * SECOND),
        "second" => micros.div_euclid(SECOND),
        "millisecond" => micros.div_euclid(1000),
        "microsecond" => micros,
        other => return plan_err!("datediff does not know the unit `{other}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_are_counted_and_not_lengths() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
        let between = |unit, a, b| number(unit, at(b)).unwrap() - number(unit, at(a)).unwrap();
        assert_eq!(between("year", "2023-12-31T23:00:00Z", "2024-01-01T00:00:00Z"), 1);
        assert_eq!(between("day", "2023-12-31T23:00:00Z", "2024-01-01T00:00:00Z"), 1);
        assert_eq!(between("hour", "2023-12-31T23:59:00Z", "2024-01-01T00:00:00Z"), 1);
        assert_eq!(between("week", "2024-01-07T00:00:00Z", "2024-01-08T00:00:00Z"), 1);
        assert_eq!(between("month", "2024-01-31T00:00:00Z", "2023-12-01T00:00:00Z"), -1);
    }
}
