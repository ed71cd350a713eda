//! A project in a folder of its own, and the program run in it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;

/// Files, then commands over them.
pub struct Test {
    folder: TempDir,
    env: Vec<(String, String)>,
}

/// What a command did.
pub struct Done {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl Test {
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), env: vec![] }
    }

    /// The folder with the shop project that `engine init` writes.
    pub fn shop() -> Self {
        let test = Self::new();
        test.run(&["init", "."]).code(0);
        test
    }

    /// A project of one database and models over nothing.
    pub fn small() -> Self {
        Self::new().file(
            "project/sources.toml",
            "default_sink = \"out\"\n[connections.out]\ntype = \"sqlite\"\npath = \".engine/out.db\"\n[sinks.out]\nconnection = \"out\"\n",
        )
    }

    /// Writes a file.
    pub fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    /// Sets a variable for all commands.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Writes a file, again.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The text of a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Where a file lies.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The command, ready to start, in an environment of its own.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.args(args).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        for name in ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("TZ", "UTC").envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, args: &[&str]) -> Done {
        Done::of(self.command(args).output().unwrap())
    }
}

impl Done {
    /// Of a process that has ended.
    pub fn of(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }

    /// It ended with this code.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "exit code\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// stdout is exactly this.
    #[track_caller]
    pub fn stdout(self, expected: &str) -> Self {
        assert_eq!(self.stdout, expected, "--- stderr\n{}", self.stderr);
        self
    }

    /// stderr is exactly this, times and ids aside.
    #[track_caller]
    pub fn stderr(self, expected: &str) -> Self {
        assert_eq!(filtered(&self.stderr), expected, "--- stdout\n{}", self.stdout);
        self
    }

    /// stderr has this somewhere.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "`{part}` is not in\n{}", self.stderr);
        self
    }

    /// stdout has this somewhere.
    #[track_caller]
    pub fn prints(self, part: &str) -> Self {
        assert!(self.stdout.contains(part), "`{part}` is not in\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }
}

/// Times become `[T]`, and the spaces before them one; ids of runs become `[RUN]`.
pub fn filtered(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| line_filtered(line).trim_end().to_owned()).collect();
    let end = if text.ends_with('\n') { "\n" } else { "" };
    lines.join("\n") + end
}

fn line_filtered(line: &str) -> String {
    // The gap before this depends on a time's length.
    if let Some((said, more)) = line.split_once("  more: ") {
        return format!("{}  more: {more}", line_filtered(said.trim_end()));
    }
    let mut words: Vec<String> = line.split(' ').map(word_filtered).collect();
    if words.last().is_some_and(|word| word == "[T]") {
        words.pop();
        while words.last().is_some_and(String::is_empty) {
            words.pop();
        }
        words.push("[T]".into());
    }
    words.join(" ")
}

fn word_filtered(word: &str) -> String {
    let bare = word.trim_matches(['(', ')', '`', '…', ',']);
    let number = bare.trim_end_matches("ms").trim_end_matches('s');
    let is_time = number.len() < bare.len() && number.parse::<f64>().is_ok();
    let is_id = bare.len() >= 10
        && bare.starts_with("01")
        && bare.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    match (is_time, is_id) {
        (true, _) => word.replace(bare, "[T]"),
        (_, true) => word.replace(bare, "[RUN]").replace('…', ""),
        _ => word.to_owned(),
    }
}
