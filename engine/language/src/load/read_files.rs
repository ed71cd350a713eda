//! Reads the files of models, macros, seeds and tests.

use crate::{
    code,
    diagnostic::{Diagnostic, Problems},
    files::{FileId, Files, Span},
    name::Name,
    parallel,
    world::World,
};
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Reads the files of a kind.
pub struct FileReader<'a> {
    world: &'a dyn World,
    files: &'a mut Files,
    problems: &'a mut Problems,
    /// Paths that may not be read.
    pub refused: BTreeSet<String>,
    /// The names of files that cannot be read.
    pub unreadable: BTreeSet<Name>,
}

impl<'a> FileReader<'a> {
    pub fn new(world: &'a dyn World, files: &'a mut Files, problems: &'a mut Problems) -> Self {
        Self { world, files, problems, refused: BTreeSet::new(), unreadable: BTreeSet::new() }
    }

    /// Reads every file of a kind below a folder.
    pub fn read_all(&mut self, folder: &str, extension: &str) -> Vec<FileId> {
        let paths = self.world.list(Path::new(folder)).unwrap_or_else(|error| {
            self.problems.push(Diagnostic::error(&code::E0001, None, format!("cannot list `{folder}`: {error}")));
            vec![]
        });
        let wanted = paths.into_iter().filter(|path| path.extension().is_some_and(|found| found == extension));
        let wanted: Vec<PathBuf> = wanted.collect();
        let texts = parallel::map(&wanted, |path| self.world.read(path));
        wanted.iter().zip(texts).filter_map(|(path, text)| self.add(path, text)).collect()
    }

    fn add(&mut self, path: &Path, text: io::Result<Arc<str>>) -> Option<FileId> {
        match text {
            Ok(text) => Some(self.files.add(path, text)),
            Err(error) => {
                let reason = match error.kind() {
                    io::ErrorKind::InvalidData => "it is not UTF-8".to_owned(),
                    io::ErrorKind::PermissionDenied => {
                        self.refused.insert(path.to_string_lossy().into_owned());
                        "it may not be read, or is a link that leads outside".to_owned()
                    }
                    _ => error.to_string(),
                };
                self.unreadable.insert(Name::new(path.file_stem().unwrap_or_default().to_string_lossy()));
                let file = self.files.add(path, "".into());
                let message = format!("cannot read `{}`: {reason}", path.display());
                self.problems.push(Diagnostic::error(&code::E0001, Span::new(file, 0..0), message));
                None
            }
        }
    }
}
