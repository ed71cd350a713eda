//! Source text, and places in it.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A file of the project, by its index in [`Files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u32);

/// A byte range in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file that the range is in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The place of `range` in `file`. Files of more than 4 GiB are refused when they are read.
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let at = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { file, start: at(range.start), end: at(range.end) }
    }

    /// The file's index, start and end: how a place passes through serde.
    pub(crate) fn numbers(self) -> [u32; 3] {
        [self.file.0, self.start, self.end]
    }

    /// The way back from [`numbers`](Self::numbers).
    pub(crate) fn from_numbers([file, start, end]: [u32; 3]) -> Self {
        Self { file: FileId(file), start, end }
    }

    /// The bytes, for slicing the file's text.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Every file read so far; only grows.
#[derive(Clone, Debug, Default)]
pub struct Files {
    files: Vec<(PathBuf, Arc<str>)>,
}

impl Files {
    /// Remembers a file; `path` is relative to the project's root.
    ///
    /// # Panics
    ///
    /// With 2^32 files.
    pub fn add(&mut self, path: &Path, text: Arc<str>) -> FileId {
        self.files.push((path.into(), text));
        FileId(u32::try_from(self.files.len() - 1).expect("fewer than 2^32 files"))
    }

    /// The file's whole text.
    pub fn text(&self, id: FileId) -> &Arc<str> {
        &self.files[id.0 as usize].1
    }

    /// The file's path, relative to the project's root.
    pub fn path(&self, id: FileId) -> &Path {
        &self.files[id.0 as usize].0
    }

    /// The text at a place.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file).get(span.range()).unwrap_or_default()
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub fn line_column(&self, file: FileId, offset: u32) -> (usize, usize) {
        let text = self.text(file);
        let before = text.get(..offset as usize).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// All files, in the order they were read.
    ///
    /// # Panics
    ///
    /// With 2^32 files.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Path)> {
        self.files
            .iter()
            .enumerate()
            .map(|(i, (path, _))| (FileId(u32::try_from(i).expect("fewer than 2^32 files")), path.as_path()))
    }
}
