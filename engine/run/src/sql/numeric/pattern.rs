//! `to_char` of numbers, by patterns of `9`, `0`, a point, commas and a sign.
//!
//! <https://www.postgresql.org/docs/current/functions-formatting.html#FUNCTIONS-FORMATTING-NUMERIC-TABLE>

use super::Numeric;
use crate::sql::failed::failed;
use datafusion::error::Result;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Nine,
    Zero,
    Comma,
    Point,
    Sign,
    Minus,
    Text(char),
}

/// A pattern taken apart.
#[derive(Debug, Default)]
struct Pattern {
    parts: Vec<Part>,
    fill: bool,
}

fn parse(pattern: &str) -> Result<Pattern> {
    let mut found = Pattern::default();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let upper: String = rest.chars().take(2).collect::<String>().to_uppercase();
        let (part, length) = match (first, upper.as_str()) {
            (_, "FM") => {
                found.fill = true;
                rest = &rest[2..];
                continue;
            }
            (_, "MI") => (Part::Minus, 2),
            ('9', _) => (Part::Nine, 1),
            ('0', _) => (Part::Zero, 1),
            (',' | 'G' | 'g', _) => (Part::Comma, 1),
            ('.' | 'D' | 'd', _) => (Part::Point, 1),
            ('S' | 's', _) => (Part::Sign, 1),
            (c, _) if !c.is_ascii_alphabetic() && !matches!(c, '"' | '\\') => (Part::Text(c), c.len_utf8()),
            _ => return Err(failed(format!("the pattern \"{pattern}\" of to_char is not supported at `{rest}`"))),
        };
        found.parts.push(part);
        rest = &rest[length..];
    }
    let count = |part: Part| found.parts.iter().filter(|each| **each == part).count();
    if count(Part::Point) > 1 || count(Part::Sign) + count(Part::Minus) > 1 {
        return Err(failed(format!("the pattern \"{pattern}\" of to_char is not supported")));
    }
    Ok(found)
}

/// A number by its pattern.
pub fn to_char(number: &Numeric, pattern: &str) -> Result<String> {
    let Pattern { parts, fill } = parse(pattern)?;
    let point = parts.iter().position(|part| *part == Part::Point).unwrap_or(parts.len());
    let digits = |parts: &[Part]| parts.iter().filter(|part| matches!(part, Part::Nine | Part::Zero)).count();
    let (before, behind) = (digits(&parts[..point]), digits(&parts[point.min(parts.len())..]));
    let rounded = number.round(i64::try_from(behind).unwrap_or(0));
    let text = rounded.abs().to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let whole = if whole == "0" { "" } else { whole };
    let overflow = whole.len() > before;
    let (whole, part) =
        if overflow { ("#".repeat(before), "#".repeat(behind)) } else { (whole.to_owned(), part.to_owned()) };
    let negative = rounded.is_negative();
    let layout = Layout { parts: &parts, point, fill, before, behind, negative };
    Ok(layout.write(&whole, &part))
}

struct Layout<'a> {
    parts: &'a [Part],
    point: usize,
    fill: bool,
    before: usize,
    behind: usize,
    negative: bool,
}

impl Layout<'_> {
    fn write(&self, whole: &str, part: &str) -> String {
        let explicit = self.parts.iter().any(|part| matches!(part, Part::Sign | Part::Minus));
        let first_digit = self.parts.iter().position(|part| matches!(part, Part::Nine | Part::Zero | Part::Point));
        let mut text = String::new();
        let (mut at, mut shown, mut behind) = (0, false, 0);
        // The first place that is written: that of a digit, or of a zero that fills.
        let zero = self.places().iter().position(|part| *part == Part::Zero);
        let start = zero.unwrap_or(self.before).min(self.before - whole.len());
        // A nought that nothing else stands for.
        let nought = start == self.before && self.behind == 0;
        let last_needed = self.needed(part);
        let mut signed = explicit;
        let mut sign = |text: &mut String| {
            if !std::mem::replace(&mut signed, true) {
                match (self.negative, self.fill) {
                    (true, _) => text.push('-'),
                    (false, false) => text.push(' '),
                    (false, true) => {}
                }
            }
        };
        for (index, each) in self.parts.iter().enumerate() {
            match each {
                Part::Nine | Part::Zero if index < self.point => {
                    let last = at + 1 == self.before;
                    if at >= start || (nought && last) {
                        sign(&mut text);
                        let leading = self.before - whole.len();
                        text.push(at.checked_sub(leading).and_then(|at| whole.chars().nth(at)).unwrap_or('0'));
                        shown = true;
                    } else if !self.fill {
                        text.push(' ');
                    }
                    at += 1;
                }
                Part::Nine | Part::Zero => {
                    if !self.fill || behind < last_needed {
                        text.push(part.chars().nth(behind).unwrap_or('0'));
                    }
                    behind += 1;
                }
                Part::Point => {
                    sign(&mut text);
                    if self.fill && whole.is_empty() && !shown && last_needed == 0 && self.before > 0 {
                        text.push('0');
                    }
                    text.push('.');
                }
                Part::Comma if index < self.point => {
                    if shown {
                        text.push(',');
                    } else if !self.fill {
                        text.push(' ');
                    }
                }
                Part::Comma => text.push(','),
                Part::Sign => {
                    text.push(self.sign(first_digit.is_none_or(|first| index < first)));
                }
                Part::Minus if self.negative => text.push('-'),
                Part::Minus if !self.fill => text.push(' '),
                Part::Minus => {}
                Part::Text(c) => text.push(*c),
            }
        }
        anchored(text)
    }

    /// The sign, or what [`anchored`] puts in front of the first digit.
    fn sign(&self, leading: bool) -> char {
        match (self.negative, leading) {
            (true, true) => '\u{1}',
            (false, true) => '\u{2}',
            (true, false) => '-',
            (false, false) => '+',
        }
    }

    /// The places of digits before the point.
    fn places(&self) -> Vec<Part> {
        let before = &self.parts[..self.point];
        before.iter().copied().filter(|part| matches!(part, Part::Nine | Part::Zero)).collect()
    }

    /// How many places behind the point are written: all up to the last that is not zero, or that a `0` asks for.
    fn needed(&self, part: &str) -> usize {
        let places: Vec<&Part> = self.parts[self.point.min(self.parts.len())..]
            .iter()
            .filter(|part| matches!(part, Part::Nine | Part::Zero))
            .collect();
        let asked = places.iter().rposition(|part| **part == Part::Zero).map_or(0, |at| at + 1);
        asked.max(part.trim_end_matches('0').len())
    }
}

/// A sign that stands before the number is written right before its first digit.
fn anchored(text: String) -> String {
    let Some(at) = text.find(['\u{1}', '\u{2}']) else { return text };
    let sign = if text[at..].starts_with('\u{1}') { '-' } else { '+' };
    let (before, rest) = (&text[..at], &text[at + 1..]);
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    format!("{before}{}{sign}{}", &rest[..blanks], &rest[blanks..])
}
