//! `engine completions`: a script for the shell.

use crate::{
    args::{Cli, Completions},
    exit_status::{ExitStatus, Result},
    terminal,
};
use clap::CommandFactory as _;

/// Prints the script.
pub fn completions(args: &Completions) -> Result {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut Cli::command(), "engine", &mut script);
    terminal::write(&String::from_utf8_lossy(&script))?;
    Ok(ExitStatus::Done)
}
