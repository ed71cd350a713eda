//! The world on disk: what lies below the project's root, and nothing else.

use engine_language::world::World;
use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, ErrorKind},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// A file of a project is text that people write; more than this is data.
const LIMIT_BYTES: u64 = 16 << 20;

/// A folder on disk.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// The world below a folder, whose path must be canonical.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The real path, if it lies inside.
    fn inside(&self, path: &Path) -> io::Result<PathBuf> {
        let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain {
            return Err(ErrorKind::PermissionDenied.into());
        }
        let real = self.root.join(path).canonicalize()?;
        if real.starts_with(&self.root) { Ok(real) } else { Err(ErrorKind::PermissionDenied.into()) }
    }

    fn walk(&self, folder: &Path, seen: &mut BTreeSet<PathBuf>, found: &mut Vec<PathBuf>) -> io::Result<()> {
        let real = self.inside(folder)?;
        if !seen.insert(real.clone()) {
            return Ok(());
        }
        for entry in fs::read_dir(real)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            let path = folder.join(entry.file_name());
            // A link that leads nowhere is listed, so that reading it says so.
            let is_folder = fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir());
            if !is_folder {
                found.push(path);
            } else if self.inside(&path).is_ok() {
                self.walk(&path, seen, found)?;
            }
        }
        Ok(())
    }
}

impl World for Disk {
    fn read(&self, path: &Path) -> io::Result<Arc<str>> {
        let real = self.inside(path)?;
        let size = fs::metadata(&real)?.len();
        if size > LIMIT_BYTES {
            let message = format!("it has {} MiB, more than the {} MiB that are read", size >> 20, LIMIT_BYTES >> 20);
            return Err(io::Error::new(ErrorKind::FileTooLarge, message));
        }
        let text = String::from_utf8(fs::read(real)?).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        Ok(text.into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut found = vec![];
        match self.walk(folder, &mut BTreeSet::new(), &mut found) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(vec![]),
            Err(error) => Err(error),
            Ok(()) => {
                found.sort();
                Ok(found)
            }
        }
    }

    fn env(&self, key: &str) -> Option<String> {
        env::var(key).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Disk;
    use engine_language::world::World;
    use std::{fs, io::ErrorKind, os::unix::fs::symlink, path::Path};

    #[test]
    fn only_text_below_the_root_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/y.sql"), "y").unwrap();
        fs::write(root.join("a/x.sql"), "x").unwrap();
        fs::write(root.join("a/.hidden.sql"), "h").unwrap();
        fs::write(root.join("a/binary.sql"), [0xff, 0xfe]).unwrap();
        fs::write(folder.path().join("secret"), "s").unwrap();
        symlink(folder.path().join("secret"), root.join("a/link.sql")).unwrap();
        symlink(&root, root.join("a/loop")).unwrap();
        let disk = Disk::new(root);
        let kind = |path: &str| disk.read(Path::new(path)).unwrap_err().kind();
        assert_eq!(&*disk.read(Path::new("a/x.sql")).unwrap(), "x");
        assert_eq!(kind("../secret"), ErrorKind::PermissionDenied);
        assert_eq!(kind("/etc/passwd"), ErrorKind::PermissionDenied);
        assert_eq!(kind("a/link.sql"), ErrorKind::PermissionDenied);
        assert_eq!(kind("a/binary.sql"), ErrorKind::InvalidData);
        assert_eq!(kind("a/none.sql"), ErrorKind::NotFound);
        let listed: Vec<String> =
            disk.list(Path::new("a")).unwrap().iter().map(|path| path.display().to_string()).collect();
        assert_eq!(listed, ["a/b/y.sql", "a/binary.sql", "a/link.sql", "a/x.sql"]);
        assert!(disk.list(Path::new("none")).unwrap().is_empty());
    }
}
