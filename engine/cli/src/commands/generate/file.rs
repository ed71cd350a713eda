//! Rows of a generator in a file.

use crate::{
    args::{Generate, RowsOutput},
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    interrupt::cancellable,
    run_session::Ready,
    terminal::{Style, format, report::timed, rows},
};
use engine_connect::connectors::generator::Generators;
use engine_language::graph::NodeId;
use engine_run::{
    clock::{Clock as _, SystemClock},
    sql::session::Sessions,
};
use std::{collections::BTreeSet, io::BufWriter, path::Path, time::Instant};

/// Writes the file in one step: it is there as a whole, or not at all.
pub fn write(context: &Context, ready: &Ready, nodes: &BTreeSet<NodeId>, args: &Generate, path: &Path) -> Result {
    let output = form(path)?;
    let mut nodes = nodes.iter();
    let (Some(node), None) = (nodes.next(), nodes.next()) else {
        return Err(CliError::usage("a file takes the rows of one generator", "name one".to_owned()));
    };
    let Some(name) = node.generator() else {
        return Err(CliError::usage("a file takes the rows of a generator", "name one".to_owned()));
    };
    let started = Instant::now();
    let scale = args.rows_scale.unwrap_or(1.0);
    let generators = Generators::new(&ready.project.generators, SystemClock.now_us(), scale).map_err(|problem| {
        context.terminal.say(&context.drawing().diagnostic(&problem, &ready.project.files));
        CliError::Problems
    })?;
    let doing = || format!("writing `{}`", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder).map_err(CliError::io(doing()))?;
    let sessions = Sessions::new(ready.project.settings.limits, &context.made()?.join("tmp"))?;
    let count = cancellable(context.terminal, async |cancel| {
        let rows = sessions.open().context.read_table(generators.provider(name))?.execute_stream().await?;
        tokio::select! {
            count = rows::write(rows, output, BufWriter::new(file.as_file())) => count,
            () = cancel.cancelled() => Err(engine_run::error::Error::Cancelled.into()),
        }
    })?;
    file.persist(path).map_err(|error| CliError::Io { doing: doing(), source: error.error })?;
    let text = format!("{}   {}", path.display(), format::counted(count, "row"));
    context.terminal.note(&timed(context.terminal, Style::Good, "Generated", &text, started.elapsed()));
    Ok(ExitStatus::Done)
}

fn form(path: &Path) -> Result<RowsOutput> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(RowsOutput::Csv),
        Some("ndjson" | "jsonl") => Ok(RowsOutput::Ndjson),
        Some("json") => Ok(RowsOutput::Json),
        Some("parquet") => Ok(RowsOutput::Parquet),
        _ => {
            let message = format!("`{}` does not say what it holds", path.display());
            Err(CliError::usage(message, "end it in .csv, .ndjson, .json or .parquet".to_owned()))
        }
    }
}
