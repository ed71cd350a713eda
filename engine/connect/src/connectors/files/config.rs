//! What the user writes of a folder of files.

use super::{Folder, format::Format};
use crate::{
    format::csv::CsvDialect,
    hub::{
        connection::{Connection, Connector, Declaration},
        error::Result,
    },
};
use engine_language::{code, diagnostic::Diagnostic};
use std::{path::PathBuf, sync::Arc};

/// The connector of files.
#[derive(Debug)]
pub struct Files;

/// `[connections.NAME]` with `type = "files"`.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder, from the project's root.
    pub path: PathBuf,
    /// Whether the first line of a csv file names its columns.
    #[serde(default = "yes")]
    pub header: bool,
    /// What stands between the fields of a csv file: one character; a comma unless told, a tab in `.tsv`.
    pub delimiter: Option<char>,
    /// What stands around a field of a csv file: one character.
    #[serde(default = "double_quote")]
    pub quote: char,
    /// The fields of a csv file that mean NULL; the empty one unless told.
    #[serde(default = "empty")]
    pub null: Vec<String>,
}

impl Config {
    /// How a csv file of the folder is written.
    pub fn dialect(&self, format: Format) -> CsvDialect<'_> {
        let byte = |character: char| u8::try_from(character).unwrap_or(b',');
        let usual = if format == Format::Tsv { '\t' } else { ',' };
        CsvDialect {
            header: self.header,
            delimiter: byte(self.delimiter.unwrap_or(usual)),
            quote: byte(self.quote),
            null: &self.null,
        }
    }
}

fn yes() -> bool {
    true
}

fn double_quote() -> char {
    '"'
}

fn empty() -> Vec<String> {
    vec![String::new()]
}

impl Connector for Files {
    const KIND: &'static str = "files";
    type Config = Config;

    fn connect(place: &Declaration<'_>, config: Config) -> Result<Arc<dyn Connection>, Diagnostic> {
        for (key, character) in [("delimiter", config.delimiter.unwrap_or(',')), ("quote", config.quote)] {
            if !character.is_ascii() || matches!(character, '\r' | '\n') {
                let message = format!("`{key}` is one ASCII character, and no end of a line");
                return Err(Diagnostic::error(&code::E0500, place.span, message));
            }
        }
        let (path, written) = (place.path(&config.path), config.path.clone());
        Ok(Arc::new(Folder { name: place.name.clone(), path, written, config: Arc::new(config) }))
    }
}
