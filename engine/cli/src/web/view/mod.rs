//! What pages and the API show: a typed model for each record, made in one place. Pages draw it; `/api/v1` and the `.json` of
//! each page serve it as it is.

pub mod audit;
pub mod check;
pub mod code;
pub mod dead_letters;
pub mod error;
pub mod freshness;
pub mod graph;
pub mod grid;
pub mod home;
pub mod job;
pub mod lineage;
pub mod model;
pub mod node;
pub mod node_link;
pub mod picture;
pub mod profile;
pub mod rows;
pub mod run;
pub mod schedule;
pub mod session;
pub mod source;
pub mod user;

use crate::web::changes::Changes;
use engine_run::{history::History, service::Service};
use freshness::Freshness;
use picture::Pictures;
use profile::Kept;
use rows::Rows;
use source::Trials;
use std::{path::PathBuf, sync::Arc};

/// The version of the models: it grows when a field goes or means something else.
pub const VERSION: u32 = 1;

/// What views are made from. Clones are the same.
#[derive(Clone)]
pub struct Data {
    /// What is served.
    pub service: Service,
    /// The records, over a connection that runs do not wait for.
    pub records: Arc<History>,
    /// The project's root.
    pub root: PathBuf,
    /// How old the sources' rows are.
    pub freshness: Arc<Freshness>,
    /// Rows and profiles of nodes that somebody looked at.
    pub profiles: Arc<Kept<Rows>>,
    /// Pictures of the graph.
    pub pictures: Arc<Pictures>,
    /// What came of trying connections.
    pub trials: Arc<Trials>,
    /// What changed, for pages that are open.
    pub changes: Arc<Changes>,
}
