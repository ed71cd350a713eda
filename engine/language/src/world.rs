//! Everything outside that understanding a project may ask for.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Answers for disk, for an editor's unsaved buffers, or for a test. Paths are relative to the project's root.
pub trait World: Send + Sync {
    /// The file's text. Not UTF-8 is [`io::ErrorKind::InvalidData`]; outside the root is `PermissionDenied`, and so is
    /// a symbolic link that leads outside.
    fn read(&self, path: &Path) -> io::Result<Arc<str>>;
    /// Every file below a folder, at any depth, sorted. A folder that is not there has none.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
    /// An environment variable of the process. `.env` is not the world's business.
    fn env(&self, key: &str) -> Option<String>;
}

/// A world in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryWorld {
    /// Path to text.
    pub files: BTreeMap<PathBuf, Arc<str>>,
    /// Environment.
    pub env: BTreeMap<String, String>,
}

impl MemoryWorld {
    /// Reads a fixture: one string in which a line `//- path/of/file` begins each file.
    pub fn fixture(text: &str) -> Self {
        let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
        let mut path = None;
        for line in text.split_inclusive('\n') {
            if let Some(name) = line.strip_prefix("//- ") {
                path = Some(PathBuf::from(name.trim()));
                files.insert(PathBuf::from(name.trim()), String::new());
            } else if let Some(path) = &path {
                files.entry(path.clone()).or_default().push_str(line);
            }
        }
        Self { files: files.into_iter().map(|(path, text)| (path, text.into())).collect(), env: BTreeMap::new() }
    }
}

impl World for MemoryWorld {
    fn read(&self, path: &Path) -> io::Result<Arc<str>> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.files.keys().filter(|path| path.starts_with(folder)).cloned().collect())
    }

    fn env(&self, key: &str) -> Option<String> {
        self.env.get(key).cloned()
    }
}
