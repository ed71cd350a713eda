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
    redact::Mask,
    report::Report,
    sql::Schemas,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufWriter, Write as _},
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

/// The folder, made if need be.
pub fn folder(made: &Path) -> Result<PathBuf> {
    let folder = made.join("artifacts");
    fs::create_dir_all(&folder).map_err(CliError::io("making the folder `.engine/artifacts`"))?;
    Ok(folder)
}

/// Leaves what a run tells: the project, how it went, and the columns.
pub fn leave(folder: &Path, project: &Project, schemas: &Schemas, report: &Report) -> Result<()> {
    let (now, mask) = (SystemClock.now_us(), Mask::of(project));
    // Each of them is as large as the project.
    thread::scope(|scope| {
        let manifest =
            scope.spawn(|| write(folder, "manifest.json", manifest::manifest(project, &report.run, now), &mask));
        let catalog = scope.spawn(|| write(folder, "catalog.json", catalog::catalog(schemas, &report.run, now), &mask));
        write(folder, "run_results.json", run_results::run_results(report, now), &mask)?;
        [manifest, catalog].into_iter().try_for_each(|file| file.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Writes a file in one step, so that readers see the old one or the new one, and without what is masked.
pub fn write(folder: &Path, name: &str, value: Value, mask: &Mask) -> Result<()> {
    let value = masked(value, mask);
    let doing = || format!("writing `.engine/artifacts/{name}`");
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(CliError::io(doing()))?;
    // A write a token would be ten thousands of them.
    let mut buffer = BufWriter::new(&mut file);
    serde_json::to_writer_pretty(&mut buffer, &value)
        .map_err(|error| CliError::Io { doing: doing(), source: error.into() })?;
    buffer.write_all(b"\n").and_then(|()| buffer.flush()).map_err(CliError::io(doing()))?;
    drop(buffer);
    file.persist(folder.join(name)).map_err(|error| CliError::Io { doing: doing(), source: error.error })?;
    Ok(())
}

/// Fields that hold ids of nodes and of runs: those come from the project's files, not from the environment.
const IDS: [&str; 5] = ["unique_id", "depends_on", "parent_map", "child_map", "metadata"];

/// A value whose texts are masked.
pub fn masked(value: Value, mask: &Mask) -> Value {
    if mask.is_empty() {
        return value;
    }
    match value {
        Value::String(text) => Value::String(mask.text(&text)),
        Value::Array(values) => values.into_iter().map(|value| masked(value, mask)).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| {
                let value = if IDS.contains(&name.as_str()) { value } else { masked(value, mask) };
                (name, value)
            };
            fields.into_iter().map(field).collect()
        }
        other => other,
    }
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
