//! How things are said on pages: times, states, numbers. What is marked as HTML is escaped here.

use crate::{terminal::format, terminal::format::utc};
use std::{fmt::Write as _, time::Duration};

/// A value that a template hands over, however often it was borrowed on the way.
pub trait Given<T> {
    /// The value.
    fn given(&self) -> T;
}

impl<T: Copy> Given<T> for T {
    fn given(&self) -> T {
        *self
    }
}

impl<T: Copy> Given<T> for &T {
    fn given(&self) -> T {
        **self
    }
}

impl<T: Copy> Given<T> for &&T {
    fn given(&self) -> T {
        ***self
    }
}

/// Text that may stand in HTML and in its attributes.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not even XML may hold these.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Text that may stand in a path or query, as one part of it.
pub fn url(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A time, as HTML: in UTC, which the script turns into the reader's own.
pub fn time(at_us: impl Given<i64>) -> String {
    let text = utc(at_us.given());
    let short = text.get(..19).unwrap_or(&text).replace('T', " ");
    format!("<time datetime=\"{text}\">{short} UTC</time>")
}

/// How long ago, or how soon, as HTML.
pub fn ago(at_us: impl Given<i64>, now_us: impl Given<i64>) -> String {
    let (at_us, now_us) = (at_us.given(), now_us.given());
    let far = Duration::from_micros(now_us.abs_diff(at_us));
    let words = match far.as_secs() {
        0..5 => "now".to_owned(),
        seconds => {
            let (number, unit) = match seconds {
                0..60 => (seconds, "s"),
                60..3_600 => (seconds / 60, "min"),
                3_600..86_400 => (seconds / 3_600, "h"),
                _ => (seconds / 86_400, "d"),
            };
            if at_us > now_us { format!("in {number} {unit}") } else { format!("{number} {unit} ago") }
        }
    };
    let text = utc(at_us);
    format!("<time datetime=\"{text}\" title=\"{text}\" data-ago>{words}</time>")
}

/// Whether a time has not come yet.
pub fn is_later(at_us: impl Given<i64>, now_us: impl Given<i64>) -> bool {
    at_us.given() > now_us.given()
}

/// A duration in few characters.
pub fn took(us: impl Given<i64>) -> String {
    format::duration(Duration::from_micros(us.given().max(0).unsigned_abs()))
}

/// The same of a duration that may not be known.
pub fn took_if(us: impl Given<Option<i64>>) -> String {
    us.given().map(took).unwrap_or_default()
}

/// A number with commas.
pub fn count(number: impl Given<u64>) -> String {
    format::count(number.given())
}

/// The same of a number that may not be known.
pub fn count_if(number: impl Given<Option<u64>>) -> String {
    number.given().map(count).unwrap_or_default()
}

/// `3 rows`.
pub fn counted(number: impl Given<u64>, word: &str) -> String {
    format::counted(number.given(), word)
}

/// A state as icon, word and colour, as HTML.
pub fn state(word: &str) -> String {
    let icon = match word {
        "succeeded" | "passed" | "ok" | "fresh" | "done" => "✓",
        "failed" | "error" | "stale" => "✕",
        "reused" => "≡",
        "running" | "working" => "●",
        "waiting" | "queued" => "○",
        "paused" => "❚❚",
        "skipped" => "↷",
        "cancelled" | "interrupted" => "◼",
        "warn" | "late" => "!",
        _ => "·",
    };
    let word = escaped(word);
    format!("<span class=\"state s-{word}\"><span class=\"icon\" aria-hidden=\"true\">{icon}</span>{word}</span>")
}

/// The beginning of an id, enough to tell runs of a day apart: the end of its time and of its chance.
pub fn short(id: &str) -> String {
    let tail: String = id.chars().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect();
    if id.len() > 12 { format!("{}…{tail}", &id[..5.min(id.len())]) } else { id.to_owned() }
}

/// How many nodes ended how, as HTML.
pub fn tally(
    succeeded: impl Given<u64>,
    reused: impl Given<u64>,
    failed: impl Given<u64>,
    skipped: impl Given<u64>,
) -> String {
    let parts = [
        (succeeded.given(), "succeeded", "made"),
        (reused.given(), "reused", "reused"),
        (failed.given(), "failed", "failed"),
        (skipped.given(), "skipped", "skipped"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _, _)| *number > 0)
        .map(|(number, class, word)| format!("<span class=\"s-{class}\">{} {word}</span>", format::count(*number)))
        .collect();
    parts.join(" · ")
}

/// A square of a row of squares.
#[derive(Clone, Debug)]
pub struct Square {
    /// The state that it stands for.
    pub state: String,
    /// What it says.
    pub title: String,
    /// Where it leads.
    pub href: String,
}

/// As many squares find room.
pub const SQUARES: usize = 20;

/// Squares, oldest first, as HTML: the newest at the right.
pub fn squares(all: &[Square]) -> String {
    let most = SQUARES.max(all.len());
    let width = most * 11;
    let empty = most.saturating_sub(all.len());
    let mut text = format!(
        "<svg class=\"squares\" width=\"{width}\" height=\"16\" viewBox=\"0 0 {width} 16\" role=\"img\" aria-label=\"last {} runs\">",
        all.len()
    );
    for (i, square) in all.iter().enumerate() {
        let x = (empty + i) * 11;
        let Square { state, title, href } = square;
        let (state, title) = (escaped(state), escaped(title));
        let _ = write!(
            text,
            "<a href=\"{href}\" tabindex=\"-1\" aria-hidden=\"true\"><rect class=\"q q-{state}\" x=\"{x}\" y=\"1\" width=\"9\" height=\"14\" rx=\"2\"><title>{title}</title></rect></a>"
        );
    }
    text.push_str("</svg>");
    text
}

#[cfg(test)]
mod tests {
    use super::{ago, escaped, squares, state, time, url};

    #[test]
    fn nothing_leaves_its_place() {
        assert_eq!(escaped("<a b='\"&\u{1}\n"), "&lt;a b=&#39;&quot;&amp;\u{fffd}\n");
        assert_eq!(url("a/b c.d?ü"), "a%2Fb%20c.d%3F%C3%BC");
        assert!(!state("<b>").contains("<b>"));
        let square = super::Square { state: "\"".into(), title: "<".into(), href: "/runs/1".into() };
        assert!(squares(&[square]).contains("&lt;"));
    }

    #[test]
    fn times_read_well() {
        assert_eq!(time(0), "<time datetime=\"1970-01-01T00:00:00.000000Z\">1970-01-01 00:00:00 UTC</time>");
        let said = |at: i64| ago(at, 1_000_000_000_000).split('>').nth(1).unwrap().replace("</time", "");
        assert_eq!(
            [999_999, 1_000_090, 999_910, 992_800, 100_000].map(|second: i64| said(second * 1_000_000)),
            ["now", "in 1 min", "1 min ago", "2 h ago", "10 d ago"]
        );
    }
}
