//! `engine dlq` as it is typed.

use super::RowsOutput;
use clap::{Args, Subcommand};

/// `engine dlq`.
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// Count the dead letters of each stream, by reason
    #[command(after_help = "Examples:\n  engine dlq ls\n  engine dlq ls -t stack --output json")]
    Ls {
        /// How to write them
        #[arg(long, value_enum, default_value_t)]
        output: RowsOutput,
    },
    /// Show dead letters: where they came from, what stands there, and why it was refused
    #[command(after_help = "Examples:\n  engine dlq show new_users\n  engine dlq show new_users 0:120 --output ndjson")]
    Show {
        /// Which.
        #[command(flatten)]
        letters: LettersOf,
        /// Dead letters at most; 0 is all
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// How to write them
        #[arg(long, value_enum, default_value_t)]
        output: RowsOutput,
    },
    /// Put dead letters through their model once more; those that fit now are no dead letters any more
    #[command(after_help = "Examples:\n  engine dlq replay new_users\n  engine dlq replay new_users 0:120 3:7")]
    Replay {
        /// Which.
        #[command(flatten)]
        letters: LettersOf,
    },
    /// Let dead letters go for good
    #[command(after_help = "Examples:\n  engine dlq drop new_users 0:120\n  engine dlq drop new_users --yes")]
    Drop {
        /// Which.
        #[command(flatten)]
        letters: LettersOf,
        /// Do not ask before all of a stream go
        #[arg(short, long)]
        yes: bool,
    },
}

/// Which dead letters.
#[derive(Args, Debug)]
pub struct LettersOf {
    /// The stream model
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Only these: a partition and an offset, such as 0:120
    #[arg(value_name = "PLACE", value_parser = place)]
    pub places: Vec<(u32, i64)>,
}

fn place(text: &str) -> Result<(u32, i64), String> {
    let parts = text.split_once(':');
    let parts = parts.and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
    parts.ok_or_else(|| "it is a partition and an offset, such as 0:120".to_owned())
}
