//! What can be typed.

mod dlq;
mod network;
mod output;
mod serve;
mod start;

pub use dlq::{Dlq, LettersOf};
pub use network::Network;
pub use output::{CheckOutput, Colour, GraphOutput, Output, RowsOutput, TestOutput};
pub use serve::{LogOutput, Schedules, Serve, User, UserCommand};

use clap::{Args, Parser, Subcommand};
use engine_connect::hub::topics::Start;
use start::start;
use std::path::PathBuf;

/// Carries data between systems: generates, replicates, builds and tests it, from files that you can review.
#[derive(Debug, Parser)]
#[command(name = "engine", version, propagate_version = false, arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "Start with `engine init shop`, then `cd shop` and `engine run`.")]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The target whose connections are used; without it, `default_target`
    #[arg(short, long, global = true, value_name = "TARGET")]
    pub target: Option<String>,
    /// Look for the project from this folder upward
    #[arg(short = 'C', long = "directory", global = true, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// A value for `var('NAME')`; may be repeated
    #[arg(long = "var", global = true, value_name = "NAME=VALUE", value_parser = variable)]
    pub vars: Vec<(String, String)>,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", hide_possible_values = true)]
    pub color: Colour,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

/// Which nodes.
#[derive(Args, Clone, Debug, Default)]
pub struct Selected {
    /// Nodes: `name`, `+name`, `name+`, `2+name`, `@name`, `tag:x`, `path:models/x`, `source:shop.orders+`, globs
    #[arg(value_name = "SELECTION")]
    pub nodes: Vec<String>,
    /// The same as naming them; for those who come from dbt
    #[arg(short = 's', long = "select", value_name = "SELECTION", num_args = 1..)]
    pub named: Vec<String>,
    /// But not these
    #[arg(long, value_name = "SELECTION", num_args = 1..)]
    pub exclude: Vec<String>,
}

impl Selected {
    /// All that is to be included; empty is everything.
    pub fn include(&self) -> Vec<String> {
        self.nodes.iter().chain(&self.named).cloned().collect()
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a working project
    #[command(after_help = "Examples:\n  engine init shop\n  engine init .")]
    Init(Init),
    /// Generate what is missing, replicate, build models and check them
    #[command(
        after_help = "Examples:\n  engine run +mart_average_check --full-refresh\n  engine run new_users --forever"
    )]
    Run(Run),
    /// Run again what the newest run did not bring to its end
    #[command(after_help = "Examples:\n  engine retry\n  engine retry --fail-fast --output json")]
    Retry(Retry),
    /// Say what `run` would do, and why
    #[command(after_help = "Examples:\n  engine plan\n  engine plan mart_average_check+ --output json")]
    Plan(Plan),
    /// Find what is wrong without running anything
    #[command(after_help = "Examples:\n  engine check\n  engine check --output github")]
    Check(Check),
    /// Run unit tests, checks and snapshots, without any database
    #[command(after_help = "Examples:\n  engine test\n  engine test mart_average_check --accept")]
    Test(Test),
    /// Rebuild what a saved file affects
    #[command(after_help = "Examples:\n  engine watch\n  engine watch mart_average_check+ --poll")]
    Watch(Watch),
    /// Keep everything fresh: schedules, streams, and a web page to watch them
    #[command(
        after_help = "Examples:\n  engine serve\n  engine serve --listen 0.0.0.0:8420 --url https://engine.example.com"
    )]
    Serve(Serve),
    /// Say when schedules run
    #[command(after_help = "Examples:\n  engine schedules --next 10\n  engine schedules --simulate 24h")]
    Schedules(Schedules),
    /// Say who may sign in to the web page
    #[command(after_help = "Examples:\n  engine user add anna --role operator\n  engine user passwd admin")]
    User(User),
    /// Run only the generators
    #[command(after_help = "Examples:\n  engine generate --rows-scale 10\n  engine generate user_events --forever")]
    Generate(Generate),
    /// Show rows of a model, a source or a query
    #[command(
        after_help = "Examples:\n  engine show mart_average_check\n  engine show --sql \"select count(*) from {{ ref('replica.orders') }}\""
    )]
    Show(Show),
    /// List nodes
    #[command(after_help = "Examples:\n  engine ls\n  engine ls +mart_average_check --output json")]
    Ls(Ls),
    /// Draw the graph
    #[command(after_help = "Examples:\n  engine graph\n  engine graph --output svg > graph.svg")]
    Graph(Graph),
    /// Try every connection, and say what is wrong and what to do
    #[command(after_help = "Examples:\n  engine doctor\n  engine doctor -t stack")]
    Doctor(Doctor),
    /// Look at dead letters, try them again, or let them go
    #[command(
        after_help = "Examples:\n  engine dlq ls\n  engine dlq replay new_users 0:120",
        arg_required_else_help = true
    )]
    Dlq {
        /// What to do.
        #[command(subcommand)]
        what: Dlq,
    },
    /// Show what earlier runs said
    #[command(after_help = "Examples:\n  engine logs\n  engine logs 01JD8Q --node mart_average_check")]
    Logs(Logs),
    /// Explain an error in full
    #[command(after_help = "Examples:\n  engine explain E0202\n  engine explain w0112")]
    Explain(Explain),
    /// Remove what the engine made
    #[command(after_help = "Examples:\n  engine clean\n  engine clean --data --yes")]
    Clean(Clean),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  engine completions bash > /etc/bash_completion.d/engine\n  engine completions zsh > ~/.zfunc/_engine"
    )]
    Completions(Completions),
    /// Write the pages of docs/reference
    #[command(hide = true)]
    Reference(Reference),
}

/// `engine init`.
#[derive(Args, Debug)]
pub struct Init {
    /// The folder to write; `.` is the current one
    pub name: PathBuf,
}

/// `engine run`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
#[derive(Args, Clone, Debug, Default)]
pub struct Run {
    /// Which nodes.
    #[command(flatten)]
    pub selected: Selected,
    /// Make everything anew, even what did not change
    #[arg(long)]
    pub full_refresh: bool,
    /// Stop at the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// Where the named streams begin: `earliest`, `latest`, a time such as 2026-01-31T08:00:00Z, or an offset
    #[arg(long, value_name = "WHERE", value_parser = start, conflicts_with = "full_refresh")]
    pub from: Option<Start>,
    /// Go on at the end of the topics, until Ctrl-C
    #[arg(long)]
    pub forever: bool,
    /// Only say what would be done; the same as `engine plan`
    #[arg(long = "dry-run")]
    pub dry: bool,
    /// Multiply the rows of generators
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub rows_scale: Option<f64>,
    /// What stdout gets: nothing, or the run's results
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub output: Output,
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 && number <= 1e9 => Ok(number),
        _ => Err("it is a number above 0, such as 10 or 0.5".to_owned()),
    }
}

/// `engine retry`.
#[derive(Args, Clone, Debug, Default)]
pub struct Retry {
    /// Stop at the first failure
    #[arg(long)]
    pub fail_fast: bool,
    /// What stdout gets: nothing, or the run's results
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    pub output: Output,
}

/// `engine plan`.
#[derive(Args, Clone, Debug, Default)]
pub struct Plan {
    /// Which nodes.
    #[command(flatten)]
    pub selected: Selected,
    /// As if everything were made anew
    #[arg(long)]
    pub full_refresh: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `engine check`.
#[derive(Args, Debug)]
pub struct Check {
    /// Ask the systems for their tables, write `project/schema.lock`, and say what drifted
    #[arg(long)]
    pub online: bool,
    /// How to write what is wrong
    #[arg(long, value_enum, default_value_t)]
    pub output: CheckOutput,
}

/// `engine test`.
#[derive(Args, Clone, Debug, Default)]
pub struct Test {
    /// Which nodes.
    #[command(flatten)]
    pub selected: Selected,
    /// Look at each changed snapshot and decide
    #[arg(long, conflicts_with = "accept")]
    pub review: bool,
    /// Take every changed snapshot as the new truth
    #[arg(long)]
    pub accept: bool,
    /// How to write the results
    #[arg(long, value_enum, default_value_t)]
    pub output: TestOutput,
}

/// `engine watch`.
#[derive(Args, Debug)]
pub struct Watch {
    /// Which nodes.
    #[command(flatten)]
    pub selected: Selected,
    /// Look at the files every half second instead of being told; for network folders
    #[arg(long)]
    pub poll: bool,
    /// Only check, build nothing
    #[arg(long)]
    pub no_run: bool,
}

/// `engine generate`.
#[derive(Args, Debug)]
pub struct Generate {
    /// Which nodes.
    #[command(flatten)]
    pub selected: Selected,
    /// Multiply the rows
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub rows_scale: Option<f64>,
    /// Make as many rows as this, of each
    #[arg(long, value_name = "N", conflicts_with = "rows_scale")]
    pub rows: Option<u64>,
    /// Go on, one row each `every`, until Ctrl-C
    #[arg(long, conflicts_with_all = ["rows", "to"])]
    pub forever: bool,
    /// Replace what is there; without it, filled tables are left alone
    #[arg(long)]
    pub replace: bool,
    /// Write the rows of one generator to a file instead: .csv, .ndjson or .parquet
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// `engine show`.
#[derive(Args, Debug)]
pub struct Show {
    /// A model, a seed, a copied table `replica.orders` or a source's table `shop.orders`
    #[arg(value_name = "NAME", required_unless_present = "sql", conflicts_with = "sql")]
    pub name: Option<String>,
    /// A query, templated like a model
    #[arg(long, value_name = "SQL")]
    pub sql: Option<String>,
    /// Rows at most; 0 is all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// Print the SQL that the model renders to instead
    #[arg(long)]
    pub compiled: bool,
    /// How to write the rows
    #[arg(long, value_enum, default_value_t)]
    pub output: RowsOutput,
}

/// `engine ls`.
#[derive(Args, Debug)]
pub struct Ls {
    /// Which nodes.
    #[command(flatten)]
    pub selected: Selected,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `engine graph`.
#[derive(Args, Debug)]
pub struct Graph {
    /// Which nodes.
    #[command(flatten)]
    pub selected: Selected,
    /// How to draw it
    #[arg(long, value_enum, default_value_t)]
    pub output: GraphOutput,
}

/// `engine doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `engine logs`.
#[derive(Args, Debug)]
pub struct Logs {
    /// A run's id or the beginning of one; without it, the last runs are listed
    pub run: Option<String>,
    /// Only what this node said
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// Runs at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `engine explain`.
#[derive(Args, Debug)]
pub struct Explain {
    /// A code such as E0202; without it, all are listed
    pub code: Option<String>,
}

/// `engine clean`.
#[derive(Args, Debug)]
pub struct Clean {
    /// Also remove state and the embedded data: everything below `.engine`
    #[arg(long)]
    pub data: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// `engine completions`.
#[derive(Args, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `engine reference`.
#[derive(Args, Debug)]
pub struct Reference {
    /// The folder to write into
    pub folder: PathBuf,
}
