//! `engine check`: everything that can be known without running.

use crate::{
    args::{Check, CheckOutput},
    commands::online,
    context::{Context, Loaded},
    exit_status::{ExitStatus, Result},
    run_session,
    terminal::{self, Style, diagnostic::machine, format},
};
use engine_language::{load::LoadOptions, template::RunInfo};

/// Loads the project, plans every model without data, and says what is wrong.
pub fn check(context: &Context, args: &Check) -> Result {
    let mut loaded = context.load(RunInfo::NONE);
    if args.online {
        let discovered = online::ask(context, &mut loaded)?;
        loaded = context.load_with(&LoadOptions { discovered, ..context.options(RunInfo::NONE) });
    }
    run_session::finish(context, &mut loaded);
    run_session::losses(context, &mut loaded);
    report(context, &loaded, args.output)?;
    Ok(if loaded.problems.has_errors() { ExitStatus::Failed } else { ExitStatus::Done })
}

/// Says what is wrong, or that nothing is.
pub fn report(context: &Context, loaded: &Loaded, output: CheckOutput) -> Result<()> {
    let files = &loaded.project.files;
    match output {
        CheckOutput::Text => context.draw(&loaded.project, &loaded.problems, loaded.took),
        CheckOutput::Json => {
            for problem in &loaded.problems {
                terminal::write(&format!("{}\n", machine::json(problem, files, &context.shown_root)))?;
            }
        }
        CheckOutput::Github => {
            for problem in &loaded.problems {
                terminal::write(&machine::github(problem, files, &context.shown_root))?;
            }
        }
    }
    if loaded.problems.is_empty() {
        context.terminal.note(&checked(context, loaded));
    }
    Ok(())
}

fn checked(context: &Context, loaded: &Loaded) -> String {
    let project = &loaded.project;
    let what = [
        (project.models.len(), "model"),
        (project.sources.len(), "source"),
        (project.replications.len(), "replication"),
        (project.generators.len(), "generator"),
        (project.seeds.len(), "seed"),
        (project.singular_tests.len() + project.unit_tests.len(), "test"),
    ];
    let what: Vec<String> =
        what.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format::counted(*n as u64, word)).collect();
    let word = context.terminal.paint(Style::Good, &format!("{:>12}", "Checked"));
    format!("{word} {:<60} {:>8}", what.join(", "), format::duration(loaded.took))
}
