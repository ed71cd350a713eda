//! SQL, and where each byte of it came from in the template.

use crate::{
    config::toml::Spanned,
    files::{FileId, Span},
    id::NodeId,
};
use std::ops::Range;

/// A rendered template.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The SQL. `ref("x")` is `models.x`, `source("shop", "orders")` is `shop.orders`, quoted where needed.
    pub sql: String,
    /// The nodes it reads, each with the place of the first call.
    pub reads: Vec<Spanned<NodeId>>,
    /// Whether it says something else in each run: it asked for `run`.
    pub uses_run: bool,
    /// Whether it asked `is_incremental()`.
    pub uses_incremental: bool,
    /// Where the bytes came from, in order of `output`.
    pub pieces: Vec<Piece>,
}

/// A stretch of the SQL and the place that produced it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the SQL.
    pub output: Range<usize>,
    /// The place in the template.
    pub source: Range<usize>,
    /// The template.
    pub file: FileId,
    /// Whether the bytes are the template's own; otherwise an expression made them.
    pub raw: bool,
}

impl Rendered {
    /// The place that produced `len` bytes of the SQL from `offset` on.
    pub fn locate(&self, offset: usize, len: usize) -> Option<Span> {
        let piece = self.pieces.iter().find(|piece| piece.output.contains(&offset))?;
        let range = if piece.raw {
            let start = piece.source.start + offset - piece.output.start;
            start..(start + len).min(piece.source.end)
        } else {
            piece.source.clone()
        };
        Some(Span::new(piece.file, range))
    }

    /// Like [`locate`](Self::locate), from line and column as sqlparser counts them: from 1, in characters.
    pub fn locate_line(&self, line: u64, column: u64, len: usize) -> Option<Span> {
        self.locate(self.offset(line, column)?, len)
    }

    /// The byte of the SQL at a line and column, both from 1, in characters.
    pub fn offset(&self, line: u64, column: u64) -> Option<usize> {
        let line = usize::try_from(line).ok()?.checked_sub(1)?;
        let column = usize::try_from(column).ok()?.checked_sub(1)?;
        let start: usize = self.sql.split_inclusive('\n').take(line).map(str::len).sum();
        let rest = &self.sql[start..];
        Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(i, _)| i))
    }
}
