//! One file a command.

pub mod check;
pub mod clean;
pub mod completions;
pub mod dlq;
pub mod doctor;
pub mod explain;
pub mod generate;
pub mod graph;
pub mod init;
pub mod logs;
pub mod ls;
pub mod online;
pub mod plan;
pub mod reference;
pub mod retry;
pub mod run;
pub mod schedules;
pub mod serve;
pub mod show;
pub mod test;
pub mod user;

use crate::{
    args::{Cli, Command},
    context::Context,
    stop::Result,
    terminal::Terminal,
    watch,
};

/// Does what was typed.
pub fn dispatch(cli: &Cli, terminal: Terminal) -> Result {
    fail::fail_point!("command");
    let context = || Context::find(&cli.global, terminal);
    match &cli.command {
        Command::Explain(args) => explain::explain(terminal, args),
        Command::Completions(args) => completions::completions(args),
        Command::Reference(args) => reference::reference(args),
        Command::Check(args) => check::check(&context()?, args),
        Command::Ls(args) => ls::ls(&context()?, args),
        Command::Init(args) => init::init(terminal, args),
        Command::Graph(args) => graph::graph(&context()?, args),
        Command::Clean(args) => clean::clean(&context()?, args),
        Command::Dlq { what } => dlq::dlq(&context()?, what),
        Command::Doctor(args) => doctor::doctor(&context()?, args),
        Command::Run(args) => run::run(&context()?, args),
        Command::Retry(args) => retry::retry(&context()?, args),
        Command::Plan(args) => plan::plan(&context()?, args),
        Command::Watch(args) => watch::watch(&context()?, args),
        Command::Serve(args) => serve::serve(&context()?, args),
        Command::Schedules(args) => schedules::schedules(&context()?, args),
        Command::User(args) => user::user(&context()?, args),
        Command::Logs(args) => logs::logs(&context()?, args),
        Command::Show(args) => show::show(&context()?, args),
        Command::Generate(args) => generate::generate(&context()?, args),
        Command::Test(args) => test::test(&context()?, args),
    }
}
