//! The current time: that of the run's start, for all models of a run, in microseconds.
//!
//! <https://www.postgresql.org/docs/current/functions-datetime.html#FUNCTIONS-DATETIME-CURRENT>, where it is that of the
//! transaction's start.

use crate::sql::{
    kind::Kind,
    session_zone::Zone,
    units::DAY,
    value::{Value, column},
};
use datafusion::{
    arrow::datatypes::DataType,
    common::ScalarValue,
    error::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
        simplify::{ExprSimplifyResult, SimplifyContext},
    },
};

/// `now()` and its relatives.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Now {
    name: &'static str,
    aliases: Vec<String>,
    kind: Kind,
    /// Of the run, in microseconds since 1970 UTC; that of the query if it belongs to none.
    started_us: Option<i64>,
    signature: Signature,
}

/// All of them, for a run that started then.
pub fn functions(started_us: Option<i64>) -> Vec<ScalarUDF> {
    let all: [(&str, &[&str], Kind); 4] = [
        ("now", &["current_timestamp", "transaction_timestamp", "statement_timestamp"], Kind::TimestampTz),
        ("localtimestamp", &[], Kind::Timestamp),
        ("current_date", &["today"], Kind::Date),
        ("localtime", &["current_time"], Kind::Time),
    ];
    all.into_iter()
        .map(|(name, aliases, kind)| {
            let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
            let signature = Signature::nullary(Volatility::Stable);
            ScalarUDF::new_from_impl(Now { name, aliases, kind, started_us, signature })
        })
        .collect()
}

impl ScalarUDFImpl for Now {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.kind.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(DataFusionError::Internal("the time is known before a query runs".into()))
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let query = || context.query_execution_start_time().map(|time| time.timestamp_micros());
        let Some(us) = self.started_us.or_else(query) else { return Ok(ExprSimplifyResult::Original(args)) };
        let local = Zone::of(context.config_options())?.local_of(us)?;
        let value = match self.kind {
            Kind::TimestampTz => Value::TimestampTz(us),
            Kind::Timestamp => Value::Timestamp(local),
            Kind::Date => Value::Date(local.div_euclid(DAY)),
            _ => Value::Time(local.rem_euclid(DAY)),
        };
        let array = column(std::iter::once(Ok(value)), &self.kind.data_type())?;
        let literal = Expr::Literal(ScalarValue::try_from_array(&array, 0)?, None);
        Ok(ExprSimplifyResult::Simplified(literal))
    }
}
