//! `engine watch`: what a saved file affects is checked at once, then rebuilt.

mod changed;
mod saves;

use crate::{
    args::Watch,
    commands,
    context::{Context, selected},
    interrupt::cancellable,
    report::{self, Lines, action, timed},
    stop::{Exit, Result, Stop},
    terminal::Style,
    words,
    work::{self, Ready, Wish},
};
use changed::{Changed, changed};
use engine_language::{
    graph::{NodeId, NodeKind},
    name::Name,
    project::Project,
};
use engine_run::{
    event::RunOutcome,
    report::{Report, Status},
};
use saves::Saves;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Watches until Ctrl-C.
pub fn watch(context: &Context, args: &Watch) -> Result {
    cancellable(context.terminal, async |cancel| {
        // Watching begins before the first reading, so that no save falls between the two.
        let mut watcher = Saves::watch(&context.root, args.poll)?;
        let (sender, mut saved) = mpsc::unbounded_channel();
        let gather = tokio::spawn(async move {
            while let Some(paths) = watcher.next().await {
                if sender.send(paths).is_err() {
                    break;
                }
            }
        });
        let mut watching = Watching::begin(context, args);
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                paths = saved.recv() => match paths {
                    Some(paths) => watching.saved(&paths).await,
                    None => break,
                },
                result = ended(&mut watching.running) => watching.ended(result),
            }
        }
        gather.abort();
        watching.stop().await;
        Ok(Exit::Interrupted)
    })
}

/// A run under way.
struct Running {
    cancel: CancellationToken,
    nodes: BTreeSet<NodeId>,
    project: Arc<Project>,
    task: JoinHandle<Result<Option<Report>>>,
}

struct Watching<'a> {
    context: &'a Context,
    args: &'a Watch,
    /// The last reading without errors.
    good: Option<Arc<Project>>,
    /// Nodes that still have to be built.
    pending: BTreeSet<NodeId>,
    running: Option<Running>,
}

/// The end of the run under way; never, if there is none.
async fn ended(running: &mut Option<Running>) -> Result<Option<Report>> {
    match running {
        Some(running) => match (&mut running.task).await {
            Ok(result) => result,
            Err(_) => Err(Stop::usage("the run broke off", None)),
        },
        None => std::future::pending().await,
    }
}

impl<'a> Watching<'a> {
    fn begin(context: &'a Context, args: &'a Watch) -> Self {
        let mut watching = Self { context, args, good: None, pending: BTreeSet::new(), running: None };
        let where_ = context.shown(Path::new("project"));
        context.terminal.note(&action(context.terminal, Style::Blue, "Watching", &format!("{where_}   Ctrl-C ends")));
        if let Some(ready) = watching.check() {
            watching.rebuild(ready);
        }
        watching
    }

    /// Something was saved: say so, check at once, then rebuild.
    async fn saved(&mut self, paths: &BTreeSet<PathBuf>) {
        let terminal = self.context.terminal;
        let overtaken = self.running.as_ref().is_some_and(|running| {
            running.cancel.cancel();
            true
        });
        let shown: Vec<String> = paths.iter().map(|path| self.context.shown(path)).collect();
        terminal.note(&format!("\n{}", action(terminal, Style::Blue, "Saved", &shown.join(", "))));
        let ready = self.check();
        if overtaken {
            self.stop().await;
        }
        if let Some(ready) = ready {
            self.rebuild(ready);
        }
    }

    /// Reads the project again; draws what is wrong.
    fn check(&self) -> Option<Ready> {
        let terminal = self.context.terminal;
        let started = Instant::now();
        let loaded = work::checked(self.context);
        self.context.draw(&loaded.project, &loaded.problems, started.elapsed());
        if loaded.problems.has_errors() {
            terminal.say(&action(terminal, Style::Warn, "Kept", "the last good tables, until this is mended"));
            return None;
        }
        let models = words::counted(loaded.project.models.len() as u64, "model");
        terminal.note(&timed(terminal, Style::Good, "Checked", &models, started.elapsed()));
        Some(Ready::of(loaded))
    }

    /// Runs what changed, and what reads it.
    fn rebuild(&mut self, ready: Ready) {
        let wanted = match selected(&ready.project, &self.args.selected) {
            Ok(wanted) => wanted,
            Err(stop) => return self.context.terminal.say(&stop.to_string()),
        };
        let Changed { nodes, tests } = match &self.good {
            Some(before) => changed(before, &ready.project),
            None => Changed { nodes: wanted.clone(), tests: BTreeSet::new() },
        };
        self.good = Some(ready.project.clone());
        self.pending.retain(|id| ready.project.graph.nodes.contains_key(id));
        self.pending.extend(nodes);
        let graph = &ready.project.graph;
        let below: Vec<NodeId> = self.pending.iter().flat_map(|id| graph.descendants(id, None)).collect();
        let nodes: BTreeSet<NodeId> =
            self.pending.iter().cloned().chain(below).filter(|id| wanted.contains(id)).collect();
        if self.args.no_run || (nodes.is_empty() && tests.is_empty()) {
            return;
        }
        self.start(ready, nodes, tests);
    }

    fn start(&mut self, ready: Ready, nodes: BTreeSet<NodeId>, tests: BTreeSet<Name>) {
        let cancel = CancellationToken::new();
        let context = self.context.clone();
        let lines = Lines::new(context.terminal, context.global.verbose);
        let lines = Arc::new(lines.watching());
        let project = ready.project.clone();
        let (token, selected) = (cancel.clone(), nodes.clone());
        let task = tokio::spawn(async move {
            let mut report = None;
            if !selected.is_empty() {
                report = Some(ready.run(&context, &selected, Wish::default(), lines, token.clone()).await?);
            }
            let tests: BTreeSet<NodeId> = tests.into_iter().map(|name| NodeId::new(NodeKind::Model, name)).collect();
            if !tests.is_empty() && !token.is_cancelled() {
                commands::test::again(&context, &ready, &tests).await?;
            }
            Ok(report)
        });
        self.running = Some(Running { cancel, nodes, project, task });
    }

    /// A run ended: what failed stays to be built.
    fn ended(&mut self, result: Result<Option<Report>>) {
        let Some(running) = self.running.take() else { return };
        let terminal = self.context.terminal;
        match result {
            Ok(None) => {}
            Ok(Some(report)) if report.outcome == RunOutcome::Cancelled => {}
            Ok(Some(report)) => {
                report::end(&self.context.drawing(), &report, &running.project.files);
                let left = |status| matches!(status, Status::Failed | Status::Skipped);
                let left = report.nodes.iter().filter(|node| left(node.status)).map(|node| node.node.clone());
                self.pending.retain(|id| !running.nodes.contains(id));
                self.pending.extend(left);
            }
            Err(stop) => terminal.say(&format!("{}: {stop}", terminal.paint(Style::Bad, "error"))),
        }
    }

    /// Cancels the run under way and waits for its end.
    async fn stop(&mut self) {
        if let Some(running) = &self.running {
            running.cancel.cancel();
            let result = ended(&mut self.running).await;
            self.ended(result);
        }
    }
}
