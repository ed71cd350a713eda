//! Which files a table is made of, and whether they are still those that were found.

use super::format::Format;
use crate::format::file::SourceFile;
use globset::{GlobBuilder, GlobMatcher};
use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// A file as it was when its table was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// Its path below the connection's folder, with `/`.
    pub name: String,
    /// How it is written.
    pub format: Format,
    /// Its bytes.
    pub len: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified_ns: u128,
}

impl SourceFile for Found {
    /// One that only grew is what it was: what was added is not read.
    fn open(&self) -> io::Result<File> {
        let file = File::open(&self.path)?;
        let now = file.metadata()?;
        let same = now.len() == self.len && modified_ns(&now) == self.modified_ns;
        if same || (now.len() > self.len && self.format != Format::Parquet) {
            return Ok(file);
        }
        Err(io::Error::new(io::ErrorKind::StaleNetworkFileHandle, "it was changed while it was read"))
    }

    fn size_bytes(&self) -> u64 {
        self.len
    }
}

/// When a file was last changed, in nanoseconds since 1970; 0 where that is not known.
pub fn modified_ns(data: &Metadata) -> u128 {
    data.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos())
}

/// The files below `folder` that a glob names, sorted by name.
pub fn matching(folder: &Path, glob: &str, format: Option<Format>) -> Result<Vec<Found>, String> {
    let matcher = GlobBuilder::new(glob).literal_separator(true).build().map_err(|error| error.to_string())?;
    let matcher = matcher.compile_matcher();
    // What stands before the first part with a wildcard needs no search.
    let fixed: PathBuf = Path::new(glob).iter().take_while(|part| !is_pattern(&part.to_string_lossy())).collect();
    let mut found = vec![];
    let start = folder.join(&fixed);
    if start.is_file() {
        take(&start, folder, format, &mut found)?;
    } else if start.is_dir() {
        walk(&start, &Search { folder, matcher, format }, &mut found)?;
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '[', '{'])
}

struct Search<'a> {
    folder: &'a Path,
    matcher: GlobMatcher,
    format: Option<Format>,
}

fn walk(at: &Path, search: &Search<'_>, found: &mut Vec<Found>) -> Result<(), String> {
    let trouble = |error: io::Error| format!("`{}`: {error}", at.display());
    for entry in fs::read_dir(at).map_err(trouble)? {
        let entry = entry.map_err(trouble)?;
        let path = entry.path();
        // A link to a folder may lead round in a circle; a link to a file is a file.
        if entry.file_type().map_err(trouble)?.is_dir() {
            walk(&path, search, found)?;
        } else if search.matcher.is_match(name(&path, search.folder)) && path.is_file() {
            take(&path, search.folder, search.format, found)?;
        }
    }
    Ok(())
}

fn name(path: &Path, folder: &Path) -> String {
    let below = path.strip_prefix(folder).unwrap_or(path);
    below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn take(path: &Path, folder: &Path, format: Option<Format>, found: &mut Vec<Found>) -> Result<(), String> {
    let trouble = |error: io::Error| format!("`{}`: {error}", path.display());
    let name = name(path, folder);
    let format = format.or_else(|| Format::of(path)).ok_or_else(|| {
        format!("`{name}` does not say how it is written: name it .csv, .tsv, .ndjson, .jsonl or .parquet, or declare `format`")
    })?;
    let data = fs::metadata(path).map_err(trouble)?;
    found.push(Found { path: path.to_owned(), name, format, len: data.len(), modified_ns: modified_ns(&data) });
    Ok(())
}

/// The tables that lie in a folder without being declared: its files and its folders of files, by their names.
pub fn tables(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = vec![];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if fs::read_dir(&path)?.flatten().any(|inner| inner.path().is_file() && Format::of(&inner.path()).is_some())
            {
                names.push(name(&path, folder));
            }
        } else if Format::of(&path).is_some()
            && let Some(stem) = path.file_stem()
        {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The files of a table that nothing is declared of: `NAME.csv` and the like, or all in the folder `NAME`.
pub fn named(folder: &Path, table: &str, format: Option<Format>) -> Result<Vec<Found>, String> {
    let mut found = vec![];
    for extension in Format::EXTENSIONS {
        let path = folder.join(format!("{table}.{extension}"));
        if path.is_file() {
            take(&path, folder, format, &mut found)?;
        }
    }
    let inner = folder.join(table);
    if inner.is_dir() {
        let trouble = |error: io::Error| format!("`{}`: {error}", inner.display());
        for entry in fs::read_dir(&inner).map_err(trouble)? {
            let path = entry.map_err(trouble)?.path();
            if path.is_file() && Format::of(&path).is_some() {
                take(&path, folder, format, &mut found)?;
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
