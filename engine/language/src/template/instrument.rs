//! A template with our own calls put in, and the way back to the user's bytes.

use std::ops::Range;

/// The function that marks what comes from outside.
pub(super) const OUTSIDE: &str = "_engine_outside";

/// A template's text with insertions.
#[derive(Debug)]
pub(super) struct Instrumented {
    pub text: String,
    /// Where the insertions begin in `text`, and how long each is.
    insertions: Vec<(usize, usize)>,
}

impl Instrumented {
    /// Puts `prelude` before a template, and marks round the values of the expressions at `printed`.
    pub fn new(original: &str, prelude: &str, printed: &[Range<usize>]) -> Self {
        let mut instrumented = Self { text: String::with_capacity(original.len()), insertions: vec![] };
        instrumented.insert(prelude);
        let mut from = 0;
        for range in printed {
            instrumented.text.push_str(&original[from..range.start]);
            instrumented.insert(&format!("{OUTSIDE}(("));
            instrumented.text.push_str(&original[range.clone()]);
            instrumented.insert("))");
            from = range.end;
        }
        instrumented.text.push_str(&original[from..]);
        instrumented
    }

    fn insert(&mut self, text: &str) {
        if !text.is_empty() {
            self.insertions.push((self.text.len(), text.len()));
            self.text.push_str(text);
        }
    }

    /// The user's bytes for bytes of `text`.
    pub fn back(&self, range: &Range<usize>) -> Range<usize> {
        self.offset(range.start)..self.offset(range.end)
    }

    fn offset(&self, offset: usize) -> usize {
        let inserted = self.insertions.iter().map(|(at, len)| offset.saturating_sub(*at).min(*len)).sum::<usize>();
        offset - inserted
    }
}

#[cfg(test)]
mod tests {
    use super::Instrumented;

    #[test]
    fn bytes_find_their_way_back() {
        let original = "select {{ a }}, {{ b }}";
        let instrumented = Instrumented::new(original, "{%p%}", &[10..11, 19..20]);
        assert_eq!(instrumented.text, "{%p%}select {{ _engine_outside((a)) }}, {{ _engine_outside((b)) }}");
        for name in ["select", "_engine_outside((a))", "b", "}}, {{"] {
            let start = instrumented.text.find(name).unwrap();
            let start = if name == "b" { instrumented.text.rfind('b').unwrap() } else { start };
            let back = instrumented.back(&(start..start + name.len()));
            assert_eq!(&original[back], name.trim_start_matches("_engine_outside((").trim_end_matches("))"));
        }
    }
}
