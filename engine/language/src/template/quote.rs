//! Identifiers and literals of SQL, quoted so that nothing can leave them.

use sqlparser::keywords::{
    ALL_KEYWORDS, ALL_KEYWORDS_INDEX, Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS,
};

/// A name as an identifier: quoted unless it is all of `[a-z_][a-z0-9_]*` and no reserved word.
pub fn identifier(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// A text as a string literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    first && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') && !is_reserved(name)
}

fn is_reserved(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let Ok(at) = ALL_KEYWORDS.binary_search(&upper.as_str()) else { return false };
    let keyword = ALL_KEYWORDS_INDEX[at];
    RESERVED_FOR_COLUMN_ALIAS.contains(&keyword)
        || RESERVED_FOR_TABLE_ALIAS.contains(&keyword)
        || MORE_RESERVED.contains(&keyword)
}

/// Words that begin an expression or clause, which sqlparser's lists for aliases need not name.
const MORE_RESERVED: &[Keyword] = &[
    Keyword::ALL,
    Keyword::AND,
    Keyword::ANY,
    Keyword::AS,
    Keyword::BETWEEN,
    Keyword::BY,
    Keyword::CASE,
    Keyword::CAST,
    Keyword::CREATE,
    Keyword::CURRENT_DATE,
    Keyword::CURRENT_TIME,
    Keyword::CURRENT_TIMESTAMP,
    Keyword::DELETE,
    Keyword::DISTINCT,
    Keyword::DROP,
    Keyword::ELSE,
    Keyword::EXISTS,
    Keyword::EXTRACT,
    Keyword::FALSE,
    Keyword::IN,
    Keyword::INSERT,
    Keyword::INTERVAL,
    Keyword::IS,
    Keyword::LIKE,
    Keyword::NOT,
    Keyword::NULL,
    Keyword::OR,
    Keyword::TABLE,
    Keyword::THEN,
    Keyword::TRUE,
    Keyword::UNNEST,
    Keyword::UPDATE,
    Keyword::VALUES,
    Keyword::WHEN,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_quoted_where_needed() {
        for (name, expected) in [
            ("orders", "orders"),
            ("_x1", "_x1"),
            ("users-data", "\"users-data\""),
            ("Orders", "\"Orders\""),
            ("1st", "\"1st\""),
            ("weird name", "\"weird name\""),
            ("a\"b", "\"a\"\"b\""),
            ("select", "\"select\""),
            ("order", "\"order\""),
            ("group", "\"group\""),
            ("case", "\"case\""),
            ("größe", "\"größe\""),
            ("", "\"\""),
        ] {
            assert_eq!(identifier(name), expected, "{name}");
        }
        assert_eq!(literal("it's"), "'it''s'");
    }
}
