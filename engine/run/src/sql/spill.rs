//! The folder that queries spill into. A process that was killed leaves its files there, and nobody else would remove them.

use std::{fs::File, io, path::Path};

/// What the lock on the folder is called.
const LOCK: &str = "lock";
/// What the names of DataFusion's folders in it begin with.
const SPILLED: &str = "datafusion-";

/// Opens the folder, for as long as the file is held. Who finds nobody else there removes what was left.
pub fn open(folder: &Path) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let lock = File::options().read(true).write(true).create(true).truncate(false).open(folder.join(LOCK))?;
    if lock.try_lock().is_ok() {
        empty(folder)?;
        lock.unlock()?;
    }
    // Waits at most while another process empties it.
    lock.lock_shared()?;
    Ok(lock)
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SPILLED) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::open;

    #[test]
    fn what_dead_processes_left_goes_and_what_living_ones_use_stays() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("datafusion-1");
        std::fs::create_dir(&left).unwrap();
        std::fs::write(left.join("spilled"), "rows").unwrap();
        let first = open(folder.path()).unwrap();
        assert!(!left.exists(), "nobody uses it");
        std::fs::create_dir(&left).unwrap();
        let second = open(folder.path()).unwrap();
        assert!(left.exists(), "the first may use it");
        drop(first);
        let third = open(folder.path()).unwrap();
        assert!(left.exists(), "the second may use it");
        drop((second, third));
        open(folder.path()).unwrap();
        assert!(!left.exists());
    }
}
