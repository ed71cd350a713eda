//! What a run leaves in `.engine/artifacts` for other programs, with dbt's key names where the meaning is the same.

pub mod catalog;
pub mod events;
pub mod manifest;
pub mod run_results;
pub mod watcher;

use crate::{
    exit_status::{CliError, Result},
    terminal::format::utc,
};
use engine_language::project::Project;
use engine_run::{
    clock::{Clock as _, SystemClock},
    report::Report,
    sql::analyze::Schemas,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

/// The folder, made if need be.
pub fn folder(made: &Path) -> Result<PathBuf> {
    let folder = made.join("artifacts");
    fs::create_dir_all(&folder).map_err(CliError::io("making the folder `.engine/artifacts`"))?;
    Ok(folder)
}

/// Leaves what a run tells: the project, how it went, and the columns.
pub fn leave(folder: &Path, project: &Project, schemas: &Schemas, report: &Report) -> Result<()> {
    let now = SystemClock.now_us();
    write(folder, "manifest.json", &manifest::manifest(project, &report.run, now))?;
    write(folder, "run_results.json", &run_results::run_results(report, now))?;
    write(folder, "catalog.json", &catalog::catalog(schemas, &report.run, now))
}

/// Writes a file in one step: readers see the old one or the new one.
pub fn write(folder: &Path, name: &str, value: &Value) -> Result<()> {
    let doing = || format!("writing `.engine/artifacts/{name}`");
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(CliError::io(doing()))?;
    // A write a token would be ten thousands of them.
    let mut buffer = BufWriter::new(&mut file);
    serde_json::to_writer_pretty(&mut buffer, value)
        .map_err(|error| CliError::Io { doing: doing(), source: error.into() })?;
    buffer.write_all(b"\n").and_then(|()| buffer.flush()).map_err(CliError::io(doing()))?;
    drop(buffer);
    file.persist(folder.join(name)).map_err(|error| CliError::Io { doing: doing(), source: error.error })?;
    Ok(())
}

/// `metadata`: who wrote it, when, and in which run.
fn metadata(kind: &str, run: &str, at_us: i64) -> Value {
    json!({
        "schema_version": format!("engine/{kind}/v1"),
        "generated_at": utc(at_us),
        "invocation_id": run,
        "engine_version": env!("CARGO_PKG_VERSION"),
    })
}
