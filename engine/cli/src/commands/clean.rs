//! `engine clean`: removes what the engine made.

use crate::{
    args::Clean,
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    terminal::{Style, report},
};
use engine_run::history::lock::{self, Taken};
use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

/// Removes artifacts, compiled SQL and temporary files; with `--data`, all of `.engine`.
pub fn clean(context: &Context, args: &Clean) -> Result {
    let parts: &[&str] = if args.data { &[""] } else { &["artifacts", "compiled", "tmp"] };
    let made = context.root.join(".engine");
    let paths = parts.iter().map(|part| if part.is_empty() { made.clone() } else { made.join(part) });
    let there: Vec<_> = paths.filter(|path| path.symlink_metadata().is_ok()).collect();
    if there.is_empty() {
        context.terminal.note(&report::action(context.terminal, Style::Good, "Clean", "there was nothing to remove"));
        return Ok(ExitStatus::Done);
    }
    if args.data && !args.yes && !asked(context)? {
        return Ok(ExitStatus::Failed);
    }
    let _lock = match lock::take(&made)? {
        Taken::Ours(lock) => lock,
        Taken::By(_) => {
            return Err(CliError::usage("a run is at work here", "wait for its end, or stop it".to_owned()));
        }
    };
    for path in there {
        remove(&path).map_err(CliError::io(format!("removing `{}`", path.display())))?;
        let shown = context.shown(path.strip_prefix(&context.root).unwrap_or(&path));
        context.terminal.note(&report::action(context.terminal, Style::Good, "Removed", &shown));
    }
    Ok(ExitStatus::Done)
}

fn asked(context: &Context) -> Result<bool> {
    if !context.terminal.asks {
        let message = "this removes the state of all runs and the embedded data".to_owned();
        return Err(CliError::usage(message, "say `--yes` if that is meant".to_owned()));
    }
    context.terminal.say("This removes the state of all runs and the embedded data. Go on? [y/N]");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A link is removed, never what it leads to.
fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_symlink() || path.is_file() { fs::remove_file(path) } else { fs::remove_dir_all(path) };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
