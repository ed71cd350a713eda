//! DataFusion's messages in the words of SQL.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Arrow's names of types, and what PostgreSQL calls them.
const TYPES: &[(&str, &str)] = &[
    ("Int8", "smallint"),
    ("Int16", "smallint"),
    ("Int32", "integer"),
    ("Int64", "bigint"),
    ("UInt8", "smallint"),
    ("UInt16", "integer"),
    ("UInt32", "bigint"),
    ("UInt64", "numeric"),
    ("Float16", "real"),
    ("Float32", "real"),
    ("Float64", "double precision"),
    ("Utf8", "text"),
    ("Utf8View", "text"),
    ("LargeUtf8", "text"),
    ("Boolean", "boolean"),
    ("Date32", "date"),
    ("Date64", "date"),
    ("Binary", "bytea"),
    ("BinaryView", "bytea"),
    ("LargeBinary", "bytea"),
    ("Null", "null"),
];

static PLAIN: LazyLock<Regex> = LazyLock::new(|| {
    let names: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    Regex::new(&format!(r"\b({})\b", names.join("|"))).expect("a pattern of ours")
});

static PARAMETERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(Timestamp|Time32|Time64|Interval|Duration|Decimal32|Decimal64|Decimal128|Decimal256)\(([^()]*(?:\([^()]*\))?[^()]*)\)")
        .expect("a pattern of ours")
});

/// The same message, with PostgreSQL's names of types.
pub fn in_words(message: &str) -> String {
    let message = PARAMETERS.replace_all(message, |found: &Captures<'_>| match &found[1] {
        "Timestamp" if found[2].contains(',') && !found[2].contains("None") => "timestamptz".to_owned(),
        "Timestamp" => "timestamp".to_owned(),
        "Interval" | "Duration" => "interval".to_owned(),
        "Time32" | "Time64" => "time".to_owned(),
        _ => format!("numeric({})", &found[2]),
    });
    let message = PLAIN.replace_all(&message, |found: &Captures<'_>| {
        let word = TYPES.iter().find(|(name, _)| *name == &found[1]);
        word.map_or_else(|| found[1].to_owned(), |(_, word)| (*word).to_owned())
    });
    message.into_owned()
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn types_have_postgresqls_names() {
        assert_eq!(in_words("Int64 and Utf8View"), "bigint and text");
        assert_eq!(in_words("Timestamp(Microsecond, None)"), "timestamp");
        assert_eq!(in_words("Timestamp(µs)"), "timestamp");
        assert_eq!(in_words("Timestamp(µs, \"+00:00\")"), "timestamptz");
        assert_eq!(in_words("Decimal128(10, 2)"), "numeric(10, 2)");
        assert_eq!(in_words("Interval(MonthDayNano)"), "interval");
    }
}
