//! A disk of few megabytes, which only root can have.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The disk, mounted; it goes when this is dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one over an empty folder.
    pub fn over(folder: &Path) -> Self {
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", "size=6m,mode=0777", "tmpfs"]).arg(folder).status();
        assert!(done.unwrap().success(), "only root may mount a disk, which this test needs");
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(folder, open).unwrap();
        Self(folder.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Many rows that nothing can make small.
pub fn wide(count: i64) -> Vec<String> {
    (0..count).map(noise).collect()
}

/// A long text that looks like chance.
fn noise(id: i64) -> String {
    let number = |part: i64| xxhash_rust::xxh3::xxh3_64(&[id.to_le_bytes(), part.to_le_bytes()].concat());
    (0..200).map(number).map(|number| number.to_string()).collect()
}
