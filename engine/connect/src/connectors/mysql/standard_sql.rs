//! MySQL's way of writing conditions → standard SQL, as far as it can be told.

use crate::sql::condition;
use datafusion::sql::sqlparser::{
    ast::{BinaryOperator, Expr, Ident, ObjectName, visit_expressions_mut},
    dialect::{Dialect, GenericDialect},
    keywords::{
        ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER, RESERVED_FOR_TABLE_ALIAS,
    },
};
use std::ops::ControlFlow;

/// The condition without MySQL's quotes, escapes and character sets; as it was, if it cannot be read.
pub fn sql(condition: &str) -> String {
    let plain = condition.replace("_utf8mb4'", "'").replace("_utf8mb3'", "'").replace("_latin1'", "'");
    let Some(mut expression) = condition::read(&plain, &Stored) else { return condition.to_owned() };
    let _ = visit_expressions_mut(&mut expression, |e| {
        match e {
            Expr::Identifier(name) => unquote(name),
            Expr::CompoundIdentifier(names) => names.iter_mut().for_each(unquote),
            // To others `length` counts characters.
            Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("length") => {
                function.name = ObjectName::from(vec![Ident::new("octet_length")]);
            }
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    while let Expr::Nested(inner) = expression {
        expression = *inner;
    }
    expression.to_string()
}

/// The columns that a condition speaks of; `None` if it cannot be read.
pub fn columns(condition: &str) -> Option<Vec<String>> {
    let mut columns = vec![];
    let mut expression = condition::read(condition, &Stored)?;
    let _ = visit_expressions_mut(&mut expression, |e| {
        match e {
            Expr::Identifier(name) => columns.push(name.value.clone()),
            Expr::CompoundIdentifier(names) => columns.extend(names.last().map(|name| name.value.clone())),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    Some(columns)
}

/// Functions that mean the same in most systems, and in MySQL.
const FUNCTIONS: &[&str] = &[
    "abs",
    "ceil",
    "ceiling",
    "char_length",
    "character_length",
    "coalesce",
    "concat",
    "day",
    "exp",
    "floor",
    "greatest",
    "json_type",
    "json_valid",
    "least",
    "left",
    "ln",
    "lower",
    "lpad",
    "ltrim",
    "md5",
    "mod",
    "month",
    "nullif",
    "octet_length",
    "power",
    "replace",
    "right",
    "round",
    "rpad",
    "rtrim",
    "sign",
    "sqrt",
    "substr",
    "substring",
    "upper",
    "year",
];

/// Whether MySQL understands a standard condition, as far as that can be told from its text.
pub fn understood(condition: &str) -> bool {
    condition::understood(condition, &GenericDialect {}, known)
}

fn known(expression: &Expr) -> bool {
    match expression {
        Expr::Function(function) => condition::is_one_of(function, FUNCTIONS),
        Expr::BinaryOp { op, .. } => !matches!(
            op,
            BinaryOperator::PGRegexMatch
                | BinaryOperator::PGRegexIMatch
                | BinaryOperator::PGRegexNotMatch
                | BinaryOperator::PGRegexNotIMatch
                | BinaryOperator::PGLikeMatch
                | BinaryOperator::PGOverlap
                | BinaryOperator::AtArrow
                | BinaryOperator::ArrowAt
                | BinaryOperator::Arrow
                | BinaryOperator::LongArrow
        ),
        // Of casts the servers know other words.
        Expr::Cast { .. }
        | Expr::AtTimeZone { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::Array(_)
        | Expr::ILike { .. }
        | Expr::SimilarTo { .. }
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..) => false,
        _ => true,
    }
}

fn unquote(name: &mut Ident) {
    let text = &name.value;
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !is_reserved(text);
    name.quote_style = (!plain).then_some('"');
}

fn is_reserved(word: &str) -> bool {
    let Ok(at) = ALL_KEYWORDS.binary_search(&word.to_uppercase().as_str()) else { return false };
    let keyword = &ALL_KEYWORDS_INDEX[at];
    [RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_TABLE_ALIAS, RESERVED_FOR_IDENTIFIER]
        .iter()
        .any(|set| set.contains(keyword))
}

/// How the server keeps conditions: names in either kind of quotes, backslashes in texts.
#[derive(Debug)]
struct Stored;

impl Dialect for Stored {
    fn is_identifier_start(&self, character: char) -> bool {
        character.is_alphabetic() || character == '_'
    }

    fn is_identifier_part(&self, character: char) -> bool {
        character.is_alphanumeric() || character == '_' || character == '$'
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{columns, sql, understood};

    #[test]
    fn a_condition_tells_its_columns() {
        assert_eq!(columns("`a b` > 0 and length(t.n) < 3").unwrap(), ["a b", "n"]);
        assert_eq!(columns("not a condition at all ("), None);
    }

    #[test]
    fn what_the_servers_keep_is_standard_sql() {
        for (kept, standard) in [
            ("`id` > 0", "id > 0"),
            ("(`id` > 0)", "id > 0"),
            ("\"Order\" in ('a','x\\'y')", "\"Order\" IN ('a', 'x''y')"),
            ("(`word` in (_utf8mb4'a',_utf8mb4'b'))", "word IN ('a', 'b')"),
            ("`a b` >= 1 and `select` < 2", "\"a b\" >= 1 AND \"select\" < 2"),
            ("length(`word`) < 9", "octet_length(word) < 9"),
            ("not a condition at all (", "not a condition at all ("),
        ] {
            assert_eq!(sql(kept), standard);
        }
    }
    #[test]
    fn conditions_that_only_others_know_are_told() {
        for (condition, known) in [
            ("price >= 0", true),
            ("status IN ('a', 'b') AND char_length(\"Word\") > 2", true),
            ("word ~ '^a'", false),
            ("jsonb_typeof(j) = 'object'", false),
            ("CAST(word AS DATE) > '2020-01-01'", false),
            ("not a condition at all (", false),
        ] {
            assert_eq!(understood(condition), known, "{condition}");
        }
    }
}
