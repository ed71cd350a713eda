//! How much memory the machine has, or the control group that the process runs in.

use std::{fs, path::Path};

/// What is taken where nothing can be read.
const UNKNOWN: u64 = 1 << 30;

/// Memory that the process may use, in bytes: the machine's, or less where a control group says so.
pub fn bytes() -> u64 {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let group = limits(&groups, Path::new("/sys/fs/cgroup")).into_iter().min();
    machine.into_iter().chain(group).min().unwrap_or(UNKNOWN)
}

/// `MemTotal` of `/proc/meminfo`, which is in KiB.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// The limits of a process's groups and of those around them. In a container its own group may be mounted as the root.
fn limits(groups: &str, mounted: &Path) -> Vec<u64> {
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => (mounted.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|one| one == "memory") => (mounted.join("memory"), "memory.limit_in_bytes"),
            _ => continue,
        };
        let group = root.join(group.trim_start_matches('/'));
        let around = group.ancestors().take_while(|folder| folder.starts_with(&root));
        limits
            .extend(around.filter_map(|folder| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok()));
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_what_meminfo_says() {
        assert_eq!(total("MemTotal:       24541876 kB\nMemFree: 1 kB\n"), Some(24_541_876 * 1024));
        assert_eq!(total("nothing"), None);
        assert!(bytes() > 1 << 20);
    }

    #[test]
    fn a_group_has_what_it_and_those_around_it_say() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("system.slice/engine.service/memory.max", "max\n");
        write("system.slice/memory.max", "2147483648\n");
        write("memory/docker/memory.limit_in_bytes", "1073741824\n");
        assert_eq!(limits("0::/system.slice/engine.service\n", folder.path()), [2_147_483_648]);
        assert_eq!(limits("4:cpu:/docker\n3:memory:/docker\n", folder.path()), [1_073_741_824]);
        assert_eq!(limits("0::/elsewhere\n", folder.path()), [0_u64; 0]);
    }
}
