//! engine: one binary for a data team.

mod args;
mod artifacts;
mod commands;
mod context;
mod disk;
mod dispatch;
mod exit_status;
mod file_watcher;
mod graph;
mod interrupt;
mod retried_run;
mod run_session;
mod telemetry;
mod terminal;
mod watch;
mod web;

use args::{Cli, Command, LogOutput};
use clap::Parser as _;
use exit_status::CliError;
use std::{
    backtrace::{Backtrace, BacktraceStatus},
    env,
    error::Error as _,
    panic,
    process::ExitCode,
};
use terminal::{Style, Terminal};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let terminal = Terminal::detect(cli.global.color, cli.global.quiet);
    apologize_for_panics(terminal);
    arm_fail_points();
    log(&cli);
    match panic::catch_unwind(|| dispatch::dispatch(&cli, terminal)) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(stop)) => explain(terminal, &stop),
        Err(_) => ExitCode::from(2),
    }
}

/// Says why the command ended, and answers the exit code.
fn explain(terminal: Terminal, stop: &CliError) -> ExitCode {
    let word = terminal.paint(Style::Bad, "error");
    match stop {
        CliError::ReaderGone => return ExitCode::SUCCESS,
        CliError::Problems => return ExitCode::FAILURE,
        CliError::Run(engine_run::error::Error::Cancelled) => return exit_status::ExitStatus::Interrupted.into(),
        CliError::Usage { message, hint } => {
            terminal.say(&format!("{word}: {message}"));
            help(terminal, hint.as_deref());
        }
        CliError::Io { source, .. } => {
            terminal.say(&format!("{word}: {stop}"));
            help(terminal, exit_status::advice(source));
        }
        CliError::Connect(error) => {
            terminal.say(&format!("{word}: {error}"));
            help(terminal, error.hint.as_deref());
            return ExitCode::FAILURE;
        }
        other => {
            terminal.say(&format!("{word}: {other}"));
            let mut cause = other.source();
            while let Some(error) = cause {
                let said = error.to_string();
                if !other.to_string().contains(&said) {
                    terminal.say(&format!("  because {said}"));
                }
                cause = error.source();
            }
        }
    }
    ExitCode::from(2)
}

fn help(terminal: Terminal, hint: Option<&str>) {
    if let Some(hint) = hint {
        terminal.say(&format!("{}: {hint}", terminal.paint(Style::Blue, "help")));
    }
}

/// A panic is our own mistake, and is said as such.
fn apologize_for_panics(terminal: Terminal) {
    panic::set_hook(Box::new(move |info| {
        let word = terminal.paint(Style::Bad, "engine itself failed");
        let said = info.payload_as_str().unwrap_or("without a word");
        let place = info.location().map_or(String::new(), |place| format!(" at {}:{}", place.file(), place.line()));
        let version = concat!("engine ", env!("CARGO_PKG_VERSION"), " on ");
        let help = terminal.paint(Style::Blue, "help");
        terminal.say(&format!(
            "{word}: this is a mistake in engine, not in your project\n  {said}{place}\n  {version}{} {}\n\
             {help}: please report it as an issue of engine's repository, with these lines and what you typed; \
             tables are as they were or as they should be, and `engine retry` goes on",
            env::consts::OS,
            env::consts::ARCH,
        ));
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            terminal.say(&trace.to_string());
        }
    }));
}

/// What the crates below have to say beyond a run's events; drivers are not heard, they know passwords.
fn log(cli: &Cli) {
    let global = &cli.global;
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, _) => "debug",
    };
    let filter = format!("off,engine_language={level},engine_connect={level},engine_run={level},engine={level}");
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr).without_time().with_target(false);
    let subscriber = subscriber.with_ansi(false).with_env_filter(filter);
    match &cli.command {
        Command::Serve(serve) if serve.log == LogOutput::Json => {
            subscriber.with_timer(tracing_subscriber::fmt::time::SystemTime).json().init();
        }
        _ => subscriber.init(),
    }
}

/// In builds for tests, `ENGINE_CRASH_AT=name` kills the process at that fail point, as `kill -9` would, and
/// `ENGINE_PANIC_AT=name` panics there.
fn arm_fail_points() {
    #[cfg(debug_assertions)]
    {
        let arm = |variable: &str, what: fn()| {
            if let Ok(name) = env::var(variable) {
                fail::cfg_callback(name.as_str(), what).expect("a callback is a valid action");
            }
        };
        arm("ENGINE_CRASH_AT", || std::process::abort());
        arm("ENGINE_PANIC_AT", || panic!("as the test wished"));
    }
}
