//! What stands in the project's TOML files, as types, and how it is read.
//!
//! A folder for each thing: its types, and in `read` how they come from TOML. Everything that a later complaint may point
//! at carries its [`Span`](crate::files::Span).

pub mod connection;
pub mod env;
pub mod generator;
pub mod lock;
mod read;
mod reader;
pub mod replication;
pub mod schedule;
pub mod seed;
pub mod settings;
pub mod sink;
pub mod source;
mod targets;
pub mod toml;
pub mod unit_test;

pub use read::{Overrides, read};

use crate::{id::TableId, name::Name, table::TableDefinition};
use connection::Connection;
use env::Env;
use generator::Generator;
use replication::Replication;
use schedule::Schedule;
use seed::SeedFacts;
use settings::Settings;
use sink::Sink;
use source::Source;
use std::collections::{BTreeMap, BTreeSet};
use unit_test::UnitTest;

/// What the TOML files say, for one target.
#[derive(Clone, Debug)]
pub struct Config {
    /// The chosen target.
    pub target: Name,
    /// Every target that some connection names, sorted.
    pub targets: Vec<Name>,
    /// Settings of the whole project, `[vars]` with the command line's on top.
    pub settings: Settings,
    /// Connections in the chosen target.
    pub connections: BTreeMap<Name, Connection>,
    /// What SQL may read.
    pub sources: BTreeMap<Name, Source>,
    /// Where results may be written.
    pub sinks: BTreeMap<Name, Sink>,
    /// Copies of tables.
    pub replications: BTreeMap<Name, Replication>,
    /// What is said of seeds beside their files.
    pub seeds: BTreeMap<Name, SeedFacts>,
    /// Synthetic data.
    pub generators: BTreeMap<Name, Generator>,
    /// What runs when.
    pub schedules: BTreeMap<Name, Schedule>,
    /// Given rows, expected rows.
    pub unit_tests: Vec<UnitTest>,
    /// Definitions of source tables.
    pub tables: BTreeMap<TableId, TableDefinition>,
    /// The variables of `.env`.
    pub env: Env,
    /// What is declared but could not be read.
    pub unreadable: BTreeSet<Name>,
}
