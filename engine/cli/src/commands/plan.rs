//! `engine plan`: what a run would do, and why.

mod changes;
mod estimate;
mod json;
mod text;

use crate::{
    args::{Output, Plan},
    context::{Context, selected},
    exit_status::{CliError, ExitStatus, Result},
    interrupt::cancellable,
    run_session::{self, Ready, RunOptions},
    terminal,
};
use changes::Change;
use engine_connect::hub::version::Reads;
use engine_language::{diagnostic::Problems, graph::NodeId};
use engine_run::{
    error::Error,
    history::{self, History},
    location::Place,
    losses,
    plan::Plan as Steps,
    reuse::{definition::Definitions, plan_run},
    systems::Systems,
};
use estimate::Estimate;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What a run would do, and what would come of it as far as that is known.
struct Foreseen {
    steps: Steps,
    /// Of models that say something else than when they were last built.
    changes: BTreeMap<NodeId, Change>,
    /// Nodes that were made once and are no longer in the project.
    gone: Vec<String>,
    estimate: Estimate,
    /// The tables whose rows were read to tell whether they changed, and why that took reading.
    rows_read: BTreeMap<Place, Reads>,
}

/// Prints the plan and changes nothing.
pub fn plan(context: &Context, args: &Plan) -> Result {
    let ready = run_session::ready_to_run(context)?;
    losses(context, &ready);
    let nodes = selected(&ready.project, &args.selected)?;
    let options = RunOptions { full_refresh: args.full_refresh, ..RunOptions::default() };
    let history = Arc::new(run_session::remembered(context)?);
    let foreseen = cancellable(context.terminal, async |cancel| {
        tokio::select! {
            foreseen = foresee(context, &ready, &history, &nodes, options) => foreseen,
            () = cancel.cancelled() => Err(CliError::from(Error::Cancelled)),
        }
    });
    let mut foreseen = foreseen?;
    if args.selected.include().is_empty() {
        foreseen.gone = history::removed(&ready.project, &history)?;
    }
    let text = match args.output {
        Output::Text => text::text(&ready.project, &foreseen, context.terminal.data_colour),
        Output::Json => format!("{:#}\n", json::json(&foreseen)),
    };
    terminal::write(&text)?;
    Ok(ExitStatus::Done)
}

/// Draws what replications would lose.
fn losses(context: &Context, ready: &Ready) {
    let mut problems = Problems::default();
    let systems = Systems::connect(&ready.project, &context.root, &mut problems);
    problems.extend(losses::find(&ready.project, &systems));
    context.draw(&ready.project, &problems, ready.took);
}

async fn foresee(
    context: &Context,
    ready: &Ready,
    history: &Arc<History>,
    nodes: &BTreeSet<NodeId>,
    options: RunOptions,
) -> Result<Foreseen> {
    let (mut changes, mut rows_read) = (BTreeMap::new(), BTreeMap::new());
    let mut steps;
    // Without records everything is new, and there is nothing to ask.
    if run_session::remembers(context) {
        let runner = ready.runner(context, history.clone(), options)?;
        steps = runner.plan(nodes)?;
        rows_read = runner.explain_changes(&mut steps).await;
        changes = changes::changes(ready, history, &steps)?;
        changes::count(&runner, &steps, &mut changes).await;
    } else {
        let definitions = Definitions::of(&ready.project);
        steps = plan_run::plan(&ready.project, &definitions, history, options, nodes)?;
    }
    let estimate = estimate::estimate(&ready.project, history, &steps, &changes)?;
    Ok(Foreseen { steps, changes, gone: vec![], estimate, rows_read })
}
