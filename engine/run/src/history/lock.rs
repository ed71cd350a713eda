//! One run at a time: a lock on `.engine/lock`, which the operating system takes back from a dead process.

use super::state;
use crate::error::Result;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

/// Held while a run is at work.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
    /// Who had it before, if that was another process.
    pub after: Option<u32>,
}

/// Whether the lock was to be had.
#[derive(Debug)]
pub enum Taken {
    /// It is ours.
    Ours(RunLock),
    /// Another process has it; its id, if it could be read.
    By(Option<u32>),
}

/// Takes the lock of runs if no other process has it.
pub fn take(folder: &Path) -> Result<Taken> {
    take_named(folder, "lock")
}

/// Takes a lock of that name if no other process has it.
pub fn take_named(folder: &Path, name: &str) -> Result<Taken> {
    std::fs::create_dir_all(folder).map_err(|error| state(format!("`{}`: {error}", folder.display())))?;
    let path = folder.join(name);
    let wrong = |error: std::io::Error| state(format!("`{}`: {error}", path.display()));
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(wrong)?;
    let ours = std::process::id();
    match file.try_lock() {
        Ok(()) => {
            let after = holder(&mut file).filter(|id| *id != ours);
            file.set_len(0).map_err(wrong)?;
            file.seek(SeekFrom::Start(0)).map_err(wrong)?;
            file.write_all(ours.to_string().as_bytes()).map_err(wrong)?;
            Ok(Taken::Ours(RunLock { _file: file, after }))
        }
        Err(TryLockError::WouldBlock) => Ok(Taken::By(holder(&mut file))),
        Err(TryLockError::Error(error)) => Err(wrong(error)),
    }
}

/// The process that the file names.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
