//! Reading forms.

use crate::web::http_error::HttpError;
use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use std::collections::BTreeMap;

/// A form's fields; of several with one name, the last.
#[derive(Clone, Debug, Default)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads what a browser sends.
    pub fn read(bytes: &[u8]) -> Self {
        Self(pairs(bytes))
    }

    /// A field; empty if it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    /// A field as it was typed, such as a password.
    pub fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Where to go afterwards: a path of ours, else `or`.
    pub fn next(&self, or: &str) -> String {
        own_path(self.text("next")).unwrap_or(or).to_owned()
    }
}

/// A path of ours: nothing that leads to another place. Browsers drop tabs and line ends from addresses, and take a
/// backslash for a slash, so only what no browser reads in another way is a path.
pub fn own_path(path: &str) -> Option<&str> {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    Some(path).filter(|path| plain && path.starts_with('/') && !path.starts_with("//"))
}

/// One field of a form.
pub fn field(bytes: &[u8], name: &str) -> String {
    Fields::read(bytes).raw(name).to_owned()
}

fn pairs(bytes: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(bytes);
    let parts = text.split('&').filter(|pair| !pair.is_empty());
    parts
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = || {
            let pair = std::str::from_utf8(after.get(..2)?).ok()?;
            u8::from_str_radix(pair, 16).ok()
        };
        match (*first, hex()) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            (byte, _) => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = axum::http::StatusCode;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| axum::http::StatusCode::BAD_REQUEST)?;
        Ok(Self::read(&bytes))
    }
}

/// `NAME=VALUE`, one a line.
pub fn variables(text: &str) -> Result<BTreeMap<String, String>, HttpError> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| match line.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err(HttpError::bad_request(format!("`{line}` is no variable: write NAME=VALUE, one a line"))),
    };
    lines.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::{Fields, own_path, variables};

    #[test]
    fn forms_are_read_as_browsers_send_them() {
        let form = Fields::read(b"a=1+2&b=%C3%BC%26&c&b=last%2&d=%zz");
        assert_eq!((form.raw("a"), form.raw("b"), form.raw("d")), ("1 2", "last%2", "%zz"));
        assert!(form.ticked("c") && !form.ticked("e"));
    }

    #[test]
    fn only_own_paths_are_gone_to() {
        assert_eq!(own_path("/runs?x=1"), Some("/runs?x=1"));
        for path in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\r\nb",
            "/\t/evil.example",
            "\t//evil.example",
            "/\u{b}/evil.example",
            "/\u{0}/evil.example",
            "/\u{85}/evil.example",
            " //evil.example",
            "/ü",
            "/a b",
            "javascript:alert(1)",
        ] {
            assert_eq!(own_path(path), None, "{path}");
        }
    }

    #[test]
    fn variables_are_one_a_line() {
        let read = variables("a=1\n\n b = x=y \n").unwrap();
        assert_eq!(read.into_iter().collect::<Vec<_>>(), [("a".into(), "1".into()), ("b".into(), "x=y".into())]);
        assert!(variables("nothing").is_err());
    }
}
