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
}

/// Whether the lock was to be had.
#[derive(Debug)]
pub enum Taken {
    /// It is ours.
    Ours(RunLock),
    /// Another process has it; its id, if it could be read.
    By(Option<u32>),
}

/// Takes the lock if no other process has it.
pub fn take(folder: &Path) -> Result<Taken> {
    std::fs::create_dir_all(folder).map_err(|error| state(format!("`{}`: {error}", folder.display())))?;
    let path = folder.join("lock");
    let wrong = |error: std::io::Error| state(format!("`{}`: {error}", path.display()));
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).map_err(wrong)?;
            file.seek(SeekFrom::Start(0)).map_err(wrong)?;
            file.write_all(std::process::id().to_string().as_bytes()).map_err(wrong)?;
            Ok(Taken::Ours(RunLock { _file: file }))
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = file.read_to_string(&mut text).ok();
            Ok(Taken::By(read.and_then(|_| text.trim().parse().ok())))
        }
        Err(TryLockError::Error(error)) => Err(wrong(error)),
    }
}
