//! Readers who go away: `engine … | head` is no error, whatever the command.

use crate::{builder::Test, runs::chain};
use std::{io::Read as _, process::Stdio};

/// Every command that prints something, and the code that it ends with when all is read.
const COMMANDS: &[(&[&str], i32)] = &[
    (&["--help"], 0),
    (&["--version"], 0),
    (&["init", "new"], 0),
    (&["run"], 0),
    (&["run", "--output", "json"], 0),
    (&["retry"], 0),
    (&["plan"], 0),
    (&["plan", "--output", "json"], 0),
    (&["check"], 0),
    (&["check", "--output", "json"], 0),
    (&["test", "--output", "json"], 1),
    (&["test", "--output", "junit"], 1),
    (&["generate", "s"], 2),
    (&["show", "a"], 0),
    (&["show", "a", "--output", "json"], 0),
    (&["show", "a", "--output", "csv"], 0),
    (&["show", "a", "--output", "parquet"], 0),
    (&["show", "a", "--compiled"], 0),
    (&["ls"], 0),
    (&["ls", "--output", "json"], 0),
    (&["graph"], 0),
    (&["graph", "--output", "svg"], 0),
    (&["doctor"], 0),
    (&["doctor", "--output", "json"], 0),
    (&["logs"], 0),
    (&["logs", "--output", "json"], 0),
    (&["explain"], 0),
    (&["explain", "E0202"], 0),
    (&["completions", "bash"], 0),
    (&["clean"], 0),
];

/// Runs a command whose output or messages nobody reads; answers its code and what it still could say.
fn unread(test: &Test, args: &[&str], messages: bool) -> (Option<i32>, String) {
    let mut command = test.command(args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    if messages {
        drop(child.stderr.take());
        child.stdout.take().unwrap().read_to_end(&mut vec![]).unwrap();
    } else {
        drop(child.stdout.take());
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    }
    (child.wait().unwrap().code(), said)
}

#[test]
fn a_reader_who_goes_away_is_no_error_for_any_command() {
    let test = chain();
    test.run(&["run"]).code(0);
    for (args, code) in COMMANDS {
        let _ = std::fs::remove_dir_all(test.path("new"));
        let (ended, said) = unread(&test, args, false);
        assert_eq!(ended, Some(*code), "{args:?}\n{said}");
        assert!(!said.contains("failed: this is") && !said.contains("Broken pipe"), "{args:?}\n{said}");
    }
}

#[test]
fn messages_that_nobody_reads_change_nothing() {
    let test = chain();
    test.run(&["run"]).code(0);
    for (args, code) in COMMANDS {
        let _ = std::fs::remove_dir_all(test.path("new"));
        assert_eq!(unread(&test, args, true).0, Some(*code), "{args:?}");
    }
}
