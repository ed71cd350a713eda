//! The program under test, in a folder of its own.

use crate::servers::Servers;
use std::{
    env, fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// The program, which may be running.
pub struct Program {
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    running: Option<Child>,
}

impl Program {
    /// A project that streams the topic into the schema.
    pub fn new(servers: &Servers, place: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("project/models")).unwrap();
        let sources = include_str!("sources.toml").replace("SINK", &servers.sink.declared()).replace("PLACE", place);
        fs::write(folder.path().join("project/sources.toml"), sources).unwrap();
        fs::write(folder.path().join("project/models/users.sql"), include_str!("users.sql")).unwrap();
        let variables = vec![("CHAOS_KAFKA", servers.brokers.clone()), ("CHAOS_URL", servers.sink.url().to_owned())];
        Self { folder, variables, running: None }
    }

    fn command(&self, args: &[&str]) -> Command {
        let beside = || env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("engine");
        let mut command = Command::new(env::var_os("ENGINE").map_or_else(beside, PathBuf::from));
        command.args(args).current_dir(self.folder.path()).envs(self.variables.iter().map(|(k, v)| (*k, v)));
        command.stdout(Stdio::null()).stderr(self.log());
        command
    }

    fn log(&self) -> fs::File {
        fs::File::create(self.folder.path().join("said")).unwrap()
    }

    /// Starts it, unless it runs; it goes on until it is killed.
    pub fn start(&mut self) {
        let ended = self.running.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some());
        if ended {
            self.running = Some(self.command(&["run", "users", "--forever"]).spawn().unwrap());
        }
    }

    /// Kills it as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    /// Whether it ended because another one was faster. Any other end but by a server that was away is a failure.
    pub fn was_refused(&mut self) -> bool {
        let Some(child) = &mut self.running else { return false };
        let Some(status) = child.try_wait().unwrap() else { return false };
        let said = fs::read_to_string(self.folder.path().join("said")).unwrap();
        self.running = None;
        assert!(!said.contains("engine itself failed") && !said.contains("E0520"), "{status}\n{said}");
        said.contains("E0512")
    }

    /// Runs it to the present end of the topic; whether that went well.
    pub fn run_to_the_end(&self) -> bool {
        let done = self.command(&["run"]).status().unwrap().success();
        if !done {
            println!("{}", fs::read_to_string(self.folder.path().join("said")).unwrap());
        }
        done
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
