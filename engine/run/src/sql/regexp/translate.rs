//! An "advanced regular expression" of PostgreSQL, written for the `regex` crate; what has no equal there is refused.

use datafusion::common::{Result, plan_err};
use std::fmt::Write as _;

/// A translated pattern.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the pattern")]
#[derive(Debug, PartialEq)]
pub struct Translated {
    /// For the `regex` crate, without flags.
    pub pattern: String,
    /// Letters that were set inside the pattern.
    pub flags: String,
    /// Whether some repetition is as short as possible, and whether some is as long as possible.
    pub lazy: bool,
    /// The other kind.
    pub greedy: bool,
    /// Whether what stands around a match decides.
    pub looks_around: bool,
    /// Whether there are groups or alternatives, so that the first match need not be the longest.
    pub branches: bool,
}

/// Translates a pattern.
pub fn translate(source: &str) -> Result<Translated> {
    let (flags, source) = embedded(source)?;
    let mut to = Translated {
        pattern: String::with_capacity(source.len()),
        flags,
        lazy: false,
        greedy: false,
        looks_around: false,
        branches: false,
    };
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, &mut to)?,
            '[' => bracket(&mut chars, &mut to)?,
            '(' => group(&mut chars, &mut to)?,
            '*' | '+' | '?' => quantifier(c.to_string(), &mut chars, &mut to),
            '{' if chars.peek().is_some_and(char::is_ascii_digit) => {
                let mut bound = String::from("{");
                for c in chars.by_ref() {
                    bound.push(c);
                    if c == '}' {
                        break;
                    }
                }
                quantifier(bound, &mut chars, &mut to);
            }
            '{' => to.pattern.push_str("\\{"),
            '}' => to.pattern.push_str("\\}"),
            '|' => {
                to.branches = true;
                to.pattern.push('|');
            }
            '^' | '$' => {
                to.looks_around = true;
                to.pattern.push(c);
            }
            c => to.pattern.push(c),
        }
    }
    Ok(to)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// `(?i)` at the beginning, and the rest.
fn embedded(source: &str) -> Result<(String, &str)> {
    if let Some(literal) = source.strip_prefix("***=") {
        return Ok(("q".to_owned(), literal));
    }
    if source.starts_with("***") {
        return plan_err!("regular expression '{source}': `***` is not supported");
    }
    let Some(rest) = source.strip_prefix("(?") else { return Ok((String::new(), source)) };
    let Some((letters, rest)) = rest.split_once(')') else { return Ok((String::new(), source)) };
    if letters.is_empty() || !letters.chars().all(|c| c.is_ascii_lowercase()) {
        return Ok((String::new(), source));
    }
    Ok((letters.to_owned(), rest))
}

fn quantifier(text: String, chars: &mut Chars<'_>, to: &mut Translated) {
    to.pattern.push_str(&text);
    if chars.peek() == Some(&'?') {
        chars.next();
        to.pattern.push('?');
        to.lazy = true;
    } else {
        to.greedy = true;
    }
}

fn group(chars: &mut Chars<'_>, to: &mut Translated) -> Result<()> {
    to.branches = true;
    to.pattern.push('(');
    if chars.peek() != Some(&'?') {
        return Ok(());
    }
    chars.next();
    match chars.next() {
        Some(':') => to.pattern.push_str("?:"),
        _ => return plan_err!("a regular expression that looks ahead or behind is not supported"),
    }
    Ok(())
}

fn escape(chars: &mut Chars<'_>, to: &mut Translated) -> Result<()> {
    let Some(c) = chars.next() else {
        return plan_err!("the regular expression ends with a backslash");
    };
    match c {
        'm' => around("\\b{start}", to),
        'M' => around("\\b{end}", to),
        'y' => around("\\b", to),
        'Y' => around("\\B", to),
        'A' => around("\\A", to),
        'Z' => around("\\z", to),
        'b' => to.pattern.push_str("\\x08"),
        'B' => to.pattern.push_str("\\\\"),
        'a' => to.pattern.push_str("\\x07"),
        'e' => to.pattern.push_str("\\x1B"),
        'd' => to.pattern.push_str("[0-9]"),
        'D' => to.pattern.push_str("[^0-9]"),
        'w' | 'W' | 's' | 'S' | 'n' | 'r' | 't' | 'f' | 'v' | 'u' | 'x' => {
            to.pattern.push('\\');
            to.pattern.push(c);
        }
        '0' => to.pattern.push_str("\\x00"),
        '1'..='9' => return plan_err!("a regular expression that refers back to a group (`\\{c}`) is not supported"),
        c if c.is_ascii_alphanumeric() => {
            return plan_err!("a regular expression does not know the escape `\\{c}`");
        }
        c => to.pattern.push_str(&regex::escape(&c.to_string())),
    }
    Ok(())
}

fn around(text: &str, to: &mut Translated) {
    to.looks_around = true;
    to.pattern.push_str(text);
}

/// What stands in brackets. The `regex` crate knows sets in sets and differences, which PostgreSQL does not.
fn bracket(chars: &mut Chars<'_>, to: &mut Translated) -> Result<()> {
    to.pattern.push('[');
    if chars.peek() == Some(&'^') {
        chars.next();
        to.pattern.push('^');
    }
    let mut first = true;
    loop {
        let Some(c) = chars.next() else {
            return plan_err!("brackets of the regular expression are not balanced");
        };
        match c {
            ']' if !first => {
                to.pattern.push(']');
                return Ok(());
            }
            ']' => to.pattern.push_str("\\]"),
            '[' => match chars.peek() {
                Some(':') => class(chars, to)?,
                Some('.' | '=') => return plan_err!("a regular expression with `[.` or `[=` is not supported"),
                _ => to.pattern.push_str("\\["),
            },
            '\\' => match chars.next() {
                Some('b') => to.pattern.push_str("\\x08"),
                Some('B') => to.pattern.push_str("\\\\"),
                Some('d') => to.pattern.push_str("0-9"),
                Some(c @ ('w' | 's' | 'n' | 'r' | 't' | 'f' | 'v' | 'u' | 'x')) => {
                    let _ = write!(to.pattern, "\\{c}");
                }
                Some(c) if !c.is_ascii_alphanumeric() => {
                    let _ = write!(to.pattern, "\\{c}");
                }
                _ => return plan_err!("the regular expression has an escape in brackets that is not supported"),
            },
            '&' | '~' => {
                to.pattern.push('\\');
                to.pattern.push(c);
            }
            c => to.pattern.push(c),
        }
        first = false;
    }
}

fn class(chars: &mut Chars<'_>, to: &mut Translated) -> Result<()> {
    chars.next();
    let mut name = String::new();
    for c in chars.by_ref() {
        if c == ':' {
            break;
        }
        name.push(c);
    }
    if chars.next() != Some(']') {
        return plan_err!("a class of the regular expression is not closed");
    }
    match name.as_str() {
        "alpha" => to.pattern.push_str("\\p{Alphabetic}"),
        "alnum" => to.pattern.push_str("\\p{Alphabetic}0-9"),
        "digit" => to.pattern.push_str("0-9"),
        "space" => to.pattern.push_str("\\s"),
        "lower" => to.pattern.push_str("\\p{Lowercase}"),
        "upper" => to.pattern.push_str("\\p{Uppercase}"),
        "word" => to.pattern.push_str("\\w"),
        "punct" | "blank" | "cntrl" | "graph" | "print" | "xdigit" | "ascii" => {
            let _ = write!(to.pattern, "[:{name}:]");
        }
        _ => return plan_err!("a regular expression does not know the class `[:{name}:]`"),
    }
    Ok(())
}

/// `similar to` (9.7.2): `%` and `_` as in `like`, and `| * + ? {} () []` as in a regular expression, over the whole text.
pub fn similar(source: &str, escape: Option<char>) -> Result<String> {
    let mut pattern = String::from("\\A(?:");
    let mut chars = source.chars();
    let mut inside = false;
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => match chars.next() {
                Some('"') => return plan_err!("`similar to` with separators (`\\\"`) is not supported"),
                Some(c) => pattern.push_str(&regex::escape(&c.to_string())),
                None => return plan_err!("the pattern of `similar to` ends with its escape"),
            },
            '[' if !inside => {
                inside = true;
                pattern.push('[');
            }
            ']' => {
                inside = false;
                pattern.push(']');
            }
            c if inside && matches!(c, '[' | '&' | '~' | '\\') => {
                pattern.push('\\');
                pattern.push(c);
            }
            c if inside => pattern.push(c),
            '%' => pattern.push_str(".*"),
            '_' => pattern.push('.'),
            '(' => pattern.push_str("(?:"),
            '|' | '*' | '+' | '?' | '{' | '}' | ')' => pattern.push(c),
            c => pattern.push_str(&regex::escape(&c.to_string())),
        }
    }
    pattern.push_str(")\\z");
    Ok(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(source: &str) -> String {
        translate(source).unwrap().pattern
    }

    #[test]
    fn escapes_mean_what_they_mean_to_postgresql() {
        assert_eq!(pattern(r"\mab\M\y"), r"\b{start}ab\b{end}\b");
        assert_eq!(pattern(r"\b\d"), r"\x08[0-9]");
        assert_eq!(pattern(r"[]a[&~]"), r"[\]a\[\&\~]");
        assert_eq!(pattern("a{x}"), r"a\{x\}");
    }

    #[test]
    fn what_has_no_equal_is_refused() {
        for source in [r"(a)\1", "(?=a)", "(?<!a)", "[[.a.]]", r"\q", "["] {
            assert!(translate(source).is_err(), "{source}");
        }
    }

    #[test]
    fn letters_at_the_beginning_are_flags() {
        let translated = translate("(?i)abc").unwrap();
        assert_eq!((translated.flags.as_str(), translated.pattern.as_str()), ("i", "abc"));
    }

    #[test]
    fn similar_to_is_about_the_whole_text() {
        assert_eq!(similar("a%(b|c)_", Some('\\')).unwrap(), r"\A(?:a.*(?:b|c).)\z");
        assert_eq!(similar("a.b", Some('\\')).unwrap(), r"\A(?:a\.b)\z");
        assert_eq!(similar(r"a\%", Some('\\')).unwrap(), r"\A(?:a%)\z");
    }
}
