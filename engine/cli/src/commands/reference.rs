//! `engine reference`: what the program knows of itself, as pages. Hidden: `docs/reference` is what it wrote.

mod commands;
mod connections;
mod errors;
mod types;

use crate::{
    args::Reference,
    exit_status::{CliError, ExitStatus, Result},
};
use std::fs;

/// Writes the pages into a folder.
pub fn reference(args: &Reference) -> Result {
    let pages = [
        ("commands.md", commands::page()),
        ("connections.md", connections::page()),
        ("errors.md", errors::page()),
        ("types.md", types::page()),
    ];
    let failed = |error: std::io::Error| {
        let hint = "name a folder that can be written".to_owned();
        CliError::usage(format!("cannot write into `{}`: {error}", args.folder.display()), hint)
    };
    fs::create_dir_all(&args.folder).map_err(failed)?;
    for (name, text) in pages {
        fs::write(args.folder.join(name), text).map_err(failed)?;
    }
    Ok(ExitStatus::Done)
}
