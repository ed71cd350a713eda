//! The grammar of `.env`: `NAME=value` lines, comments, quotes and `${NAME}`.

use std::{collections::BTreeMap, iter::Peekable, str::Chars};

/// What a file says. No error and no line of [`Dotenv::shown`] holds a value.
#[derive(Debug, Default)]
pub struct Dotenv {
    /// The variables; of several with one name, the last.
    pub variables: BTreeMap<String, String>,
    /// The lines that cannot be read, counted from 0, and why.
    pub errors: Vec<(usize, String)>,
    /// The file, line by line, with `***` for each value.
    pub shown: String,
}

/// Reads a file. `environment` are the variables that `${NAME}` may name besides those of earlier lines.
pub fn parse(text: &str, environment: impl Fn(&str) -> Option<String>) -> Dotenv {
    let mut found = Dotenv::default();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 0;
    while !rest.is_empty() {
        let known = |name: &str| environment(name).or_else(|| found.variables.get(name).cloned());
        let entry = entry(rest, known);
        let (taken, after) = rest.split_at(entry.length);
        rest = after;
        found.shown.push_str(&entry.shown);
        let lines = taken.matches('\n').count();
        found.shown.extend(std::iter::repeat_n("\n***", lines.saturating_sub(1)));
        if lines > 0 {
            found.shown.push('\n');
        }
        match entry.said {
            Said::Nothing => {}
            Said::Variable(name, value) => drop(found.variables.insert(name, value)),
            Said::Wrong(why) => found.errors.push((line, why)),
        }
        line += lines;
    }
    found
}

/// What stands at the beginning of a text.
struct Entry {
    said: Said,
    /// Its bytes, the end of the line included.
    length: usize,
    /// Its first line, without its value.
    shown: String,
}

enum Said {
    Nothing,
    Variable(String, String),
    Wrong(String),
}

fn entry(text: &str, known: impl Fn(&str) -> Option<String>) -> Entry {
    let line = text.find('\n').map_or(text.len(), |end| end + 1);
    let first = text[..line].trim();
    if first.is_empty() || first.starts_with('#') {
        let shown = if first.is_empty() { String::new() } else { "# ***".to_owned() };
        return Entry { said: Said::Nothing, length: line, shown };
    }
    let wrong =
        |why: &str, shown: &str| Entry { said: Said::Wrong(why.to_owned()), length: line, shown: shown.to_owned() };
    let Some((name, _)) = text[..line].split_once('=') else { return wrong("it has no `=`", "***") };
    let begin = name.len() + 1;
    let name = name.trim();
    let name = name.strip_prefix("export ").map_or(name, str::trim_start);
    if !is_name(name) {
        return wrong("a name is made of letters, digits and `_`", "***");
    }
    let shown = format!("{name}=***");
    match value(&text[begin..], known) {
        Ok((value, length)) => Entry { said: Said::Variable(name.to_owned(), value), length: begin + length, shown },
        Err(why) => wrong(&why, &shown),
    }
}

fn is_name(name: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    name.chars().all(letters) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// A value and how many bytes it takes, its line's end included.
fn value(text: &str, known: impl Fn(&str) -> Option<String>) -> Result<(String, usize), String> {
    let mut reader = Reader { rest: text.chars().peekable(), known, value: String::new() };
    reader.blanks();
    let mut ended = false;
    while let Some(c) = reader.rest.next() {
        match c {
            '\n' => break,
            '\r' if reader.rest.peek().is_none_or(|next| *next == '\n') => {}
            '#' if ended => reader.rest.by_ref().take_while(|c| *c != '\n').for_each(drop),
            c if c.is_whitespace() => ended = true,
            _ if ended => return Err("what follows a blank is no comment".to_owned()),
            '\'' => reader.single_quoted()?,
            '"' => reader.double_quoted()?,
            '\\' => reader.escaped()?,
            '$' => reader.dollar()?,
            c => reader.value.push(c),
        }
        if c == '#' && ended {
            break;
        }
    }
    let left: usize = reader.rest.map(char::len_utf8).sum();
    Ok((reader.value, text.len() - left))
}

struct Reader<'a, F> {
    rest: Peekable<Chars<'a>>,
    known: F,
    value: String,
}

impl<F: Fn(&str) -> Option<String>> Reader<'_, F> {
    fn blanks(&mut self) {
        while self.rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
    }

    fn single_quoted(&mut self) -> Result<(), String> {
        loop {
            match self.rest.next() {
                Some('\'') => return Ok(()),
                Some(c) => self.value.push(c),
                None => return Err("a single quote is not closed".to_owned()),
            }
        }
    }

    fn double_quoted(&mut self) -> Result<(), String> {
        loop {
            match self.rest.next() {
                Some('"') => return Ok(()),
                Some('\\') => self.escaped()?,
                Some('$') => self.dollar()?,
                Some(c) => self.value.push(c),
                None => return Err("a double quote is not closed".to_owned()),
            }
        }
    }

    fn escaped(&mut self) -> Result<(), String> {
        self.value.push(match self.rest.next() {
            Some('n') => '\n',
            Some(c @ ('\\' | '\'' | '"' | '$' | ' ' | '#')) => c,
            _ => {
                return Err("a backslash stands before `n`, a quote, `$`, `#`, a blank or another backslash".to_owned());
            }
        });
        Ok(())
    }

    /// `${NAME}` is a variable; any other `$` is that character.
    fn dollar(&mut self) -> Result<(), String> {
        let mut ahead = self.rest.clone();
        let name = match ahead.next() {
            Some('{') => ahead.by_ref().take_while(|c| *c != '}').collect::<String>(),
            _ => String::new(),
        };
        if !is_name(&name) {
            self.value.push('$');
            return Ok(());
        }
        let value = (self.known)(&name);
        self.value.push_str(&value.ok_or("`${NAME}` names a variable that is not set; `\\$` is a dollar sign")?);
        self.rest = ahead;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn one(text: &str) -> String {
        let found = parse(text, |name| (name == "HOME").then(|| "/h".to_owned()));
        match (found.variables.get("X"), found.errors.first()) {
            (Some(value), None) => value.clone(),
            (_, Some((line, why))) => format!("error in {line}: {why}"),
            (None, None) => "nothing".to_owned(),
        }
    }

    #[test]
    fn values_are_what_they_say() {
        for (text, value) in [
            ("X=p@ss$word", "p@ss$word"),
            ("X=\"p@ss$word\"\n", "p@ss$word"),
            ("X='a ${HOME} \"#\\'", "a ${HOME} \"#\\"),
            ("X=${HOME}/b$", "/h/b$"),
            ("X=\\${HOME}", "${HOME}"),
            ("X=\"a\\n\\\"b\\\\\"", "a\n\"b\\"),
            ("X=a#b # c\r\n", "a#b"),
            ("  export X = a \r\n", "a"),
            ("X=", ""),
            ("X=''\n#\n", ""),
            ("X=#a", "#a"),
            ("X=\"two\nlines\"\nY=1", "two\nlines"),
            ("X=1\nX=2", "2"),
            ("Y=1\nX=${Y}2", "12"),
            ("X=a=b==", "a=b=="),
            ("\u{feff}X=1", "1"),
            ("X=$$", "$$"),
            ("X=${}", "${}"),
        ] {
            assert_eq!(one(text), value, "{text}");
        }
    }

    #[test]
    fn wrong_lines_are_named_without_their_values() {
        for (text, line) in [
            ("A=1\n\nsecret\nX=1", 2),
            ("A=1\nB=\"a\nb\"\nX=secret value", 3),
            ("A=1\nX=\"secret", 1),
            ("A=1\nX='secret\nY=2", 1),
            ("1X=secret", 0),
            ("X=secret\\word", 0),
            ("X=secret${NONE}", 0),
            ("# secret\n\n\nX=${NONE}secret # secret", 3),
        ] {
            let found = parse(text, |_| None);
            assert_eq!(found.errors.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [line], "{text}");
            assert!(!found.shown.contains("secret"), "{text}: {}", found.shown);
            assert!(!found.errors[0].1.contains("secret"), "{text}");
            assert_eq!(found.shown.lines().count(), text.lines().count(), "{text}: {}", found.shown);
        }
    }
}
