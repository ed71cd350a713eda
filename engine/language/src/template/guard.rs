//! Values from outside may not leave their token.

use crate::{code, diagnostic::Diagnostic, dialect::SqlDialect, files::Span, rendered::Rendered};
use sqlparser::{
    keywords::Keyword,
    tokenizer::{Location, Token, Tokenizer},
};
use std::ops::Range;

/// Checks that each stretch of the SQL that came from outside lies inside one string literal, or is one number or one
/// identifier. The tokens are those that DataFusion will see.
pub(super) fn check(rendered: &Rendered, outside: &[Range<usize>], file: Span) -> Result<(), Diagnostic> {
    if outside.is_empty() {
        return Ok(());
    }
    let Some(tokens) = tokens(&rendered.sql) else {
        return Err(complain(rendered, &outside[0], file, "it leaves a string or comment open"));
    };
    for stretch in outside {
        if let Err(reason) = contained(&rendered.sql, &tokens, stretch) {
            return Err(complain(rendered, stretch, file, reason));
        }
    }
    Ok(())
}

/// The complaint about a value whose trace was lost, as by cutting the text of a macro apart.
pub(super) fn lost(file: Span) -> Diagnostic {
    let message = "a value from outside was cut apart after it was put into text";
    with_ways_out(Diagnostic::error(&code::E0114, file, message))
}

pub(super) fn with_ways_out(diagnostic: Diagnostic) -> Diagnostic {
    diagnostic
        .hint("`| literal` makes it a string or number of SQL, `| ident` an identifier")
        .hint("`| raw` lets it be any SQL: only where you trust whoever sets it")
}

fn complain(rendered: &Rendered, stretch: &Range<usize>, file: Span, reason: &str) -> Diagnostic {
    let at = stretch.start.min(rendered.sql.len().saturating_sub(1));
    let span = rendered.locate(at, stretch.len().max(1)).unwrap_or(file);
    with_ways_out(Diagnostic::error(&code::E0114, span, format!("this value comes from outside, and {reason}")))
}

type Place = (Token, Range<usize>);

/// The tokens with their bytes; `None` if the SQL cannot be taken apart.
fn tokens(sql: &str) -> Option<Vec<Place>> {
    let tokens = Tokenizer::new(&SqlDialect, sql).tokenize_with_location().ok()?;
    let mut cursor = Cursor { sql, offset: 0, location: Location { line: 1, column: 1 } };
    let mut places = Vec::with_capacity(tokens.len());
    for token in tokens {
        let start = cursor.advance(token.span.start);
        let end = cursor.advance(token.span.end);
        places.push((token.token, start..end));
    }
    Some(places)
}

/// Walks through the SQL, from location to later location.
struct Cursor<'a> {
    sql: &'a str,
    offset: usize,
    location: Location,
}

impl Cursor<'_> {
    fn advance(&mut self, to: Location) -> usize {
        for c in self.sql[self.offset..].chars() {
            if (self.location.line, self.location.column) >= (to.line, to.column) {
                break;
            }
            self.offset += c.len_utf8();
            if c == '\n' {
                self.location = Location { line: self.location.line + 1, column: 1 };
            } else {
                self.location.column += 1;
            }
        }
        self.offset
    }
}

fn contained(sql: &str, tokens: &[Place], stretch: &Range<usize>) -> Result<(), &'static str> {
    let at = tokens.partition_point(|(_, bytes)| bytes.end <= stretch.start);
    let Some((token, bytes)) = tokens.get(at) else { return Err("it is empty here") };
    let exact = bytes == stretch;
    let inside = bytes.start < stretch.start && stretch.end < bytes.end;
    match token {
        Token::Whitespace(_) if stretch.is_empty() => Err("it is empty here"),
        Token::Whitespace(_) => Err("it stands in a comment or is nothing but space"),
        _ if is_string(token) && (exact || inside) => Ok(()),
        Token::Word(word) if word.quote_style.is_some() && (exact || inside) => Ok(()),
        Token::Word(word) if exact && word.quote_style.is_none() => identifier(&word.value, word.keyword),
        Token::Number(..) if exact => Ok(()),
        Token::Minus | Token::Plus if signed(tokens, at, stretch) => Ok(()),
        _ if stretch.is_empty() => Err("it is empty here"),
        _ if sql.get(stretch.clone()).is_some_and(|text| text.contains('\'')) => Err("it leaves its string literal"),
        _ => Err("it is not one string literal, one number or one identifier"),
    }
}

fn is_string(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
    )
}

/// A word is an identifier unless the grammar gives it a meaning.
fn identifier(word: &str, keyword: Keyword) -> Result<(), &'static str> {
    let constant = matches!(keyword, Keyword::TRUE | Keyword::FALSE | Keyword::NULL);
    let reserved = super::identifier(&word.to_lowercase()).starts_with('"') && keyword != Keyword::NoKeyword;
    if reserved && !constant { Err("it is a reserved word of SQL") } else { Ok(()) }
}

/// A sign and its number.
fn signed(tokens: &[Place], at: usize, stretch: &Range<usize>) -> bool {
    let number =
        tokens.get(at + 1).is_some_and(|(token, bytes)| matches!(token, Token::Number(..)) && bytes.end == stretch.end);
    number && tokens[at].1.start == stretch.start
}
