//! A server of a test's own, which it may stop, kill and start again.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

/// One server. It goes, with all that it holds, when this is dropped.
pub struct Mortal {
    service: &'static str,
    folder: tempfile::TempDir,
    options: String,
}

impl Mortal {
    /// Of a service in `scripts/service`.
    pub fn new(service: &'static str) -> Self {
        Self::with(service, String::new())
    }

    /// With more words on its command line, where its script takes them.
    pub fn with(service: &'static str, options: String) -> Self {
        Self { service, folder: tempfile::tempdir().unwrap(), options }
    }

    /// Starts it, and gives its URL and its process.
    pub fn up(&self) -> (String, u32) {
        // A process that was killed and that nobody has asked after is still there for PostgreSQL.
        let note = self.data().join("postmaster.pid");
        if note.exists() && fs::read_link(format!("/proc/{}/cwd", self.process())).is_err() {
            fs::remove_file(note).unwrap();
            let sockets = fs::read_dir(self.data().with_file_name("socket")).unwrap();
            sockets.for_each(|file| fs::remove_file(file.unwrap().path()).unwrap());
        }
        self.script("up");
        (self.script("env").trim().split_once('=').unwrap().1.to_owned(), self.process())
    }

    /// Sends its process a signal, and waits for the end.
    pub fn end(&self, signal: &str) {
        let id = self.process().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        while PathBuf::from(format!("/proc/{id}/cwd")).read_link().is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join(self.service).join("data")
    }

    /// Hands a file or folder to the user that it runs as.
    pub fn give(&self, path: &std::path::Path) {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let owner = fs::metadata(self.data()).unwrap();
        chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }

    fn process(&self) -> u32 {
        let file = if self.service == "postgres" { "postmaster.pid" } else { "pid" };
        let text = fs::read_to_string(self.data().join(file)).unwrap();
        text.lines().next().unwrap().trim().parse().unwrap()
    }

    /// Runs the service's script, and gives what it prints.
    fn script(&self, word: &str) -> String {
        let script = format!("{}/../../scripts/service/{}", env!("CARGO_MANIFEST_DIR"), self.service);
        let mut script = Command::new(script);
        script.arg(word).env("ENGINE_SERVICES", self.folder.path()).env("ENGINE_SERVICE_OPTIONS", &self.options);
        script.env_remove("ENGINE_TEST_MYSQL_URL").env_remove("ENGINE_TEST_POSTGRES_URL");
        let output = script.stderr(Stdio::inherit()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "scripts/service/{} {word}", self.service);
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.script("down");
    }
}

/// Kills a process and its children at once, as a failure of the power would.
pub fn kill(process: u32) {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().map(str::to_owned);
    let all: Vec<String> = std::iter::once(process.to_string()).chain(children).collect();
    // A child may have come to its end by itself.
    Command::new("kill").arg("-KILL").args(all).stderr(Stdio::null()).status().unwrap();
}
