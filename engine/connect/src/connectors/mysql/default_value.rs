//! Defaults of columns in standard SQL, as other systems understand them.

use super::{statement::literal, types::Kind};
use engine_language::column::ColumnType;

/// A default that other systems understand too, in standard SQL. MariaDB writes literals as they are, MySQL without
/// quotes.
pub fn constant(expression: &str, kind: &Kind, extra: &str) -> Option<String> {
    let lower = expression.to_lowercase();
    if lower == "null" {
        return None;
    }
    if lower.starts_with("current_timestamp") || lower.starts_with("now(") {
        return Some("CURRENT_TIMESTAMP".into());
    }
    if kind.column == ColumnType::Bool {
        return match lower.as_str() {
            "1" | "'1'" | "b'1'" => Some("true".into()),
            "0" | "'0'" | "b'0'" => Some("false".into()),
            _ => None,
        };
    }
    let quoted = expression.len() > 1 && expression.starts_with('\'') && expression.ends_with('\'');
    if quoted && !expression[1..expression.len() - 1].replace("''", "").contains('\'') {
        return Some(literal(&unescaped(&expression[1..expression.len() - 1])));
    }
    let numeric = matches!(kind.column, ColumnType::SmallInt | ColumnType::Int | ColumnType::BigInt)
        || matches!(kind.column, ColumnType::UBigInt | ColumnType::Float | ColumnType::Double)
        || matches!(kind.column, ColumnType::Decimal(..));
    if numeric {
        return expression.parse::<f64>().is_ok().then(|| expression.to_owned());
    }
    // An expression of MySQL's says so; what is left is a bare text or date.
    (!extra.contains("default_generated") && !lower.contains('(')).then(|| literal(expression))
}

/// The text that MariaDB shows as a literal: with its quotes doubled, and with a backslash before what it takes for special,
/// whatever the session's own escapes are.
fn unescaped(inner: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(character) = rest.next() {
        let next = match character {
            '\'' => rest.next().map(|_| '\''),
            '\\' => rest.next().map(|escaped| match escaped {
                '0' => '\0',
                'n' => '\n',
                'r' => '\r',
                'Z' => '\u{1a}',
                other => other,
            }),
            other => Some(other),
        };
        text.extend(next);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn literals_of_mariadb_are_read_as_what_they_stand_for() {
        assert_eq!(unescaped("a''b\\\\c"), "a'b\\c");
        assert_eq!(unescaped("\\n\\0"), "\n\0");
        assert_eq!(unescaped("plain"), "plain");
    }
}
