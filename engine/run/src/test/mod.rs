//! `engine test`: the same runner over systems of its own, so that no database is needed and nothing outside changes.

pub mod cells;
pub mod difference;
mod generated;
mod given;
pub mod output;
mod rehearsal;
pub mod snapshot;
mod unit;

use crate::{analyze::analyze, error::Result, systems::Systems};
use difference::Difference;
use engine_language::{
    diagnostic::{Diagnostic, Problems},
    files::Span,
    graph::NodeId,
    project::Project,
};
use snapshot::Update;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// How tests are run.
#[derive(Clone, Copy, Debug)]
pub struct TestOptions {
    /// What becomes of snapshots that differ.
    pub update: Update,
}

/// How all tests went.
#[derive(Clone, Debug, Default)]
pub struct TestReport {
    /// Unit tests, then checks, singular tests and snapshots, each sort by name.
    pub results: Vec<TestResult>,
    /// Snapshots that stand for no model of the project, relative to the root.
    pub unreferenced: Vec<PathBuf>,
    /// How long it took in all.
    pub took: Duration,
}

/// How one test went.
#[derive(Clone, Debug)]
pub struct TestResult {
    /// What kind of test.
    pub kind: TestKind,
    /// Its name: of a unit test, `mart_x.its_name`; of a check, `mart_x not_null(id)`; else the node's.
    pub name: String,
    /// How it ended.
    pub status: TestStatus,
    /// How long it took.
    pub took: Duration,
    /// What there is to say, unless it passed.
    pub detail: Option<Detail>,
    /// Where it is declared.
    pub span: Option<Span>,
}

/// The kinds of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestKind {
    /// Given rows, expected rows.
    Unit,
    /// A node that had to be built for the tests, and could not be.
    Node,
    /// A model's check.
    Check,
    /// SQL that must return no rows.
    Singular,
    /// Rows as they were recorded.
    Snapshot,
}

impl TestKind {
    /// The word that users know it by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unit => "unit test",
            Self::Node => "node",
            Self::Check => "check",
            Self::Singular => "test",
            Self::Snapshot => "snapshot",
        }
    }
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestStatus {
    /// As it should be.
    Passed,
    /// Broken, but only a warning.
    Warned,
    /// Broken.
    Failed,
    /// A snapshot that was accepted just now.
    Recorded,
    /// Not tried, for lack of data or because what it reads failed.
    Skipped,
}

impl TestStatus {
    /// The word that users know it by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "warned",
            Self::Failed => "failed",
            Self::Recorded => "recorded",
            Self::Skipped => "skipped",
        }
    }
}

/// What there is to say of a test.
#[derive(Clone, Debug)]
pub enum Detail {
    /// Something is wrong, with its place.
    Problem(Box<Diagnostic>),
    /// Rows are not what they should be.
    Difference(Box<Difference>),
    /// One sentence.
    Note(String),
}

impl TestReport {
    /// How many ended so.
    pub fn count(&self, status: TestStatus) -> usize {
        self.results.iter().filter(|result| result.status == status).count()
    }

    /// Whether nothing failed.
    pub fn passed(&self) -> bool {
        self.count(TestStatus::Failed) == 0
    }
}

/// Runs the tests of the selected nodes: unit tests, checks, singular tests, snapshots.
///
/// The project must be free of errors. Below `root`, nothing but `snapshots/` is read or written, and that only as
/// [`TestOptions::update`] says.
pub async fn test(
    project: Arc<Project>,
    root: &Path,
    selection: &BTreeSet<NodeId>,
    options: TestOptions,
) -> Result<TestReport> {
    let began = Instant::now();
    let real = Systems::connect(&project, root, &mut Problems::default());
    let schemas = analyze(&project, &real, &mut Problems::default());
    let stage = rehearsal::Stage { project, real, schemas };
    let mut results = unit::run(&stage, selection).await?;
    results.extend(generated::run(&stage, root, selection, options.update).await?);
    results.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    let unreferenced = snapshot::unreferenced(root, &stage.project);
    Ok(TestReport { results, unreferenced, took: began.elapsed() })
}
