//! How a file is written.

use std::path::Path;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Fields with a delimiter between them.
    Csv,
    /// The same with a tab, unless the connection says otherwise.
    Tsv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The ends of names that tell a format.
    pub const EXTENSIONS: [&'static str; 5] = ["csv", "tsv", "ndjson", "jsonl", "parquet"];

    /// The format that a word names.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "ndjson" | "jsonl" | "json" => Self::Ndjson,
            "parquet" => Self::Parquet,
            _ => return None,
        })
    }

    /// The format that a file's name tells.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Self::EXTENSIONS.contains(&extension.as_str()).then(|| Self::named(&extension))?
    }
}
