//! Which files were saved: told by the system or found by polling, gathered for a moment.

use crate::exit_status::{CliError, Result};
use notify::{Config, Event, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, timeout, timeout_at},
};

/// An editor's save is over when nothing more came for so long.
const QUIET: Duration = Duration::from_millis(25);
/// Saves are gathered for so long at most.
const GATHERED: Duration = Duration::from_millis(100);

/// Files of a project as they are saved.
pub struct FileWatcher {
    root: PathBuf,
    events: UnboundedReceiver<PathBuf>,
    /// What each file held when it was last looked at.
    held: BTreeMap<PathBuf, blake3::Hash>,
    _watcher: Box<dyn Watcher + Send>,
}

impl FileWatcher {
    /// Begins to watch the project below a canonical root. Folders are watched, not files: many editors save by renaming.
    pub fn watch(root: &Path, poll: bool) -> Result<Self> {
        let (sender, events) = unbounded_channel();
        let heard = move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if !matches!(event.kind, EventKind::Access(_)) {
                for path in event.paths {
                    let _ = sender.send(path);
                }
            }
        };
        let config = Config::default().with_poll_interval(Duration::from_millis(500)).with_compare_contents(true);
        let failed = |error: notify::Error| {
            CliError::usage(
                format!("cannot watch the folder: {error}"),
                "`--poll` looks at the files instead".to_owned(),
            )
        };
        let mut watcher: Box<dyn Watcher + Send> = if poll {
            Box::new(PollWatcher::new(heard, config).map_err(failed)?)
        } else {
            Box::new(RecommendedWatcher::new(heard, config).map_err(failed)?)
        };
        watcher.watch(&root.join("project"), RecursiveMode::Recursive).map_err(failed)?;
        // `.env` lies here; the poller would look at every file below, so it is only told about this folder itself.
        watcher.watch(root, RecursiveMode::NonRecursive).map_err(failed)?;
        let mut saves = Self { root: root.to_owned(), events, held: BTreeMap::new(), _watcher: watcher };
        saves.remember(&root.join("project"));
        saves.changed(&root.join(".env"));
        Ok(saves)
    }

    /// Waits for the next saves whose files hold something else than before; paths are relative to the root.
    /// `None` when the watcher is gone.
    pub async fn next(&mut self) -> Option<BTreeSet<PathBuf>> {
        loop {
            let mut touched = BTreeSet::from([self.events.recv().await?]);
            let end = Instant::now() + GATHERED;
            while let Ok(Ok(Some(path))) = timeout_at(end, timeout(QUIET, self.events.recv())).await {
                touched.insert(path);
            }
            let mut saved = BTreeSet::new();
            for path in touched {
                if self.concerns(&path) && self.changed(&path) {
                    saved.extend(path.strip_prefix(&self.root).map(Path::to_owned));
                }
            }
            if !saved.is_empty() {
                return Some(saved);
            }
        }
    }

    /// Whether a path is one of the project's, and not an editor's own.
    fn concerns(&self, path: &Path) -> bool {
        let Ok(path) = path.strip_prefix(&self.root) else { return false };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path == Path::new(".env") {
            return true;
        }
        let known = [".sql", ".toml", ".csv", ".lock"].iter().any(|ending| name.ends_with(ending));
        path.starts_with("project") && known && !name.starts_with('.') && !name.starts_with('#')
    }

    fn remember(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.remember(&path);
            } else if self.concerns(&path) {
                self.changed(&path);
            }
        }
    }

    /// Whether a file holds something else than when it was last looked at; one that is gone holds nothing.
    fn changed(&mut self, path: &Path) -> bool {
        let now = fs::read(path).ok().map(|bytes| blake3::hash(&bytes));
        let before = match now {
            Some(now) => self.held.insert(path.to_owned(), now),
            None => self.held.remove(path),
        };
        now != before
    }
}

#[cfg(test)]
mod tests {
    use super::FileWatcher;
    use std::{fs, path::PathBuf, time::Duration};
    use tokio::time::timeout;

    async fn saved(saves: &mut FileWatcher) -> Vec<PathBuf> {
        let next = timeout(Duration::from_secs(5), saves.next()).await;
        next.expect("a save is seen").expect("the watcher lives").into_iter().collect()
    }

    async fn saves_are_seen(poll: bool) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("project/models")).unwrap();
        let model = root.join("project/models/a.sql");
        fs::write(&model, "select 1").unwrap();
        let mut saves = FileWatcher::watch(&root, poll).unwrap();
        fs::write(&model, "select 2").unwrap();
        assert_eq!(saved(&mut saves).await, [PathBuf::from("project/models/a.sql")], "a plain save");
        fs::write(root.join("project/models/.a.sql.swp"), "editor's own").unwrap();
        fs::write(root.join("project/models/4913"), "editor's own").unwrap();
        fs::write(root.join("project/models/a.sql~"), "select 3").unwrap();
        fs::rename(root.join("project/models/a.sql~"), &model).unwrap();
        assert_eq!(saved(&mut saves).await, [PathBuf::from("project/models/a.sql")], "a save by renaming");
        fs::write(&model, "select 3").unwrap();
        fs::write(root.join(".env"), "A=1").unwrap();
        assert_eq!(saved(&mut saves).await, [PathBuf::from(".env")], "the same text again is no save");
        fs::create_dir(root.join("project/tests")).unwrap();
        tokio::time::sleep(Duration::from_millis(if poll { 700 } else { 100 })).await;
        fs::write(root.join("project/tests/t.toml"), "").unwrap();
        assert_eq!(saved(&mut saves).await, [PathBuf::from("project/tests/t.toml")], "a file in a new folder");
        fs::remove_file(&model).unwrap();
        assert_eq!(saved(&mut saves).await, [PathBuf::from("project/models/a.sql")], "a file that is removed");
    }

    #[tokio::test]
    async fn saves_are_told() {
        saves_are_seen(false).await;
    }

    #[tokio::test]
    async fn saves_are_found_by_polling() {
        saves_are_seen(true).await;
    }
}
