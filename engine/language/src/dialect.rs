//! The SQL that a user writes, as a dialect of sqlparser: PostgreSQL's operators and their order, and what other
//! warehouses add to a `select`.

use sqlparser::{
    dialect::{Dialect, PostgreSqlDialect, Precedence},
    parser::{Parser, ParserError},
    tokenizer::Token,
};
use std::any::TypeId;

/// Everything that reads a user's SQL reads it in this dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqlDialect;

/// The precedence of PostgreSQL's operators that have no other.
const OTHER_OPERATORS: u8 = 70;

/// Parts of the grammar that are switched on.
macro_rules! switched_on {
    ($($part:ident)*) => {
        $(fn $part(&self) -> bool {
            true
        })*
    };
}

impl Dialect for SqlDialect {
    /// The parser asks by type where there is no switch.
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"' || ch == '`'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        PostgreSqlDialect {}.is_identifier_part(ch)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk
            | Token::DoubleTilde
            | Token::DoubleTildeAsterisk
            | Token::ExclamationMarkDoubleTilde
            | Token::ExclamationMarkDoubleTildeAsterisk => Some(Ok(OTHER_OPERATORS)),
            // A JSON path behind a colon, or a key of a map.
            Token::Colon => None,
            _ => PostgreSqlDialect {}.get_next_precedence(parser),
        }
    }

    fn prec_value(&self, prec: Precedence) -> u8 {
        PostgreSqlDialect {}.prec_value(prec)
    }

    switched_on! {
        allow_extract_custom
        allow_extract_single_quotes
        support_map_literal_syntax
        supports_array_typedef_with_brackets
        supports_bitwise_shift_operators
        supports_comma_separated_trim
        supports_dictionary_syntax
        supports_empty_projections
        supports_extract_comma_syntax
        supports_filter_during_aggregation
        supports_from_first_select
        supports_geometric_types
        supports_group_by_expr
        supports_group_by_with_modifier
        supports_interval_options
        supports_left_associative_joins_without_parens
        supports_limit_comma
        supports_named_fn_args_with_assignment_operator
        supports_nested_comments
        supports_numeric_literal_underscores
        supports_parens_around_table_factor
        supports_pipe_operator
        supports_projection_trailing_commas
        supports_select_item_multi_column_alias
        supports_select_wildcard_except
        supports_select_wildcard_exclude
        supports_select_wildcard_ilike
        supports_select_wildcard_rename
        supports_select_wildcard_replace
        supports_string_escape_constant
        supports_struct_literal
        supports_try_convert
        supports_unicode_string_literal
        supports_values_as_table_factor
        supports_window_clause_named_window_reference
        supports_window_function_null_treatment_arg
    }
}
