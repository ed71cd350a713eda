//! `engine show`: rows of a model, a source or a query.

use crate::{
    args::{RowsOutput, Show},
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    interrupt::cancellable,
    run_session::{self, Ready, RunOptions},
    terminal::{self, rows},
};
use datafusion::execution::SendableRecordBatchStream;
use engine_language::{
    code,
    config::toml::Spanned,
    diagnostic::Diagnostic,
    files::Files,
    graph::{NodeId, NodeKind},
    name::{Name, nearest},
    project::Project,
    rendered::Rendered,
    template::RunInfo,
};
use engine_run::{
    error::Error,
    inputs,
    sql::{session::Sessions, source_map},
};
use std::{io, path::Path, sync::Arc};

/// Where a typed query stands, for its places.
const TYPED: &str = "<sql>";

/// Prints rows.
pub fn show(context: &Context, args: &Show) -> Result {
    rows::refuse_terminal(args.output)?;
    let mut ready = run_session::ready(context)?;
    let text = match (&args.sql, &args.name) {
        (Some(sql), _) => sql.clone(),
        (None, Some(name)) if args.compiled => return compiled(&ready.project, name),
        (None, name) => read_all(&ready.project, name.as_deref().unwrap_or_default())?,
    };
    let mut project = Project::clone(&ready.project);
    let file = project.files.add(Path::new(TYPED), text.into());
    ready.project = Arc::new(project);
    let outcome = ready.project.render_text(file, None, &RunInfo::NONE, false);
    let outcome = outcome.map_err(|problem| drawn(context, &problem, &ready.project.files))?;
    known(context, &ready.project, &outcome.rendered)?;
    if args.compiled {
        terminal::write(&format!("{}\n", outcome.rendered.sql.trim_end()))?;
        return Ok(ExitStatus::Done);
    }
    cancellable(context.terminal, async |cancel| {
        tokio::select! {
            done = print(context, args, &ready, &outcome.rendered) => done,
            () = cancel.cancelled() => Ok(ExitStatus::Interrupted),
        }
    })
}

async fn print(context: &Context, args: &Show, ready: &Ready, query: &Rendered) -> Result {
    let stream = rows_of(context, args, ready, query).await?;
    if args.output == RowsOutput::Table {
        rows::draw(context.terminal, stream, args.limit).await?;
        return Ok(ExitStatus::Done);
    }
    let count = rows::write(stream, args.output, io::BufWriter::new(io::stdout())).await?;
    if args.limit > 0 && count == args.limit as u64 {
        context.terminal.note(&format!("{count} rows, as `--limit` says; `--limit 0` writes all"));
    }
    Ok(ExitStatus::Done)
}

async fn rows_of(context: &Context, args: &Show, ready: &Ready, query: &Rendered) -> Result<SendableRecordBatchStream> {
    let files: &Files = &ready.project.files;
    context.made()?;
    let runner = ready.runner(context, Arc::new(run_session::remembered(context)?), RunOptions::default())?;
    let session = Sessions::new(ready.project.settings.limits, &context.root.join(".engine/tmp"))?.open();
    match inputs::open(&runner, &session, query).await {
        Err(Error::Project(problem)) => return Err(drawn(context, &problem, files)),
        opened => opened?,
    }
    let located = |error| drawn(context, &source_map::diagnose(query, &error, TYPED), files);
    let mut frame = session.query(&query.sql).await.map_err(located)?;
    if args.limit > 0 {
        // One more, to know whether there are more.
        let more = usize::from(args.output == RowsOutput::Table);
        frame = frame.limit(0, Some(args.limit + more)).map_err(located)?;
    }
    frame.execute_stream().await.map_err(located)
}

/// Refuses a query that reads what is not there; models are asked that when the project is loaded.
fn known(context: &Context, project: &Project, query: &Rendered) -> Result<()> {
    let nodes = &project.graph.nodes;
    // A source's tables may exist without being declared: the system will be asked.
    let missing = |read: &&Spanned<NodeId>| read.value.kind() != NodeKind::Source && !nodes.contains_key(&read.value);
    let Some(read) = query.reads.iter().find(missing) else { return Ok(()) };
    let message = format!("there is no {} `{}`", read.value.kind().word(), read.value.name());
    let mut problem = Diagnostic::error(&code::E0420, read.span, message);
    if let Some(near) = nearest(&read.value.name(), nodes.keys().map(NodeId::name)) {
        problem = problem.hint(format!("a similar name is `{near}`"));
    }
    Err(drawn(context, &problem, &project.files))
}

/// Draws a problem of what was typed.
fn drawn(context: &Context, problem: &Diagnostic, files: &Files) -> CliError {
    context.terminal.say(&context.drawing().diagnostic(problem, files));
    CliError::Problems
}

/// The SQL that a model renders to.
fn compiled(project: &Project, name: &str) -> Result {
    let Some(model) = project.models.get(name) else { return Err(unknown(project, name)) };
    terminal::write(&format!("{}\n", model.rendered.sql.trim()))?;
    Ok(ExitStatus::Done)
}

/// A query for all rows of a node.
fn read_all(project: &Project, name: &str) -> Result<String> {
    let declared = || NodeId::named(name).filter_map(|id| id.source_table());
    let declared = || declared().find(|table| project.sources.contains_key(&table.source)).map(|table| table.node());
    match project.graph.find_rows(name).or_else(declared) {
        Some(NodeId::Source { source, table }) => {
            Ok(format!("select * from {{{{ source({}, {}) }}}}", quoted(&source), quoted(&table)))
        }
        Some(NodeId::Copy { replication, table }) => {
            Ok(format!("select * from {{{{ ref({}, {}) }}}}", quoted(&replication), quoted(&table)))
        }
        Some(NodeId::Seed(one) | NodeId::Model(one)) => Ok(format!("select * from {{{{ ref({}) }}}}", quoted(&one))),
        _ => Err(unknown(project, name)),
    }
}

/// A name as a string of a template.
fn quoted(name: &Name) -> String {
    format!("'{}'", name.as_str().replace('\\', "\\\\").replace('\'', "\\'"))
}

fn unknown(project: &Project, name: &str) -> CliError {
    let hint = match nearest(name, project.graph.nodes.keys().map(NodeId::name)) {
        Some(near) => format!("a similar name is `{near}`"),
        None => "`engine ls` shows what there is".to_owned(),
    };
    CliError::usage(format!("there is no model, seed, copied table or source's table `{name}`"), hint)
}
