//! What PostgreSQL compares as we do.

use super::{describe::Carried, statement::quote, types::Wire};
use crate::sql::{filter::FilterColumn, literal};
use datafusion::common::ScalarValue;

impl FilterColumn for Carried {
    fn name(&self) -> &str {
        &self.name
    }

    fn quoted(&self) -> String {
        quote(&self.name)
    }

    fn is_unchanged(&self) -> bool {
        self.chosen.exact()
    }

    fn agrees_on_null(&self) -> bool {
        true
    }

    fn agrees_on_order(&self) -> bool {
        self.kind.wire != Wire::Text
    }

    fn agrees_on_equality(&self) -> bool {
        true
    }

    /// Of texts only those of the database's own collation.
    fn literal(&self, value: &ScalarValue) -> Option<String> {
        if self.kind.as_text {
            return None;
        }
        let plain = self.declared == "text" || self.declared.starts_with("character varying");
        match (value, &self.kind.wire) {
            (ScalarValue::Int16(Some(n)), Wire::Int2) => Some(format!("({n})")),
            (ScalarValue::Int32(Some(n)), Wire::Int4) => Some(format!("({n})")),
            (ScalarValue::Int64(Some(n)), Wire::Int8) => Some(format!("({n})")),
            (ScalarValue::Decimal128(Some(n), _, scale), Wire::Numeric(_, s)) if scale == s => {
                Some(literal::decimal(*n, usize::from(scale.unsigned_abs())))
            }
            (ScalarValue::Date32(Some(days)), Wire::Date) => literal::date(*days),
            (ScalarValue::TimestampMicrosecond(Some(us), zone), Wire::Timestamp | Wire::TimestampTz) => {
                let digits = literal::timestamp_digits(*us)?;
                Some(match zone {
                    Some(_) => format!("timestamptz '{digits}+00'"),
                    None => format!("timestamp '{digits}'"),
                })
            }
            (ScalarValue::Utf8(Some(text)), Wire::Text) if plain && self.exact && !text.contains('\0') => {
                Some(literal::text(text))
            }
            _ => None,
        }
    }
}
