//! What can be typed of the service: `serve`, `schedules`, `user`.

use super::{Output, network::Network};
use clap::{Args, Subcommand, ValueEnum};
use engine_run::history::users::Role;
use std::{net::SocketAddr, time::Duration};

/// `engine serve`.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// The address of the web page
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8420")]
    pub listen: SocketAddr,
    /// The address by which browsers reach it, if a proxy stands in front
    #[arg(long, value_name = "URL", value_parser = url)]
    pub url: Option<String>,
    /// A proxy that says in `X-Forwarded-For` who asks; nobody else is believed. May be given more than once
    #[arg(long = "trusted-proxy", value_name = "NETWORK")]
    pub trusted_proxies: Vec<Network>,
    /// How long runs may go on after being told to stop
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub grace: Duration,
    /// Look at the files every half second instead of being told; for network folders
    #[arg(long)]
    pub poll: bool,
    /// How to write what happens
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub log: LogOutput,
}

/// How what happens is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogOutput {
    /// For people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// `engine schedules`.
#[derive(Args, Clone, Debug)]
pub struct Schedules {
    /// So many of the next times of each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub next: u16,
    /// What would happen in so much time, without running anything
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "next")]
    pub simulate: Option<Duration>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// `engine user`.
#[derive(Args, Clone, Debug)]
pub struct User {
    /// What to do.
    #[command(subcommand)]
    pub command: UserCommand,
}

/// What can be done with users.
#[derive(Clone, Debug, Subcommand)]
pub enum UserCommand {
    /// Add somebody, and print a password for them
    Add {
        /// Their name
        name: String,
        /// What they may do
        #[arg(long, value_enum, default_value_t)]
        role: RoleWord,
        /// Read the password from stdin instead
        #[arg(long)]
        password_stdin: bool,
    },
    /// List everybody
    Ls {
        /// How to write it
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Remove somebody
    Rm {
        /// Their name
        name: String,
    },
    /// Give somebody a new password, and print it
    Passwd {
        /// Their name
        name: String,
        /// Read the password from stdin instead
        #[arg(long)]
        password_stdin: bool,
    },
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RoleWord {
    /// See everything.
    #[default]
    Viewer,
    /// Run, cancel, pause.
    Operator,
    /// Say who may do what.
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::Viewer => Self::Viewer,
            RoleWord::Operator => Self::Operator,
            RoleWord::Admin => Self::Admin,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "it is a duration, such as 30s, 10m or 24h".to_owned())
}

fn url(text: &str) -> Result<String, String> {
    let plain = text.trim_end_matches('/');
    let host = plain.strip_prefix("https://").or_else(|| plain.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => Ok(plain.to_ascii_lowercase()),
        _ => Err("it is an address without a path, such as https://engine.example.com".to_owned()),
    }
}
