//! `engine test`: unit tests, checks and snapshots, with no database.

mod cause;
mod differing;

use crate::{
    args::{Test, TestOutput},
    context::{Context, selected},
    exit_status::{CliError, ExitStatus, Result},
    interrupt::cancellable,
    run_session::{self, Ready},
    terminal::{
        self, Style, format,
        report::{action, timed},
    },
};
use engine_language::{files::Files, graph::NodeId, project::Project};
use engine_run::test::{
    self, Detail, TestKind, TestOptions, TestReport, TestResult, TestStatus, output,
    snapshot::{self, Update},
};
use std::{collections::BTreeSet, env, io};

/// Runs the tests of the selected nodes, and says what differs.
pub fn test(context: &Context, args: &Test) -> Result {
    let update = update(args)?;
    if args.review && !context.terminal.asks {
        let hint = "`--accept` takes all of them".to_owned();
        return Err(CliError::usage("`--review` asks questions, and there is nobody at a terminal", hint));
    }
    let ready = run_session::ready(context)?;
    let nodes = selected(&ready.project, &args.selected)?;
    let report = cancellable(context.terminal, async |cancel| {
        tokio::select! {
            report = test::test(ready.project.clone(), &context.root, &nodes, TestOptions { update }) => Ok(report?),
            () = cancel.cancelled() => Err(engine_run::error::Error::Cancelled.into()),
        }
    })?;
    let files = &ready.project.files;
    match args.output {
        TestOutput::Text => say(context, &report, &ready.project),
        TestOutput::Json => terminal::write(&format!("{:#}\n", output::json(&report, files)))?,
        TestOutput::Junit => terminal::write(&format!("{}\n", output::junit(&report, files)?.trim_end()))?,
    }
    cause::Passed::read(context).remember(context, &ready.project, &report)?;
    if args.review {
        return review(context, &report);
    }
    Ok(if report.passed() { ExitStatus::Done } else { ExitStatus::Failed })
}

/// The tests of some nodes under `watch`: what differs is shown, nothing is recorded.
pub async fn again(context: &Context, ready: &Ready, nodes: &BTreeSet<NodeId>) -> Result<()> {
    let options = TestOptions { update: Update::No };
    let report = test::test(ready.project.clone(), &context.root, nodes, options).await?;
    say(context, &report, &ready.project);
    cause::Passed::read(context).remember(context, &ready.project, &report)
}

fn update(args: &Test) -> Result<Update> {
    if args.accept {
        return Ok(Update::Always);
    }
    let (insta, ci) = (env::var("INSTA_UPDATE").ok(), env::var("CI").ok());
    Update::from_env(insta.as_deref(), ci.as_deref()).ok_or_else(|| {
        let message = format!("`INSTA_UPDATE={}` means nothing", insta.unwrap_or_default());
        CliError::usage(message, "it is one of auto, new, unseen, always, no".to_owned())
    })
}

fn say(context: &Context, report: &TestReport, project: &Project) {
    let passed = cause::Passed::read(context);
    let terminal = context.terminal;
    for result in report.results.iter().filter(|result| result.status != TestStatus::Passed) {
        one(context, result, &project.files);
        if result.kind == TestKind::Snapshot && matches!(result.detail, Some(Detail::Difference(_))) {
            for cause in passed.causes(context, project, &result.name) {
                terminal.say(&format!("  caused by: {cause}"));
            }
        }
    }
    for path in &report.unreferenced {
        let text = format!("{}   stands for no model; delete it", context.shown(path));
        terminal.note(&action(terminal, Style::Warn, "Unreferenced", &text));
    }
    let failed = report.count(TestStatus::Failed);
    let all = format::counted(report.results.len() as u64, "test");
    if failed == 0 {
        terminal.note(&timed(terminal, Style::Good, "Passed", &tally(report, &all), report.took));
        return;
    }
    let text = format!("{failed} of {all}");
    terminal.say(&timed(terminal, Style::Bad, "Failed", &text, report.took));
    let snapshots = report.results.iter().any(|r| r.kind == TestKind::Snapshot && r.status == TestStatus::Failed);
    if snapshots {
        terminal.say(&format!("{:12} review: `engine test --review` · accept all: `engine test --accept`", ""));
    }
}

/// How many, and how many of them did anything but pass.
fn tally(report: &TestReport, all: &str) -> String {
    let others = [TestStatus::Warned, TestStatus::Recorded, TestStatus::Skipped];
    let others = others.iter().map(|status| (report.count(*status), status.word())).filter(|(n, _)| *n > 0);
    let others: Vec<String> = others.map(|(n, word)| format!(", {n} {word}")).collect();
    format!("{all}{}", others.concat())
}

fn one(context: &Context, result: &TestResult, files: &Files) {
    let terminal = context.terminal;
    let (word, style) = match result.status {
        TestStatus::Passed => ("Passed", Style::Good),
        TestStatus::Recorded => ("Recorded", Style::Good),
        TestStatus::Warned => ("Warning", Style::Warn),
        TestStatus::Skipped => ("Skipped", Style::Warn),
        TestStatus::Failed => ("Failed", Style::Bad),
    };
    let text = format!("{} {:<28} {}", result.kind.word(), result.name, output::said(result));
    let line = timed(terminal, style, word, text.trim_end(), result.took);
    if result.status != TestStatus::Failed {
        terminal.note(&line);
        return;
    }
    terminal.say(&line);
    match &result.detail {
        Some(Detail::Difference(difference)) => {
            let was = if result.kind == TestKind::Snapshot { "- recorded" } else { "- expected" };
            terminal.say(&differing::drawn(terminal, difference, was));
        }
        Some(Detail::Problem(problem)) => {
            terminal.say(&format!("{}\n\n", context.drawing().diagnostic(problem, files)));
        }
        Some(Detail::Note(_)) | None => {}
    }
}

/// Asks about each changed snapshot.
fn review(context: &Context, report: &TestReport) -> Result {
    let changed = |result: &&TestResult| result.kind == TestKind::Snapshot && result.status == TestStatus::Failed;
    let mut left = report.count(TestStatus::Failed);
    for result in report.results.iter().filter(changed) {
        context.terminal.say(&format!("snapshot {}: accept the rows that came? [y/n/q]", result.name));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        match answer.trim() {
            "y" | "yes" => {
                snapshot::accept(&context.root, &result.name)?;
                left -= 1;
            }
            "n" | "no" => snapshot::reject(&context.root, &result.name)?,
            _ => break,
        }
    }
    Ok(if left == 0 { ExitStatus::Done } else { ExitStatus::Failed })
}
