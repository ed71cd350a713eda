//! How large batches get: every connector ends one by its rows or by its bytes, whichever comes first.

/// Rows of a batch at most.
pub const ROWS: usize = 8192;
/// Bytes after which a batch ends. The row that goes beyond them is its last.
pub const BYTES: usize = 8 << 20;

/// The size of a batch that is being built.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchSize {
    rows: usize,
    bytes: usize,
}

impl BatchSize {
    /// Counts a row and the bytes of its values.
    pub fn add_row(&mut self, bytes: usize) {
        self.rows += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Counts bytes of rows that are counted elsewhere.
    pub fn add_bytes(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Whether the batch ends here.
    pub fn is_full(&self) -> bool {
        self.rows >= ROWS || self.bytes >= BYTES
    }

    /// Rows of a batch, where each takes about so many bytes.
    pub fn rows_of(row_bytes: u64) -> usize {
        let fitting = (BYTES as u64).checked_div(row_bytes).unwrap_or(ROWS as u64);
        usize::try_from(fitting).unwrap_or(ROWS).clamp(1, ROWS)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES, BatchSize, ROWS};

    #[test]
    fn a_batch_ends_by_rows_or_by_bytes() {
        let mut small = BatchSize::default();
        (0..ROWS - 1).for_each(|_| small.add_row(10));
        assert!(!small.is_full());
        small.add_row(10);
        assert!(small.is_full());
        let mut wide = BatchSize::default();
        (0..27).for_each(|_| wide.add_row(300 << 10));
        assert!(!wide.is_full());
        wide.add_row(300 << 10);
        assert!(wide.is_full(), "28 texts of 300 KiB are more than {BYTES} bytes");
    }

    #[test]
    fn wide_rows_are_few() {
        assert_eq!([0, 1, 300 << 10, u64::MAX].map(BatchSize::rows_of), [ROWS, ROWS, 27, 1]);
    }
}
