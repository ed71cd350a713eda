//! `engine init`: a working project, ready to run.

use crate::{
    args::Init,
    exit_status::{CliError, ExitStatus, Result},
    terminal::{Style, Terminal, format, report},
};
use std::{fs, io::ErrorKind, path::Path};

/// The shop project: path and text of each file.
const SHOP: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shop.rs"));

const GITIGNORE: &str = ".engine/\n.env\n*.snap.new\n";

/// Writes the shop project into a folder that is empty or not there yet.
pub fn init(terminal: Terminal, args: &Init) -> Result {
    let folder = &args.name;
    refuse_full(folder)?;
    for (path, text) in SHOP.iter().chain(&[(".gitignore", GITIGNORE)]) {
        write(&folder.join(path), text)?;
    }
    let files = format::counted(SHOP.len() as u64 + 1, "file");
    let shown = folder.display().to_string();
    terminal.note(&report::action(terminal, Style::Good, "Created", &format!("{shown}   the shop project, {files}")));
    let go = if shown == "." { String::new() } else { format!("cd {shown} && ") };
    terminal.note(&format!("{:12} next: `{go}engine run`, then `engine show mart_average_check`", ""));
    Ok(ExitStatus::Done)
}

fn refuse_full(folder: &Path) -> Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            Err(CliError::usage(format!("`{shown}` is a file, not a folder"), "give another name".to_owned()))
        }
        Err(error) => Err(CliError::Io { doing: format!("looking into `{shown}`"), source: error }),
        Ok(mut entries) => {
            let only_git = entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == ".git"));
            if only_git {
                return Ok(());
            }
            let message = format!("`{shown}` is not empty, and nothing of it will be overwritten");
            Err(CliError::usage(message, "give the name of a new folder".to_owned()))
        }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let doing = || format!("writing `{}`", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(CliError::io(doing()))?;
    }
    fs::write(path, text).map_err(CliError::io(doing()))
}
