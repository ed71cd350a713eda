//! `engine watch`: what a saved file affects is checked at once, then rebuilt.

mod changed;
mod pending;

use crate::{
    args::Watch,
    commands,
    context::{Context, selected},
    exit_status::{CliError, ExitStatus, Result},
    file_watcher::FileWatcher,
    interrupt::cancellable,
    run_session::{self, Ready, RunOptions},
    terminal::{
        Style, format,
        report::{self, Lines, action, timed},
    },
};
use changed::{Changed, changed};
use engine_language::{name::Name, project::Project};
use engine_run::{
    report::{Report, RunOutcome},
    test::snapshot,
};
use pending::{Pending, broken, model};
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
    run_session::discover(context)?;
    cancellable(context.terminal, async |cancel| {
        // Watching begins before the first reading, so that no save falls between the two.
        let mut watcher = FileWatcher::watch(&context.root, args.poll)?;
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
        Ok(ExitStatus::Interrupted)
    })
}

/// A run under way.
struct Running {
    cancel: CancellationToken,
    work: Pending,
    task: JoinHandle<Result<Did>>,
}

/// What came of a run.
#[derive(Default)]
struct Did {
    /// How the nodes went; `None` if there were none.
    report: Option<Report>,
    /// Models that were tested to the end.
    tested: BTreeSet<Name>,
}

struct Watching<'a> {
    context: &'a Context,
    args: &'a Watch,
    /// The last reading without errors.
    good: Option<Arc<Project>>,
    pending: Pending,
    running: Option<Running>,
}

/// The end of the run under way; never, if there is none.
async fn ended(running: &mut Option<Running>) -> Result<Did> {
    match running {
        Some(running) => match (&mut running.task).await {
            Ok(result) => result,
            Err(_) => Err(CliError::usage("the run broke off", None)),
        },
        None => std::future::pending().await,
    }
}

impl<'a> Watching<'a> {
    fn begin(context: &'a Context, args: &'a Watch) -> Self {
        let mut watching = Self { context, args, good: None, pending: Pending::default(), running: None };
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
        let loaded = run_session::checked(self.context);
        self.context.draw(&loaded.project, &loaded.problems, started.elapsed());
        if loaded.problems.has_errors() {
            terminal.say(&action(terminal, Style::Warn, "Kept", "the last good tables, until this is mended"));
            return None;
        }
        let models = format::counted(loaded.project.models.len() as u64, "model");
        terminal.note(&timed(terminal, Style::Good, "Checked", &models, started.elapsed()));
        Some(Ready::of(loaded))
    }

    /// Runs what changed, and what reads it.
    fn rebuild(&mut self, ready: Ready) {
        let wanted = match selected(&ready.project, &self.args.selected) {
            Ok(wanted) => wanted,
            Err(stop) => return self.context.terminal.say(&stop.to_string()),
        };
        let mut changed = match &self.good {
            Some(before) => changed(before, &ready.project),
            None => Changed { nodes: wanted.clone(), tests: BTreeSet::new() },
        };
        changed.tests.retain(|name| has_tests(self.context, &ready.project, name));
        self.good = Some(ready.project.clone());
        self.pending.add(changed, &ready.project);
        let work = self.pending.work(&ready.project, &wanted);
        if !self.args.no_run && !work.is_empty() {
            self.start(ready, work);
        }
    }

    fn start(&mut self, ready: Ready, work: Pending) {
        let cancel = CancellationToken::new();
        let context = self.context.clone();
        let lines = Lines::new(context.terminal, context.global.verbose);
        let lines = Arc::new(lines.watching());
        let (token, todo) = (cancel.clone(), work.clone());
        let task = tokio::spawn(async move {
            let mut did = Did::default();
            if !todo.nodes.is_empty() {
                let report =
                    ready.run(&context, &todo.nodes, RunOptions::default(), lines, token.clone(), None).await?;
                if report.outcome != RunOutcome::Cancelled {
                    report::end(&context.drawing(), &report, &ready.project.files);
                }
                did.report = Some(report);
            }
            // What could not be built would only say the same again.
            let built = |name: &Name| did.report.iter().flat_map(broken).all(|broken| *broken != model(name));
            let tests: BTreeSet<Name> = todo.tests.into_iter().filter(built).collect();
            let nodes = tests.iter().map(model).collect();
            if !tests.is_empty() && !token.is_cancelled() {
                tokio::select! {
                    () = token.cancelled() => {}
                    done = commands::test::again(&context, &ready, &nodes) => { done?; did.tested = tests; }
                }
            }
            Ok(did)
        });
        self.running = Some(Running { cancel, work, task });
    }

    /// A run ended.
    fn ended(&mut self, result: Result<Did>) {
        let Some(running) = self.running.take() else { return };
        let terminal = self.context.terminal;
        match result {
            Ok(Did { report, tested }) => {
                if let Some(report) = report.filter(|report| report.outcome != RunOutcome::Cancelled) {
                    self.pending.built(&running.work.nodes, &report);
                }
                self.pending.tested(&tested);
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

/// Whether a model has unit tests or a recorded snapshot; its checks have run when it was built.
fn has_tests(context: &Context, project: &Project, name: &Name) -> bool {
    project.unit_tests.iter().any(|test| test.model.value == *name)
        || snapshot::path(&context.root, name.as_str()).is_file()
}
