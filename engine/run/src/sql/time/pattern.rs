//! The patterns of `to_char`, `to_date` and `to_timestamp`.
//!
//! <https://www.postgresql.org/docs/current/functions-formatting.html#FUNCTIONS-FORMATTING-DATETIME-TABLE>

use crate::sql::failed::failed;
use datafusion::error::Result;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself.
    Text(String),
    /// A field.
    Field(Keyword, Options),
}

/// How a field is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `FM`: without blanks and zeros that fill.
    pub fill: bool,
    /// `TH`: with the ending of an ordinal number, in capitals or not.
    pub ordinal: Option<bool>,
}

/// A field by the pattern that stands for it.
pub type Keyword = &'static str;

/// Longer ones first, as far as one begins with another.
const KEYWORDS: &[Keyword] = &[
    "SSSSS", "SSSS", "Y,YYY", "YYYY", "YYY", "YY", "IYYY", "IYY", "IY", "IDDD", "ID", "IW", "HH24", "HH12", "HH", "MI",
    "MM", "MS", "MONTH", "Month", "month", "MON", "Mon", "mon", "SS", "US", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6",
    "A.M.", "P.M.", "a.m.", "p.m.", "AM", "PM", "am", "pm", "B.C.", "A.D.", "b.c.", "a.d.", "BC", "AD", "bc", "ad",
    "DAY", "Day", "day", "DY", "Dy", "dy", "DDD", "DD", "D", "WW", "W", "CC", "J", "Q", "RM", "rm", "TZH", "TZM", "TZ",
    "tz", "OF", "Y", "I",
];
/// Fields of letters, where capitals matter; of all others they do not.
const LETTERS: &[&str] = &[
    "MONTH", "Month", "month", "MON", "Mon", "mon", "DAY", "Day", "day", "DY", "Dy", "dy", "A.M.", "P.M.", "a.m.",
    "p.m.", "AM", "PM", "am", "pm", "B.C.", "A.D.", "b.c.", "a.d.", "BC", "AD", "bc", "ad", "RM", "rm", "TZ", "tz",
];

/// Takes a pattern apart.
pub fn parse(pattern: &str) -> Result<Vec<Piece>> {
    let mut pieces = vec![];
    let mut text = String::new();
    let mut rest = pattern;
    let mut fill = false;
    while !rest.is_empty() {
        if starts(rest, "FX") || starts(rest, "TM") {
            return Err(failed(format!("the pattern `{}` of `{pattern}` is not supported", &rest[..2])));
        }
        if starts(rest, "FM") {
            (fill, rest) = (true, &rest[2..]);
        } else if let Some(keyword) = keyword(rest) {
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            rest = &rest[keyword.len()..];
            let ordinal = if rest.starts_with("TH") { Some(true) } else { rest.starts_with("th").then_some(false) };
            rest = if ordinal.is_some() { &rest[2..] } else { rest };
            if starts(rest, "SP") {
                return Err(failed(format!("the pattern `SP` of `{pattern}` is not supported")));
            }
            pieces.push(Piece::Field(keyword, Options { fill, ordinal }));
            fill = false;
        } else {
            rest = literal(rest, &mut text);
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// One character, or all between quotes.
fn literal<'a>(rest: &'a str, text: &mut String) -> &'a str {
    if let Some(quoted) = rest.strip_prefix('"') {
        let mut escaped = false;
        for (at, c) in quoted.char_indices() {
            match c {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => return &quoted[at + 1..],
                c => {
                    text.push(c);
                    escaped = false;
                }
            }
        }
        return "";
    }
    let rest = if rest.starts_with("\\\"") { &rest[1..] } else { rest };
    let first = rest.chars().next().unwrap_or_default();
    text.push(first);
    &rest[first.len_utf8()..]
}

fn starts(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
}

fn keyword(text: &str) -> Option<Keyword> {
    KEYWORDS
        .iter()
        .find(|keyword| if LETTERS.contains(keyword) { text.starts_with(*keyword) } else { starts(text, keyword) })
        .copied()
        .or_else(|| {
            // In other mixtures of capitals, the first letter decides.
            let named = ["MONTH", "MON", "DAY", "DY"].into_iter().find(|name| starts(text, name))?;
            let capital = text.starts_with(|c: char| c.is_uppercase());
            let second = text.chars().nth(1).is_some_and(char::is_uppercase);
            LETTERS.iter().copied().find(|letters| {
                letters.eq_ignore_ascii_case(named)
                    && letters.starts_with(char::is_uppercase) == capital
                    && letters.chars().nth(1).is_some_and(char::is_uppercase) == (capital && second)
            })
        })
}

/// The names of the months.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// The names of the days, from Sunday.
pub const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// The Roman numbers of the months.
pub const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];
