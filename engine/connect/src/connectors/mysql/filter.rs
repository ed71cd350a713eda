//! Filters that the server answers just as we would, or with more rows than we would.

use super::{
    describe::Carried,
    statement::{literal, quote},
    types::Wire,
};
use chrono::{DateTime, Days, NaiveDate};
use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Operator, expr::InList},
};

/// A condition that the server can check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub sql: String,
    /// Whether just the rows come that are wanted; otherwise there may be more.
    pub exact: bool,
}

/// Collations in which equal texts have the same bytes.
const EXACT: [&str; 2] = ["utf8mb4_nopad_bin", "utf8mb4_0900_bin"];

/// The filter as a condition; `None` if it is answered here.
pub fn condition(filter: &Expr, columns: &[Carried]) -> Option<Condition> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let word = if *op == Operator::And { "and" } else { "or" };
            let (left, right) = (condition(left, columns)?, condition(right, columns)?);
            let sql = format!("({} {word} {})", left.sql, right.sql);
            Some(Condition { sql, exact: left.exact && right.exact })
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (Expr::Column(column), Expr::Literal(value, _)) = (&**left, &**right) else { return None };
            compared(columns.iter().find(|c| c.name == column.name)?, *op, value)
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let Expr::Column(column) = &**expr else { return None };
            let found = columns.iter().find(|c| c.name == column.name)?;
            let each = list.iter().map(|item| match item {
                Expr::Literal(value, _) => written(value, found),
                _ => None,
            });
            let values: Vec<String> = each.collect::<Option<_>>()?;
            let sql = format!("{} in ({})", quote(&found.name), values.join(", "));
            Some(Condition { sql, exact: is_exact(found) })
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
            let Expr::Column(column) = &**inner else { return None };
            let found = columns.iter().find(|c| c.name == column.name)?;
            let not = if matches!(filter, Expr::IsNotNull(_)) { "not " } else { "" };
            // A zero date counts as NULL in some conditions and not in others.
            let plain = !matches!(found.kind.wire, Wire::Date | Wire::DateTime(_) | Wire::Timestamp(_));
            plain.then(|| Condition { sql: format!("{} is {not}null", quote(&found.name)), exact: true })
        }
        _ => None,
    }
}

fn compared(column: &Carried, op: Operator, value: &ScalarValue) -> Option<Condition> {
    let word = match op {
        Operator::Eq => "=",
        Operator::NotEq => "<>",
        Operator::Lt => "<",
        Operator::LtEq => "<=",
        Operator::Gt => ">",
        Operator::GtEq => ">=",
        _ => return None,
    };
    // Texts that differ may be equal to the server: only what is equal can be asked for.
    if column.kind.wire == Wire::Text && op != Operator::Eq {
        return None;
    }
    let sql = format!("{} {word} {}", quote(&column.name), written(value, column)?);
    Some(Condition { sql, exact: is_exact(column) })
}

/// Whether equal texts have the same bytes; true of what is no text.
pub fn is_exact(column: &Carried) -> bool {
    column.kind.wire != Wire::Text || EXACT.contains(&column.collation.as_str())
}

/// A literal, where MySQL compares its type as Arrow does.
fn written(value: &ScalarValue, column: &Carried) -> Option<String> {
    if value.is_null() || column.as_text {
        return None;
    }
    match (value, &column.kind.wire) {
        (ScalarValue::Int16(Some(n)), Wire::Int(..)) => Some(format!("({n})")),
        // A number of two digits is taken for a year of this century or the last.
        (ScalarValue::Int16(Some(n)), Wire::Year) if *n > 99 => Some(format!("({n})")),
        (ScalarValue::Int32(Some(n)), Wire::Int(..)) => Some(format!("({n})")),
        (ScalarValue::Int64(Some(n)), Wire::Int(..)) => Some(format!("({n})")),
        (ScalarValue::UInt64(Some(n)), Wire::Int(..)) => Some(format!("({n})")),
        (ScalarValue::Decimal128(Some(n), _, scale), Wire::Decimal(_, s)) if scale == s => {
            let mut out = vec![];
            super::decimal::write(*n < 0, &n.unsigned_abs().to_string(), *scale, &mut out);
            Some(format!("({})", String::from_utf8(out).ok()?))
        }
        (ScalarValue::Date32(Some(days)), Wire::Date) => {
            let days = u64::try_from(*days).ok()?;
            let day = NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_days(Days::new(days))?;
            (day <= NaiveDate::from_ymd_opt(9999, 12, 31)?).then(|| format!("date '{day}'"))
        }
        (ScalarValue::TimestampMicrosecond(Some(us), _), Wire::DateTime(_) | Wire::Timestamp(_)) => {
            let text = DateTime::from_timestamp_micros(*us)?.naive_utc().format("%Y-%m-%d %H:%M:%S%.6f").to_string();
            let years = "1000".."9999";
            (text.find('-') == Some(4) && years.contains(&&text[..4])).then(|| format!("timestamp '{text}'"))
        }
        // Without its own character set, a text that the column's cannot hold would be an error.
        (ScalarValue::Utf8(Some(text)), Wire::Text) => {
            let any = column.collation.starts_with("utf8mb4") || text.is_ascii() && !column.collation.is_empty();
            any.then(|| literal(text))
        }
        _ => None,
    }
}
