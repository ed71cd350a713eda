//! Systems that exist for one test: what the project's connections are replaced by.

use super::cells::Cells;
use crate::{
    clock::StoppedClock,
    error::{Error, Result},
    event::Events,
    history::History,
    location::Place,
    options::RunOptions,
    plan::Plan,
    report::Report,
    reuse::definition::Definitions,
    runner::Runner,
    sql::{Schemas, session::Sessions},
    systems::Systems,
};
use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef};
use engine_connect::{
    connectors::{
        log::{self, Log},
        sqlite::{self, Sqlite},
    },
    hub::{
        connection::{self, Connection, Connector},
        publication::{Commit, Mode, PublishRequest, Target, Writers},
        source::{ReadRequest, TableRequest},
    },
};
use engine_language::{files::Span, name::Name, project::Project, table::TableDefinition, template::RunInfo};
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The instant of all tests: 2026-01-01T00:00:00Z.
pub const NOW_US: i64 = 1_767_225_600_000_000;

/// What all tests of a project share.
#[derive(Debug)]
pub struct Stage {
    /// The project.
    pub project: Arc<Project>,
    /// Its own connections; only their abilities are asked for.
    pub real: Systems,
    /// The columns of its nodes.
    pub schemas: Schemas,
}

/// A runner over systems that vanish with it.
#[derive(Debug)]
pub struct Rehearsal {
    /// The runner.
    pub runner: Runner,
    _folder: TempDir,
}

impl Rehearsal {
    /// Puts an empty system in the place of each connection.
    pub fn open(stage: &Stage, project: Project) -> Result<Self> {
        let broken = |error: std::io::Error| Error::State(format!("a folder for the tests: {error}"));
        let folder = tempfile::Builder::new().prefix("engine-test-").tempdir().map_err(broken)?;
        let systems = stage.real.iter().map(|(name, real)| {
            let system = stand_in(name, &folder, real.abilities().stream);
            system.map(|system| (name.clone(), system))
        });
        let systems = Systems::of(systems.collect::<Result<_>>()?);
        let sessions = Sessions::new(project.settings.limits, folder.path())?.single();
        let options = RunOptions { retries: 0, ..RunOptions::default() };
        let definitions = Arc::new(Definitions::of(&project));
        let runner = Runner {
            project: Arc::new(project),
            definitions,
            systems,
            sessions,
            history: Arc::new(History::in_memory()?),
            clock: Arc::new(StoppedClock::at(NOW_US)),
            options,
            earlier_runs: Arc::default(),
        };
        Ok(Self { runner, _folder: folder })
    }

    /// Runs a plan to its end.
    pub async fn run(&self, plan: &Plan) -> Report {
        self.runner.run(plan, run(), &Events::default(), &CancellationToken::new()).await
    }

    /// Puts rows into a table, or behind those of a topic.
    pub async fn fill(&self, place: &Place, rows: RecordBatch, declared: &TableRequest) -> Result<()> {
        let system = self.runner.systems.get(&place.connection)?;
        let schema = rows.schema();
        let mode = if system.abilities().replace { Mode::Replace } else { Mode::Append };
        let columns = schema.fields().iter().filter_map(|field| engine_connect::arrow::types::column(field)).collect();
        let definition = TableDefinition { columns, ..TableDefinition::default() };
        let target =
            Target { table: place.table.clone(), schema, definition, mode, declared: declared.declared.clone() };
        let publisher = system.begin(PublishRequest { run: run().id, tables: vec![target], pipeline: None }).await?;
        let mut writer = publisher.writer(&place.table, Writers::Several).await?;
        writer.write(rows).await?;
        writer.finish().await?;
        publisher.commit(Commit::default()).await?;
        Ok(())
    }

    /// The rows of a table.
    pub async fn rows(&self, place: &Place) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let request = ReadRequest { tables: vec![TableRequest::all(place.table.clone())] };
        let mut reading = self.runner.systems.get(&place.connection)?.open(request).await?;
        let open = reading.tables.pop().expect("one table was asked for");
        let schema = open.provider.schema();
        let frame = self.runner.sessions.open().context.read_table(open.provider)?;
        Ok((schema, frame.collect().await?))
    }

    /// The rows of a table as text, sorted by these columns first.
    pub async fn cells(&self, place: &Place, first: &[&str]) -> Result<Cells> {
        let (schema, batches) = self.rows(place).await?;
        Cells::of(&schema, &batches, first)
    }
}

/// The run that all tests are.
pub fn run() -> RunInfo {
    RunInfo { id: "test".into(), started_at_us: NOW_US, interval_us: (NOW_US, NOW_US) }
}

fn stand_in(name: &Name, folder: &TempDir, stream: bool) -> Result<Arc<dyn Connection>> {
    let file = engine_language::files::Files::default().add(std::path::Path::new("test"), "".into());
    let place = connection::Declaration { name, span: Span::new(file, 0..0), root: folder.path() };
    let path = PathBuf::from(blake3::hash(name.as_str().as_bytes()).to_hex().as_str());
    let made = if stream {
        Log::connect(&place, log::Config { path })
    } else {
        Sqlite::connect(&place, sqlite::Config { path, busy_timeout_s: None })
    };
    made.map_err(|problem| Error::Project(Box::new(problem)))
}
