//! Marks round text that came from outside, while it is being rendered.
//!
//! They are two code points that Unicode will never give to a character.

use minijinja::value::{Value, ValueKind};
use std::ops::Range;

const BEGIN: char = '\u{FDD0}';
const END: char = '\u{FDD1}';

/// Whether a text contains what only marks may be.
pub(super) fn contains(text: &str) -> bool {
    text.contains([BEGIN, END])
}

/// Puts marks round a text.
pub(super) fn wrap(text: &str) -> String {
    format!("{BEGIN}{text}{END}")
}

/// A text without marks.
pub(super) fn unmark(text: &str) -> String {
    text.replace([BEGIN, END], "")
}

/// A value without marks, at any depth of lists and tables.
pub(super) fn unmark_value(value: &Value) -> Value {
    match value.kind() {
        ValueKind::String => match value.as_str() {
            Some(text) if contains(text) => Value::from(unmark(text)),
            _ => value.clone(),
        },
        ValueKind::Seq => {
            value.try_iter().map_or_else(|_| value.clone(), |items| items.map(|item| unmark_value(&item)).collect())
        }
        _ => value.clone(),
    }
}

/// A text without marks, and the stretches that stood between them.
pub(super) struct Unmarked {
    pub text: String,
    pub outside: Vec<Range<usize>>,
    /// Where marks stood in the marked text.
    places: Vec<usize>,
}

/// Takes the marks out of a rendered text; `None` if one was lost on the way.
pub(super) fn strip(marked: &str) -> Option<Unmarked> {
    let mut unmarked = Unmarked { text: String::with_capacity(marked.len()), outside: vec![], places: vec![] };
    let mut open: Vec<usize> = vec![];
    for (at, c) in marked.char_indices() {
        match c {
            BEGIN => open.push(unmarked.text.len()),
            END => {
                let start = open.pop()?;
                if open.is_empty() {
                    unmarked.outside.push(start..unmarked.text.len());
                }
            }
            _ => {
                unmarked.text.push(c);
                continue;
            }
        }
        unmarked.places.push(at);
    }
    open.is_empty().then_some(unmarked)
}

impl Unmarked {
    /// The offset in the text without marks of an offset in the marked one.
    pub fn offset(&self, marked: usize) -> usize {
        marked - self.places.partition_point(|place| *place < marked) * BEGIN.len_utf8()
    }
}
