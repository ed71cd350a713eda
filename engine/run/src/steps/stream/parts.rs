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

    /// Its pieces come next: what stands before the row that is to blame, that row, and what stands behind it; or, if it is not
    /// known, its halves.
    pub fn cut(&mut self, part: Range<usize>, blamed: Option<usize>) {
        if let Some(row) = blamed.map(|row| part.start + row).filter(|row| part.contains(row)) {
            let pieces = [row + 1..part.end, row..row + 1, part.start..row];
            return self.0.extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
        }
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
                parts.cut(part, None);
            } else {
                done.extend(part);
            }
        }
        assert_eq!(done, [0, 1, 2, 3, 4]);
        assert_eq!(Parts::of(0).next(), Some(0..0));
    }

    #[test]
    fn the_row_that_is_to_blame_comes_alone() {
        for (blamed, expected) in [(2, vec![0..2, 2..3, 3..5]), (0, vec![0..1, 1..5]), (4, vec![0..4, 4..5])] {
            let mut parts = Parts::of(5);
            let all = parts.next().unwrap();
            parts.cut(all, Some(blamed));
            assert_eq!(std::iter::from_fn(|| parts.next()).collect::<Vec<_>>(), expected);
        }
        let mut parts = Parts::of(4);
        let all = parts.next().unwrap();
        parts.cut(all, Some(9));
        assert_eq!(parts.next(), Some(0..2), "nobody has that row");
    }
}
