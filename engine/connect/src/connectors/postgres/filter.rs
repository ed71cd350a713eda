//! Filters that the server answers just as we would.

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

/// The filter in SQL; `None` if it is answered here.
pub fn sql(filter: &Expr, columns: &[Carried]) -> Option<String> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let word = if *op == Operator::And { "and" } else { "or" };
            Some(format!("({} {word} {})", sql(left, columns)?, sql(right, columns)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (Expr::Column(column), Expr::Literal(value, _)) = (&**left, &**right) else { return None };
            let found = carried(&column.name, columns)?;
            let word = match op {
                Operator::Eq => "=",
                Operator::NotEq => "<>",
                Operator::Lt => "<",
                Operator::LtEq => "<=",
                Operator::Gt => ">",
                Operator::GtEq => ">=",
                _ => return None,
            };
            let text = found.kind.wire == Wire::Text;
            if text && *op != Operator::Eq {
                return None;
            }
            Some(format!("{} {word} {}", quote(&found.name), written(value, found)?))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let Expr::Column(column) = &**expr else { return None };
            let found = carried(&column.name, columns)?;
            let each = list.iter().map(|item| match item {
                Expr::Literal(value, _) => written(value, found),
                _ => None,
            });
            let values: Vec<String> = each.collect::<Option<_>>()?;
            Some(format!("{} in ({})", quote(&found.name), values.join(", ")))
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
            let Expr::Column(column) = &**inner else { return None };
            let not = if matches!(filter, Expr::IsNotNull(_)) { "not " } else { "" };
            let found = columns.iter().find(|c| c.name == column.name && c.chosen.exact())?;
            Some(format!("{} is {not}null", quote(&found.name)))
        }
        _ => None,
    }
}

/// A column whose values are here what they are there: what became NULL here would be compared as it was there.
fn carried<'a>(name: &str, columns: &'a [Carried]) -> Option<&'a Carried> {
    columns.iter().find(|column| column.name == name && !column.kind.as_text && column.chosen.exact())
}

/// A literal, where PostgreSQL compares its type as Arrow does. Of texts only those of the database's own collation.
fn written(value: &ScalarValue, column: &Carried) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let plain = column.declared == "text" || column.declared.starts_with("character varying");
    let plain_text = plain && column.exact;
    match (value, &column.kind.wire) {
        (ScalarValue::Int16(Some(n)), Wire::Int2) => Some(format!("({n})")),
        (ScalarValue::Int32(Some(n)), Wire::Int4) => Some(format!("({n})")),
        (ScalarValue::Int64(Some(n)), Wire::Int8) => Some(format!("({n})")),
        (ScalarValue::Decimal128(Some(n), _, scale), Wire::Numeric(_, s)) if scale == s => {
            Some(decimal(*n, usize::from(scale.unsigned_abs())))
        }
        (ScalarValue::Date32(Some(days)), Wire::Date) => {
            let days = u64::try_from(*days).ok()?;
            let day = NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_days(Days::new(days))?;
            (day <= NaiveDate::from_ymd_opt(9999, 12, 31)?).then(|| format!("date '{day}'"))
        }
        (ScalarValue::TimestampMicrosecond(Some(us), zone), Wire::Timestamp | Wire::TimestampTz) => {
            let time = DateTime::from_timestamp_micros(*us)?.naive_utc();
            let years = "1000".."9999";
            let text = time.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
            let word = if zone.is_some() { "timestamptz" } else { "timestamp" };
            let suffix = if zone.is_some() { "+00" } else { "" };
            (text.find('-') == Some(4) && years.contains(&&text[..4])).then(|| format!("{word} '{text}{suffix}'"))
        }
        (ScalarValue::Utf8(Some(text)), Wire::Text) if plain_text && !text.contains('\0') => Some(literal(text)),
        _ => None,
    }
}

fn decimal(number: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let dot = if scale > 0 { "." } else { "" };
    format!("({}{whole}{dot}{part})", if number < 0 { "-" } else { "" })
}
