//! Types in the words of another server: taken over only if they are nothing but a type.

/// A part of a type's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    /// A name in double quotes.
    Name,
    /// A text in single quotes.
    Text,
    Sign(char),
}

/// Whether a text is one type: a name, perhaps in a schema, with arguments in parentheses and the words that may stand behind
/// it. `words` are those words; what follows `set` or `collate` is a name. Anything else could be more of a statement.
pub fn is_type(text: &str, words: &[&str]) -> bool {
    tokens(text).is_some_and(|tokens| is_one(&tokens, words))
}

fn is_one(tokens: &[Token<'_>], words: &[&str]) -> bool {
    let mut inside = false;
    let mut before = None;
    for (at, token) in tokens.iter().enumerate() {
        let fits = match token {
            Token::Sign('(') => !std::mem::replace(&mut inside, true) && at > 0,
            Token::Sign(')') => std::mem::replace(&mut inside, false),
            Token::Sign(',') | Token::Text => inside,
            // Of a number, and not the first half of a comment's beginning.
            Token::Sign('-') => inside && before != Some(Token::Sign('-')),
            Token::Sign('.') => !inside && matches!(before, Some(Token::Word(_) | Token::Name)) && at < 2,
            Token::Sign('[') => !inside && at > 0 && tokens.get(at + 1) == Some(&Token::Sign(']')),
            Token::Sign(']') => before == Some(Token::Sign('[')),
            Token::Name => !inside && (at == 0 || before == Some(Token::Sign('.'))),
            Token::Word(word) => {
                let named = matches!(before, Some(Token::Word(last)) if is(last, "set") || is(last, "collate"));
                let first = at == 0 || before == Some(Token::Sign('.'));
                inside || first || named || words.iter().any(|known| is(known, word))
            }
            Token::Sign(_) => false,
        };
        if !fits {
            return false;
        }
        before = Some(*token);
    }
    !tokens.is_empty() && !inside
}

fn is(known: &str, word: &str) -> bool {
    known.eq_ignore_ascii_case(word)
}

fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut found = vec![];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ' ' => 1,
            '"' | '\'' => {
                found.push(if first == '"' { Token::Name } else { Token::Text });
                quoted(rest, first)?
            }
            '(' | ')' | ',' | '.' | '[' | ']' | '-' => {
                found.push(Token::Sign(first));
                1
            }
            _ if in_word(first) => {
                let length = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
                found.push(Token::Word(&rest[..length]));
                length
            }
            _ => return None,
        };
        rest = &rest[length..];
    }
    Some(found)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The length of what is quoted, with its quotes; `None` if nothing closes it. Where a backslash could be one and could be an
/// escape, nobody knows where it ends.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '\'' && chars.next_if(|(_, next)| *next == '\\').is_none() {
            return None;
        }
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::is_type;

    const WORDS: &[&str] = &["varying", "with", "time", "zone", "unsigned", "character", "set", "collate"];

    #[test]
    fn types_are_types() {
        for text in [
            "int",
            "character varying(20)",
            "timestamp(3) with time zone",
            "numeric(10,2)[]",
            "numeric(3,-2)",
            "public.geometry(Point,4326)",
            "\"my \"\"schema\".\"a type\"",
            "int(11) unsigned",
            "enum('a','it''s','b\\\\c') character set utf8mb4 collate utf8mb4_bin",
        ] {
            assert!(is_type(text, WORDS), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_one() {
        for text in [
            "",
            "int); drop table users; --",
            "int, evil int",
            "int default 1",
            "int check (true)",
            "int references secrets",
            "int generated always as (1) stored",
            "text -- x",
            "enum('a\\') , evil int, b enum('b')",
            "int /* */",
            "numeric(3,--2)",
            "int -1",
            "a.b.c",
            "\"open",
            "f((1))",
            "(int)",
            "int unsigned primary key",
        ] {
            assert!(!is_type(text, WORDS), "{text}");
        }
    }
}
