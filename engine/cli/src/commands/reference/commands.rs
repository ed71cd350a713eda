//! Every command with its arguments.

use crate::args::Cli;
use clap::{Arg, ArgAction, Command, CommandFactory as _};
use std::fmt::Write as _;

/// The page.
pub fn page() -> String {
    let mut cli = Cli::command();
    cli.build();
    let mut text =
        "# Commands\n\nWhat `engine COMMAND --help` prints, on one page.\n\nFor every command:\n\n".to_owned();
    text += &table(cli.get_arguments().filter(|arg| arg.is_global_set()));
    for command in cli.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        text += &section(command);
    }
    text
}

fn section(command: &Command) -> String {
    let said = |part: Option<&clap::builder::StyledStr>| part.map(ToString::to_string).unwrap_or_default();
    let mut text = format!("\n## engine {}\n\n{}.\n", command.get_name(), said(command.get_about()));
    let own: Vec<&Arg> = command.get_arguments().filter(|arg| !arg.is_global_set() && shown(arg)).collect();
    if !own.is_empty() {
        text += "\n";
        text += &table(own.into_iter());
    }
    let examples = said(command.get_after_help());
    let lines = examples.lines().skip(1).map(str::trim).collect::<Vec<_>>().join("\n");
    write!(text, "\n```sh\n{lines}\n```\n").expect("text can be written to");
    text
}

fn shown(arg: &Arg) -> bool {
    !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str())
}

fn table<'a>(args: impl Iterator<Item = &'a Arg>) -> String {
    let mut text = "| argument | meaning |\n|---|---|\n".to_owned();
    for arg in args.filter(|arg| shown(arg)) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let values = arg.get_possible_values();
        let names: Vec<&str> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
        let choice = match names.as_slice() {
            [] | ["true", "false"] => String::new(),
            names => format!(": {}", names.join(", ")),
        };
        let (name, help) = (name(arg), help.replace('|', "\\|"));
        writeln!(text, "| `{name}` | {help}{choice} |").expect("text can be written to");
    }
    text
}

fn name(arg: &Arg) -> String {
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let values = arg.get_value_names().unwrap_or_default().iter().map(clap::builder::Str::as_str);
    let value = values.collect::<Vec<_>>().join(" ");
    match (arg.get_short(), arg.get_long()) {
        (None, None) => value,
        (short, long) => {
            let names = [short.map(|c| format!("-{c}")), long.map(|name| format!("--{name}"))];
            let names = names.into_iter().flatten().collect::<Vec<_>>().join(", ");
            if takes { format!("{names} {value}") } else { names }
        }
    }
}
