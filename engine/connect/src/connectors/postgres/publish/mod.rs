//! Publishing: from staging into the tables that users read, in one transaction.

mod change;
mod chunk;
mod constraint_checks;
mod digest;
mod enums;
mod generated_keys;
mod key_sweep;
mod publish_lock;
mod replace;
mod resolve_commit;
pub mod stage;
mod system_tables;

use super::{
    describe::{self, Lookup, Relation},
    scan_ranges::Part,
    server::Server,
    stage_writer::{StageTarget, StageWriter, named},
    statement::{self, ORDER, within},
    table::{Table, TableLocation, Through},
    table_swap::{self, run},
};
use crate::{
    arrow::{
        digest::{Digest, RowDigester},
        types::schema as arrow_schema,
    },
    hub::{
        error::{Error, Result},
        policy::Replaced,
        publication::{
            ChunkedTransaction, Commit, KeySweep, Mode, Preview, Publication, PublicationDigest, PublishRequest,
            Target, Writer, Writers, Written,
        },
        version::RowDigests,
    },
    sql::aggregate::AggregatingTable,
};
use engine_language::name::Name;
use publish_lock::Found;
use sqlx::PgConnection;
use stage::{Stage, check_names};
use std::sync::{Arc, atomic::Ordering};
use system_tables::own_tables;
use tokio::sync::{Mutex, OnceCell};

/// A publication whose rows go into staging tables.
pub struct Staged {
    server: Server,
    publication: PublishRequest,
    stages: Vec<Stage>,
    /// Publishes, and until then holds the lock by which a later run knows that the staging tables are in use.
    connection: Arc<Mutex<PgConnection>>,
    /// What the connection's lock is on, and what names the staging tables and the marker.
    id: i64,
    /// The tables as they were found, once the rows were applied.
    applied: OnceCell<Vec<Found>>,
    committed: bool,
}

impl Staged {
    /// Makes the staging tables.
    pub async fn begin(server: Server, publication: PublishRequest) -> Result<Self> {
        let doing = "making staging tables";
        check_names(&server, &publication)?;
        let mut on = server.connect(doing).await?;
        let fault = |error| server.fault(doing, error);
        own_tables(&server, &mut on, &publication).await.map_err(fault)?;
        let id = stage::claim(&mut on).await.map_err(fault)?;
        let mut staged = Self {
            server,
            publication,
            stages: vec![],
            connection: Arc::new(Mutex::new(on)),
            id,
            applied: OnceCell::new(),
            committed: false,
        };
        let connection = staged.connection.clone();
        let mut on = connection.lock().await;
        for (number, target) in staged.publication.tables.iter().enumerate() {
            let name = format!("{}_{number}", stage::prefix(id));
            staged.stages.push(stage::make(&staged.server, &mut on, name, target).await?);
        }
        Ok(staged)
    }

    fn index(&self, table: &Name) -> usize {
        let mut tables = self.publication.tables.iter();
        tables.position(|target| target.table == *table).expect("the table is in the publication")
    }

    async fn open_writer(&self, table: &Name, last: bool) -> Result<Box<dyn Writer>> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        let columns = target.schema.fields().iter().map(|field| field.name().as_str());
        let ordered = target.mode != Mode::Replace;
        let columns = statement::list(columns.chain(ordered.then_some(ORDER)));
        let to = StageTarget {
            table: table.to_string(),
            stage: stage.name.clone(),
            copy: format!("copy {} ({columns}) from stdin (format binary)", within(self.server.schema(), &stage.name)),
            shapes: stage.shapes(&self.server, target)?,
            ordered,
            key: stage.row_key(target),
            supersedes: if last { stage.supersedes(&self.server, target) } else { None },
            rows: stage.rows.clone(),
            loads: stage.loads.clone(),
            replaced: stage.replaced.clone(),
        };
        Ok(Box::new(StageWriter::open(self.server.clone(), to).await?))
    }

    /// Applies everything but replacements in one open transaction.
    async fn apply(&self) -> Result<&[Found]> {
        let applied = self.applied.get_or_try_init(|| async {
            let mut on = self.connection.lock().await;
            let mut found = self.take_turn(&mut on).await?;
            for ((target, stage), found) in self.pairs().zip(&mut found) {
                let renames = self.dress(&mut on, (target, stage), found.there.as_ref()).await;
                found.renames = renames.map_err(|error| self.fault(target, stage, error))?;
            }
            run(&mut on, "begin").await.map_err(|error| self.server.fault("publishing", error))?;
            for ((target, stage), found) in self.pairs().zip(&found) {
                if target.mode != Mode::Replace {
                    self.change(&mut on, (target, stage), found.there.as_ref()).await?;
                }
            }
            Ok(found)
        });
        Ok(applied.await?)
    }

    /// Gives a staging table the rules and indexes that its table is to have. Says which index is to be called what.
    async fn dress(
        &self,
        on: &mut PgConnection,
        (target, stage): (&Target, &Stage),
        there: Option<&Relation>,
    ) -> sqlx::Result<Vec<(String, String)>> {
        let schema = self.server.schema();
        let name = within(schema, &stage.name);
        let mut renames = vec![];
        if target.mode == Mode::Replace {
            for sql in statement::rules(&name, &stage.name, &stage.definition) {
                run(on, sql).await?;
            }
            if let Some(there) = there {
                renames = table_swap::dress(on, (schema, &stage.name), there.oid, &stage.definition).await?;
            }
        }
        // References are checked by a join, and what is deleted is looked up in staging. Else the server looks at the rows by
        // itself within a minute, as it does after CREATE TABLE AS.
        let joined = !stage.definition.foreign_keys.is_empty() || matches!(target.mode, Mode::DeleteInsert { .. });
        if joined {
            run(on, format!("analyze {name}")).await?;
        }
        Ok(renames)
    }

    fn fault(&self, target: &Target, stage: &Stage, error: sqlx::Error) -> Error {
        let doing = format!("publishing `{}`", target.table);
        named(self.server.fault(&doing, error), &stage.name, target.table.as_str())
    }

    fn pairs(&self) -> impl Iterator<Item = (&Target, &Stage)> {
        self.publication.tables.iter().zip(&self.stages)
    }
}

#[async_trait::async_trait]
impl Publication for Staged {
    async fn writer(&self, table: &Name, writers: Writers) -> Result<Box<dyn Writer>> {
        self.open_writer(table, writers == Writers::Only).await
    }

    fn server_digest(&self) -> Option<&dyn PublicationDigest> {
        Some(self)
    }

    fn chunks(&self) -> Option<&dyn ChunkedTransaction> {
        Some(self)
    }

    fn key_sweep(&self) -> Option<&dyn KeySweep> {
        Some(self)
    }

    fn replaced(&self, table: &Name) -> Vec<Replaced> {
        self.stages[self.index(table)].replaced.all()
    }

    async fn preview(&self, table: &Name) -> Result<Preview> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        self.apply().await?;
        let doing = format!("looking at `{table}`");
        let whole = target.mode == Mode::Replace;
        let from = if whole { stage.name.as_str() } else { table.as_str() };
        let relation = {
            let mut on = self.connection.lock().await;
            self.sweep(&mut on).await?;
            describe::relation(&mut on, Lookup { passing: stage::passes(target), ..self.server.look() }, from).await
        };
        let relation = relation.map_err(|e| self.server.fault(&doing, e))?.expect("the table was just made");
        let through = if whole { Through::Own(None) } else { Through::Shared(self.connection.clone()) };
        let place = TableLocation {
            plain: relation.plain(),
            columns: relation.columns,
            parts: vec![Part::whole(within(self.server.schema(), from))],
            through,
            ..TableLocation::new(self.server.clone(), table.to_string())
        };
        let rows = Arc::new(Table::new(arrow_schema(&relation.definition), place));
        let unique = if whole { stage.definition.unique.clone() } else { vec![] };
        Ok(Preview { rows: Arc::new(AggregatingTable(rows)), unique })
    }

    async fn commit(mut self: Box<Self>, commit: Commit) -> Result<Vec<Written>> {
        fail::fail_point!("postgres::staged");
        let found = self.apply().await?;
        let connection = self.connection.clone();
        let mut on = connection.lock().await;
        self.sweep(&mut on).await?;
        let fault = |error| self.server.fault("publishing", error);
        let mut written = vec![];
        for (target, stage) in self.pairs() {
            let rows = stage.rows.load(Ordering::Relaxed);
            self.mark(&mut on, target.table.as_str(), rows).await?;
            written.push(Written { table: target.table.clone(), rows });
        }
        if written.is_empty() {
            self.mark(&mut on, "", 0).await?;
        }
        if let (Some(pipeline), Some(move_on)) = (&self.publication.pipeline, &commit.advance) {
            self.advance(&mut on, pipeline, move_on).await?;
        }
        let pipeline = self.publication.pipeline.as_ref().map_or("", Name::as_str);
        self.settle_letters(&mut on, pipeline, &commit.settled).await?;
        self.dead_letters(&mut on, pipeline, &commit.rejected).await?;
        self.replace(&mut on, found, commit.exact).await?;
        for (target, stage) in self.pairs() {
            if target.mode != Mode::Replace {
                run(&mut on, format!("drop table {}", within(self.server.schema(), &stage.name)))
                    .await
                    .map_err(fault)?;
            }
        }
        fail::fail_point!("postgres::publishing");
        self.settle(&mut on).await?;
        fail::fail_point!("postgres::published");
        drop(on);
        self.committed = true;
        let server = self.server.clone();
        drop(self);
        // Who still looks at what was previewed keeps it.
        if let Ok(on) = Arc::try_unwrap(connection) {
            server.rest(on.into_inner(), "");
        }
        Ok(written)
    }
}

#[async_trait::async_trait]
impl PublicationDigest for Staged {
    fn digester(&self, table: &Name) -> Option<Box<dyn RowDigester>> {
        let number = self.index(table);
        self.stages[number].server_digester(&self.server, &self.publication.tables[number])
    }

    async fn digest(&self, table: &Name) -> Result<Option<Digest>> {
        let number = self.index(table);
        self.digest_inside(&self.publication.tables[number], &self.stages[number]).await
    }

    async fn added(&self, table: &Name, _: Digest) -> Result<Option<RowDigests>> {
        let number = self.index(table);
        let server = self.digest_added(&self.publication.tables[number], &self.stages[number]).await?;
        Ok(server.map(|digest| RowDigests { rows: None, server: Some(digest) }))
    }
}

#[async_trait::async_trait]
impl ChunkedTransaction for Staged {
    async fn take(&self, table: &Name) -> Result<()> {
        self.take_chunk(table).await
    }

    async fn forget(&self, table: &Name) -> Result<()> {
        self.forget_chunk(table).await
    }
}

#[async_trait::async_trait]
impl KeySweep for Staged {
    async fn keys(&self, table: &Name) -> Result<Box<dyn Writer>> {
        let number = self.index(table);
        self.write_keys(&self.publication.tables[number], &self.stages[number]).await
    }
}

impl Drop for Staged {
    /// Takes the staging tables away; if that fails, the next run's recovery does.
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        let (server, stages) = (self.server.clone(), std::mem::take(&mut self.stages));
        let connection = self.connection.clone();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let on = &mut *connection.lock().await;
            let names = stages.iter().flat_map(|stage| [stage.name.clone(), stage.keys()]);
            let tables: Vec<String> = names.map(|name| within(server.schema(), &name)).collect();
            let drop =
                if tables.is_empty() { String::new() } else { format!("drop table if exists {}", tables.join(", ")) };
            if let Err(error) = run(on, format!("rollback; {drop}")).await {
                tracing::warn!(%error, "staging is left for the next run to remove");
            }
        });
    }
}
