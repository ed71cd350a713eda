//! Runs the command that was typed.

use crate::{
    args::{Cli, Command},
    commands,
    context::Context,
    exit_status::Result,
    terminal::Terminal,
    watch,
};

/// Runs the command that was typed.
pub fn dispatch(cli: &Cli, terminal: Terminal) -> Result {
    fail::fail_point!("command");
    let context = || Context::find(&cli.global, terminal);
    match &cli.command {
        Command::Explain(args) => commands::explain::explain(terminal, args),
        Command::Completions(args) => commands::completions::completions(args),
        Command::Reference(args) => commands::reference::reference(args),
        Command::Check(args) => commands::check::check(&context()?, args),
        Command::Ls(args) => commands::ls::ls(&context()?, args),
        Command::Init(args) => commands::init::init(terminal, args),
        Command::Graph(args) => commands::graph::graph(&context()?, args),
        Command::Clean(args) => commands::clean::clean(&context()?, args),
        Command::Dlq { what } => commands::dlq::dlq(&context()?, what),
        Command::Doctor(args) => commands::doctor::doctor(&context()?, args),
        Command::Run(args) => commands::run::run(&context()?, args),
        Command::Retry(args) => commands::retry::retry(&context()?, args),
        Command::Plan(args) => commands::plan::plan(&context()?, args),
        Command::Watch(args) => watch::watch(&context()?, args),
        Command::Serve(args) => commands::serve::serve(&context()?, args),
        Command::Schedules(args) => commands::schedules::schedules(&context()?, args),
        Command::User(args) => commands::user::user(&context()?, args),
        Command::Logs(args) => commands::logs::logs(&context()?, args),
        Command::Show(args) => commands::show::show(&context()?, args),
        Command::Generate(args) => commands::generate::generate(&context()?, args),
        Command::Test(args) => commands::test::test(&context()?, args),
    }
}
