//! `type = "files"`: csv, ndjson and parquet files in a folder, read as tables.
//!
//! A table is the files that its `path` names, a glob from the connection's folder; without one, `NAME.csv` and the like or
//! all files in the folder `NAME`. They are read in the order of their names. A table is seen as of the instant at which it
//! was opened: files that came later are not in it, what was added to a file is not read, and a file that was changed
//! otherwise is an error. Streams go on after what they have read of each file.

mod config;
mod discovery;
mod format;
mod infer;
mod read;
mod read_offsets;
mod rows;
mod scan;
mod shape;
mod version;

pub use config::{Config, Files};

use crate::{
    format::file::FormatError,
    hub::{
        connection::{Connection, Connector as _},
        error::{Blame, Error, Result},
        source::{ReadRequest, Snapshot, Source, TableRequest},
        topics::Topics,
        version::Content,
    },
};
use discovery::Found;
use engine_language::{name::Name, table::TableDefinition};
use format::Format;
use std::{io, path::PathBuf, sync::Arc};

/// A folder of files.
#[derive(Clone, Debug)]
pub struct Folder {
    name: Name,
    path: PathBuf,
    /// As the user wrote it.
    written: PathBuf,
    config: Arc<Config>,
}

/// Why a table of files cannot be read.
#[derive(Debug)]
enum FileError {
    /// A file is not what it should be.
    Format(FormatError),
    /// It is not the file that was read before.
    Gap(String),
}

impl From<FormatError> for FileError {
    fn from(error: FormatError) -> Self {
        Self::Format(error)
    }
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        Self::Format(error.into())
    }
}

impl Folder {
    /// The error for what is wrong with a file.
    fn trouble(&self, file: &str, trouble: impl Into<FileError>) -> Error {
        let place = self.written.join(file);
        let place = place.display();
        let doing = format!("reading `{place}`");
        let error = match trouble.into() {
            FileError::Format(error) => error,
            FileError::Gap(message) => {
                return Error::new(&self.name, doing, Blame::User, message)
                    .hint("start over with `engine run MODEL --full-refresh`, or restore the file");
            }
        };
        match error {
            FormatError::Io(error) if error.kind() == io::ErrorKind::StaleNetworkFileHandle => {
                Error::new(&self.name, doing, Blame::System, error.to_string()).later()
            }
            FormatError::Io(error) => Error::new(&self.name, doing, Blame::User, error.to_string()),
            FormatError::Data(0, reason) => Error::new(&self.name, doing, Blame::Data, reason)
                .hint("declare a type in `columns` that holds every value of the file"),
            FormatError::Data(line, reason) => {
                Error::new(&self.name, format!("reading `{place}:{line}`"), Blame::Data, reason)
                    .hint("correct the file, declare the column's type in `columns`, or say what becomes of such rows with `bad_rows`")
            }
            FormatError::Declared(message) => {
                Error::new(&self.name, doing, Blame::User, message).hint("correct the file or what is declared of it")
            }
        }
    }

    fn error(&self, doing: impl Into<String>, message: impl ToString) -> Error {
        Error::new(&self.name, doing, Blame::User, message.to_string())
    }

    /// The files of a table; none if there is no such table.
    fn files(&self, request: &TableRequest) -> Result<Vec<Found>> {
        let table = request.table.as_str();
        let doing = || format!("finding the files of `{table}`");
        let declared = request.declared.as_ref();
        let format = match declared.and_then(|declared| declared.format.as_ref()) {
            None => None,
            Some(word) => Some(Format::named(&word.value).ok_or_else(|| {
                let message = format!("the format `{}` is not known to files", word.value);
                self.error(doing(), message).hint("use csv, tsv, ndjson or parquet")
            })?),
        };
        if !self.path.is_dir() {
            return Err(self.no_folder());
        }
        let found = match declared.and_then(|declared| declared.path.as_ref()) {
            Some(glob) => discovery::matching(&self.path, &glob.value, format),
            None if table.contains(['/', '\\', '\0']) || matches!(table, "." | "..") => Ok(vec![]),
            None => discovery::named(&self.path, table, format),
        };
        let found = found.map_err(|message| self.error(doing(), message))?;
        if let Some(other) =
            found.iter().find(|file| (file.format == Format::Parquet) != (found[0].format == Format::Parquet))
        {
            let message = format!("`{}` and `{}` are written differently", found[0].name, other.name);
            return Err(self.error(doing(), message).hint("declare the table's `path`"));
        }
        Ok(found)
    }

    /// The files of a table that is there. Who has read files before goes on without them when they are gone.
    fn present(&self, request: &TableRequest) -> Result<Vec<Found>> {
        let files = self.files(request)?;
        if !files.is_empty() || request.since.is_some() {
            return Ok(files);
        }
        let path = request.declared.as_ref().and_then(|declared| declared.path.as_ref());
        let (message, hint) = if let Some(path) = path {
            let message = format!("no file matches `{}`", self.written.join(&path.value).display());
            (message, "put it there, or correct `path`")
        } else {
            let place = self.written.join(request.table.as_str());
            let message = format!("there is no file `{}.csv`, `.tsv`, `.ndjson` or `.parquet`", place.display());
            (message, "put it there, or declare the table's `path`")
        };
        Err(self.error(format!("opening `{}`", request.table), message).absent(hint))
    }

    fn no_folder(&self) -> Error {
        let message = format!("`{}` is no folder", self.written.display());
        self.error("looking for files", message).hint("correct the connection's `path`")
    }
}

#[async_trait::async_trait]
impl Connection for Folder {
    fn name(&self) -> &Name {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Files::KIND
    }

    async fn ping(&self) -> Result<String> {
        let count = self.tables().await?.len();
        Ok(format!("{count} tables in {}", self.path.display()))
    }

    async fn tables(&self) -> Result<Vec<Name>> {
        if !self.path.is_dir() {
            return Err(self.no_folder());
        }
        let names = discovery::tables(&self.path).map_err(|error| self.error("listing files", error))?;
        let mut names: Vec<Name> = names.into_iter().map(Name::from).collect();
        names.sort();
        Ok(names)
    }

    fn source(&self) -> Option<&dyn Source> {
        Some(self)
    }

    fn topics(&self) -> Option<&dyn Topics> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl Source for Folder {
    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>> {
        let (folder, table) = (self.clone(), table.clone());
        self.blocking(move || {
            let files = folder.files(&table)?;
            if files.is_empty() { Ok(None) } else { read::definition(&folder, &table, &files).map(Some) }
        })
        .await
    }

    async fn is_there(&self, table: &TableRequest) -> Result<bool> {
        let (folder, table) = (self.clone(), table.clone());
        self.blocking(move || Ok(folder.path.is_dir() && !folder.files(&table)?.is_empty())).await
    }

    async fn open(&self, request: ReadRequest) -> Result<Snapshot> {
        let folder = self.clone();
        self.blocking(move || {
            // The files of all tables are looked up before any is read.
            let files: Vec<_> = request.tables.iter().map(|table| folder.present(table)).collect::<Result<_>>()?;
            let tables = request.tables.iter().zip(files).map(|(table, files)| read::open(&folder, table, files));
            Ok(Snapshot { tables: tables.collect::<Result<_>>()? })
        })
        .await
    }

    async fn content(&self, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>> {
        let (folder, table, last) = (self.clone(), table.clone(), last.cloned());
        self.blocking(move || version::of(&folder, &folder.files(&table)?, last.as_ref())).await
    }
}

impl Topics for Folder {}

impl Folder {
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        tokio::task::spawn_blocking(work).await.map_err(|error| self.error("reading files", error))?
    }
}
