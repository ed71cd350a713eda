//! `engine dlq`: messages that streams could not take.

use crate::{
    args::{Dlq, LettersOf, RowsOutput},
    context::Context,
    exit_status::{CliError, ExitStatus, Result},
    interrupt::cancellable,
    run_session::{self, Ready, RunOptions},
    terminal::{Style, format, report::action, rows},
};
use datafusion::{
    arrow::array::RecordBatch, datasource::MemTable, execution::SendableRecordBatchStream, prelude::SessionContext,
};
use engine_language::{graph::NodeId, name::nearest};
use engine_run::{dead_letters::Letters, history::History, lag::streams, runner::Runner};
use std::{
    io::{self, BufWriter},
    sync::Arc,
};

/// Reasons differ in values and places; those of one kind begin alike.
const BY_REASON: &str = "select pipeline as model, source as topic, count(*) as letters, \
    substr(reason, 1, 60) as reason, min(cast(partition as varchar) || ':' || cast(\"offset\" as varchar)) as such_as \
    from letters group by 1, 2, 4 order by 1, 2, 3 desc, 4";

/// What is not text is shown as its bytes in hexadecimal.
const EACH: &str = "select cast(partition as varchar) || ':' || cast(\"offset\" as varchar) as place, reason, \
    coalesce(try_cast(payload as varchar), '\\x' || encode(payload, 'hex')) as message, source as topic, run \
    from letters order by source, partition, \"offset\"";

/// Does what was typed.
pub fn dlq(context: &Context, what: &Dlq) -> Result {
    let ready = run_session::ready(context)?;
    match what {
        Dlq::Ls { output } => ls(context, &ready, *output),
        Dlq::Show { letters, limit, output } => show(context, &ready, &named(&ready, letters)?, (*limit, *output)),
        Dlq::Replay { letters } => replay(context, &ready, &named(&ready, letters)?),
        Dlq::Drop { letters, yes } => drop_letters(context, &ready, &named(&ready, letters)?, *yes),
    }
}

fn runner(context: &Context, ready: &Ready) -> Result<Runner> {
    ready.runner(context, Arc::new(History::open(&context.made()?)?), RunOptions::default())
}

/// The letters that were named; complains of a model that is no stream.
fn named(ready: &Ready, typed: &LettersOf) -> Result<Letters> {
    let streams = streams(&ready.project);
    let model = NodeId::Model(typed.model.as_str().into());
    if streams.contains(&model) {
        return Ok(Letters { model, places: typed.places.clone() });
    }
    let names = streams.iter().map(NodeId::name);
    let hint = match nearest(&typed.model, names.clone()) {
        Some(near) => format!("a stream model with a similar name is `{near}`"),
        None => format!("stream models: {}", names.collect::<Vec<_>>().join(", ")),
    };
    Err(CliError::usage(format!("there is no stream model `{}`", typed.model), hint))
}

fn ls(context: &Context, ready: &Ready, output: RowsOutput) -> Result {
    rows::refuse_terminal(output)?;
    let runner = runner(context, ready)?;
    cancellable(context.terminal, async |_| {
        let mut all: Vec<RecordBatch> = vec![];
        for model in streams(&ready.project) {
            let letters = Letters { model, places: vec![] };
            if let Some(frame) = runner.query_letters(&letters, BY_REASON).await? {
                all.extend(frame.collect().await?.into_iter().filter(|batch| batch.num_rows() > 0));
            }
        }
        let Some(first) = all.first() else { return Ok(none(context)) };
        let table = MemTable::try_new(first.schema(), vec![all])?;
        let rows = SessionContext::new().read_table(Arc::new(table))?.execute_stream().await?;
        print(context, rows, (0, output)).await
    })
}

fn none(context: &Context) -> ExitStatus {
    context.terminal.note(&action(context.terminal, Style::Good, "Empty", "there are no dead letters"));
    ExitStatus::Done
}

fn show(context: &Context, ready: &Ready, letters: &Letters, (limit, output): (usize, RowsOutput)) -> Result {
    rows::refuse_terminal(output)?;
    let runner = runner(context, ready)?;
    cancellable(context.terminal, async |_| {
        let Some(mut frame) = runner.query_letters(letters, EACH).await? else { return Ok(none(context)) };
        if limit > 0 {
            // One more, to know whether there are more.
            frame = frame.limit(0, Some(limit + usize::from(output == RowsOutput::Table)))?;
        }
        print(context, frame.execute_stream().await?, (limit, output)).await
    })
}

async fn print(context: &Context, rows: SendableRecordBatchStream, (limit, output): (usize, RowsOutput)) -> Result {
    if output == RowsOutput::Table {
        rows::draw(context.terminal, rows, limit).await?;
    } else {
        rows::write(rows, output, BufWriter::new(io::stdout())).await?;
    }
    Ok(ExitStatus::Done)
}

fn replay(context: &Context, ready: &Ready, letters: &Letters) -> Result {
    let runner = runner(context, ready)?;
    cancellable(context.terminal, async |cancel| {
        let _lock = run_session::lock(context, &context.made()?, &cancel).await?;
        let done = match runner.replay(letters, run_session::run_info(None)).await {
            Err(engine_run::error::Error::Project(problem)) => {
                context.terminal.say(&context.drawing().diagnostic(&problem, &ready.project.files));
                return Err(CliError::Problems);
            }
            done => done?,
        };
        let text = format!(
            "{:<26} {}, {} still refused",
            letters.model.name(),
            format::counted(done.settled, "dead letter"),
            format::count(done.refused)
        );
        context.terminal.note(&action(context.terminal, Style::Good, "Replayed", &text));
        Ok(if done.refused == 0 { ExitStatus::Done } else { ExitStatus::Failed })
    })
}

fn drop_letters(context: &Context, ready: &Ready, letters: &Letters, yes: bool) -> Result {
    if letters.places.is_empty() && !yes {
        let message = format!("this lets all dead letters of `{}` go for good", letters.model.name());
        return Err(CliError::usage(message, "say `--yes` if that is meant, or name some, such as 0:120".to_owned()));
    }
    let runner = runner(context, ready)?;
    cancellable(context.terminal, async |cancel| {
        let _lock = run_session::lock(context, &context.made()?, &cancel).await?;
        let dropped = runner.drop_letters(letters, &run_session::run_info(None)).await?;
        let text = format!("{:<26} {}", letters.model.name(), format::counted(dropped, "dead letter"));
        context.terminal.note(&action(context.terminal, Style::Good, "Dropped", &text));
        Ok(ExitStatus::Done)
    })
}
