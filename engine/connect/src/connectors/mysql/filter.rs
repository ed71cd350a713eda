//! What MySQL compares as we do.

use super::{describe::Carried, statement::quote, types::Wire};
use crate::sql::{filter::FilterColumn, literal};
use datafusion::common::ScalarValue;

/// Collations in which equal texts have the same bytes.
const EXACT: [&str; 2] = ["utf8mb4_nopad_bin", "utf8mb4_0900_bin"];

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

    /// A zero date counts as NULL in some conditions and not in others.
    fn agrees_on_null(&self) -> bool {
        !matches!(self.kind.wire, Wire::Date | Wire::DateTime(_) | Wire::Timestamp(_))
    }

    fn agrees_on_order(&self) -> bool {
        self.kind.wire != Wire::Text
    }

    fn agrees_on_equality(&self) -> bool {
        self.kind.wire != Wire::Text || EXACT.contains(&self.collation.as_str())
    }

    fn literal(&self, value: &ScalarValue) -> Option<String> {
        if self.as_text {
            return None;
        }
        match (value, &self.kind.wire) {
            (ScalarValue::Int16(Some(n)), Wire::Int(..)) => Some(format!("({n})")),
            // A number of two digits is taken for a year of this century or the last.
            (ScalarValue::Int16(Some(n)), Wire::Year) if *n > 99 => Some(format!("({n})")),
            (ScalarValue::Int32(Some(n)), Wire::Int(..)) => Some(format!("({n})")),
            (ScalarValue::Int64(Some(n)), Wire::Int(..)) => Some(format!("({n})")),
            (ScalarValue::UInt64(Some(n)), Wire::Int(..)) => Some(format!("({n})")),
            (ScalarValue::Decimal128(Some(n), _, scale), Wire::Decimal(_, s)) if scale == s => {
                Some(literal::decimal(*n, usize::from(scale.unsigned_abs())))
            }
            (ScalarValue::Date32(Some(days)), Wire::Date) => literal::date(*days),
            (ScalarValue::TimestampMicrosecond(Some(us), _), Wire::DateTime(_) | Wire::Timestamp(_)) => {
                Some(format!("timestamp '{}'", literal::timestamp_digits(*us)?))
            }
            // Without its own character set, a text that the column's cannot hold would be an error.
            (ScalarValue::Utf8(Some(text)), Wire::Text) => {
                let any = self.collation.starts_with("utf8mb4") || text.is_ascii() && !self.collation.is_empty();
                any.then(|| literal::text(text))
            }
            _ => None,
        }
    }
}
