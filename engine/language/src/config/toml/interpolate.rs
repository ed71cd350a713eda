//! `${NAME}`, `${NAME:-default}`, `${NAME:?message}` in TOML strings; `$${` is a plain `${`.

use super::{Value, ValueKind};
use crate::{
    code,
    diagnostic::{Diagnostic, Problems},
    files::Span,
};

/// Resolves every string of a value, in place. Complains of each variable that is missing.
pub fn interpolate(value: &mut Value, lookup: &dyn Fn(&str) -> Option<String>, problems: &mut Problems) {
    match &mut value.kind {
        ValueKind::String(text) if text.contains("${") => match resolve(text, lookup) {
            Ok(resolved) if text.contains("$${") && !has_variable(text) => value.kind = ValueKind::String(resolved),
            Ok(resolved) => value.kind = ValueKind::Interpolated(resolved),
            Err(problem) => {
                problems.push(problem.at(value.span));
                value.kind = ValueKind::Interpolated(String::new());
            }
        },
        ValueKind::Array(items) => items.iter_mut().for_each(|item| interpolate(item, lookup, problems)),
        ValueKind::Table(entries) => entries.iter_mut().for_each(|(_, _, v)| interpolate(v, lookup, problems)),
        _ => {}
    }
}

fn has_variable(text: &str) -> bool {
    text.replace("$${", "").contains("${")
}

enum Wrong {
    Missing { name: String, message: Option<String> },
    Unclosed,
    BadName(String),
}

impl Wrong {
    fn at(self, span: Span) -> Diagnostic {
        match self {
            Self::Missing { name, message: None } => {
                Diagnostic::error(&code::E0007, span, format!("the environment variable `{name}` is not set"))
                    .hint(format!("set it in the environment or in `.env`, or write a default: `${{{name}:-…}}`"))
            }
            Self::Missing { name, message: Some(message) } => {
                Diagnostic::error(&code::E0007, span, format!("the environment variable `{name}` is not set"))
                    .hint(message)
            }
            Self::Unclosed => {
                Diagnostic::error(&code::E0008, span, "`${` is not closed by `}`").hint("write `$${` for a plain `${`")
            }
            Self::BadName(name) => {
                Diagnostic::error(&code::E0008, span, format!("`{name}` cannot be a variable's name"))
                    .hint("write `${NAME}`, `${NAME:-default}` or `${NAME:?message}`; `$${` is a plain `${`")
            }
        }
    }
}

fn resolve(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, Wrong> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            out.push_str(&rest[..start - 1]);
            out.push_str("${");
            rest = &rest[start + 2..];
            continue;
        }
        out.push_str(&rest[..start]);
        let inside = &rest[start + 2..];
        let end = inside.find('}').ok_or(Wrong::Unclosed)?;
        out.push_str(&variable(&inside[..end], lookup)?);
        rest = &inside[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn variable(inside: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, Wrong> {
    let (name, otherwise) = match inside.find(':') {
        Some(colon) => (&inside[..colon], Some(&inside[colon + 1..])),
        None => (inside, None),
    };
    let good = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !good {
        return Err(Wrong::BadName(inside.to_owned()));
    }
    let missing = |message: Option<&str>| Wrong::Missing { name: name.into(), message: message.map(str::to_owned) };
    match otherwise {
        None => lookup(name).ok_or_else(|| missing(None)),
        Some(rest) => {
            // As in a shell: with a colon, an empty variable counts as missing.
            if let Some(value) = lookup(name).filter(|value| !value.is_empty()) {
                return Ok(value);
            }
            match (rest.strip_prefix('-'), rest.strip_prefix('?')) {
                (Some(default), _) => Ok(default.to_owned()),
                (_, Some(message)) => Err(missing(Some(message))),
                _ => Err(Wrong::BadName(inside.to_owned())),
            }
        }
    }
}
