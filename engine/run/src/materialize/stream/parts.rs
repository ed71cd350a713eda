//! Rows that are cut in two where they are refused, and stay in their order.

use std::ops::Range;

/// What is left to be done of some rows.
#[derive(Debug)]
pub struct Parts(Vec<Range<usize>>);

impl Parts {
    /// So many rows, in one part; it may be empty.
    pub fn of(rows: usize) -> Self {
        let mut parts = Self(vec![]);
        parts.0.push(0..rows);
        parts
    }

    /// The next part.
    pub fn next(&mut self) -> Option<Range<usize>> {
        self.0.pop()
    }

    /// Its halves come next.
    pub fn cut(&mut self, part: Range<usize>) {
        let middle = part.start + part.len() / 2;
        self.0.push(middle..part.end);
        self.0.push(part.start..middle);
    }
}

#[cfg(test)]
mod tests {
    use super::Parts;

    #[test]
    fn halves_come_in_order_until_each_is_one() {
        let mut parts = Parts::of(5);
        let mut done = vec![];
        while let Some(part) = parts.next() {
            if part.len() > 1 {
                parts.cut(part);
            } else {
                done.extend(part);
            }
        }
        assert_eq!(done, [0, 1, 2, 3, 4]);
        assert_eq!(Parts::of(0).next(), Some(0..0));
    }
}
