//! Publishing: from staging into the tables that users read.
//!
//! `RENAME TABLE` commits by itself, and so does everything else that makes tables. So there are two ways. If every table is
//! new or goes as a whole, one `RENAME TABLE` puts all of them in place: it is the step, and what belongs to it stands in
//! `engine_publications` before and is carried out after it, by whoever comes. Otherwise all rows change in one transaction.

mod added;
mod apply;
mod change;
mod chunk;
mod constraint_checks;
mod foreign_keys;
mod index_build;
mod pipeline_lock;
mod privilege_check;
mod rename;
mod resolve_commit;
mod stage;
mod stage_writer;
mod system_tables;

pub use privilege_check::check as check_privileges;
pub use resolve_commit::{position, recover};

use super::{
    describe,
    server::{Server, run},
    server_error::named,
    snapshot_pool::{PoolConnection, SnapshotPool},
    table::{Table, TableLocation},
};
use crate::{
    arrow::types::schema as arrow_schema,
    hub::{
        error::{Blame, Error, Result},
        policy::Replaced,
        publication::{
            ChunkedTransaction, Commit, KeySweep, Mode, Preview, Publication, PublicationDigest, PublishRequest,
            Target, Writer, Writers, Written,
        },
    },
    sql::aggregate::AggregatingTable,
};
use apply::Applied;
use datafusion::catalog::TableProvider;
use engine_language::{name::Name, table::TableDefinition};
use foreign_keys::Reference;
use futures::{StreamExt, stream};
use stage::Stage;
use stage_writer::StageWriter;
use std::sync::{Arc, atomic::Ordering};
use tokio::sync::OnceCell;

/// Staging tables that are made at once.
const STAGES_AT_ONCE: usize = 3;

/// A publication whose rows go into staging tables.
pub struct Staged {
    server: Server,
    publication: PublishRequest,
    /// What names its staging tables and its markers.
    id: String,
    stages: Vec<Stage>,
    /// The connection that publishes, and until then holds the lock by which others know that the staging is in use.
    pool: Arc<SnapshotPool>,
    /// Whether all tables may go as a whole, and what refers to them.
    held: OnceCell<(bool, Vec<Reference>)>,
    applied: OnceCell<Applied>,
    committed: bool,
}

impl Staged {
    /// Makes the staging tables.
    pub async fn begin(server: Server, publication: PublishRequest) -> Result<Self> {
        let doing = "making staging tables";
        server.product(doing).await?;
        let mut connection = PoolConnection::open(&server, doing).await?;
        let fault = |error| server.fault(doing, error);
        system_tables::make(&server, connection.on()).await.map_err(fault)?;
        let id = system_tables::claim(&server, connection.on()).await.map_err(fault)?;
        let pool = SnapshotPool::new(vec![connection]);
        let (stages, held, applied) = (vec![], OnceCell::new(), OnceCell::new());
        let mut staged = Self { server, publication, id, stages, pool, held, applied, committed: false };
        // Each to its end, also when one fails: what is still being made could not be removed.
        let making = (0..staged.publication.tables.len()).map(|number| stage::make_one_of(&staged, number));
        let made: Vec<_> = stream::iter(making).buffered(STAGES_AT_ONCE).collect().await;
        staged.stages = made.into_iter().collect::<Result<_>>()?;
        Ok(staged)
    }

    fn index(&self, table: &Name) -> usize {
        let mut tables = self.publication.tables.iter();
        tables.position(|target| target.table == *table).expect("the table is in the publication")
    }

    fn pairs(&self) -> impl Iterator<Item = (&Target, &Stage)> {
        self.publication.tables.iter().zip(&self.stages)
    }

    fn fault(&self, target: &Target, stage: &Stage, error: sqlx::Error) -> Error {
        let doing = format!("publishing `{}`", target.table);
        named(self.server.fault(&doing, error), &stage.name, target.table.as_str())
    }

    async fn applied(&self) -> Result<&Applied> {
        self.applied.get_or_try_init(|| apply::apply(self)).await
    }

    /// Drops what staging was, also when the session is gone.
    async fn sweep(&self) {
        let swept = {
            let mut connection = self.pool.take().await;
            resolve_commit::sweep(&self.server, connection.on(), &self.id).await
        };
        if swept.is_ok() {
            return;
        }
        let again = async {
            let mut on = self.server.connect("removing staging").await?;
            let swept = resolve_commit::sweep(&self.server, &mut on, &self.id).await;
            swept.map_err(|error| self.server.fault("removing staging", error))
        };
        if let Err(error) = again.await {
            tracing::warn!(%error, "old tables are left for the next run to remove");
        }
    }

    /// What stands in `from`, over these connections.
    async fn look(&self, table: &Name, from: &str, pool: Arc<SnapshotPool>) -> Result<Arc<dyn TableProvider>> {
        let told = {
            let mut connection = pool.take().await;
            describe::columns(&self.server, connection.on(), from).await
        };
        let told = told.map_err(|error| self.server.fault(&format!("looking at `{table}`"), error))?;
        let (columns, carried) = told.into_iter().unzip();
        let place = TableLocation {
            columns: carried,
            ..TableLocation::new(self.server.clone(), (table.to_string(), from), pool)
        };
        let definition = TableDefinition { columns, ..TableDefinition::default() };
        Ok(Arc::new(AggregatingTable(Arc::new(Table::new(arrow_schema(&definition), place)))))
    }

    fn counts(&self) -> Vec<Written> {
        let each = |(target, stage): (&Target, &Stage)| Written {
            table: target.table.clone(),
            rows: stage.rows.load(Ordering::Relaxed),
        };
        self.pairs().map(each).collect()
    }
}

#[async_trait::async_trait]
impl Publication for Staged {
    async fn writer(&self, table: &Name, _: Writers) -> Result<Box<dyn Writer>> {
        let number = self.index(table);
        let (target, stage) = (&self.publication.tables[number], &self.stages[number]);
        let to = stage.to(&self.server, target)?;
        Ok(Box::new(StageWriter::open(self.server.clone(), to).await?))
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

    async fn written(&self, table: &Name) -> Result<Option<Arc<dyn TableProvider>>> {
        let number = self.index(table);
        // Any other table's rows are seen only where they go.
        if self.publication.tables[number].mode != Mode::Replace || !apply::goes_whole(self).await? {
            return Ok(None);
        }
        let pool = SnapshotPool::new(vec![PoolConnection::open(&self.server, &format!("looking at `{table}`")).await?]);
        self.look(table, &self.stages[number].name, pool).await.map(Some)
    }

    async fn preview(&self, table: &Name) -> Result<Preview> {
        let number = self.index(table);
        let applied = self.applied().await?;
        let from = applied.seen(self, number).to_owned();
        apply::keep(self).await?;
        let doing = format!("looking at `{table}`");
        // Whole tables are there for all; rows that change are seen by their own transaction only.
        let pool = match applied {
            Applied::Whole(_) => SnapshotPool::new(vec![PoolConnection::open(&self.server, &doing).await?]),
            Applied::Rows => self.pool.clone(),
        };
        Ok(Preview { rows: self.look(table, &from, pool).await?, unique: vec![] })
    }

    async fn commit(mut self: Box<Self>, commit: Commit) -> Result<Vec<Written>> {
        fail::fail_point!("mysql::staged");
        self.applied().await?;
        apply::keep(&self).await?;
        let counts = self.counts();
        match self.applied().await? {
            Applied::Whole(_) => {
                let finished = self.rename(&commit).await?;
                self.committed = true;
                if finished {
                    // Dropping tables takes longer than renaming them, and who reads the new ones need not wait.
                    let server = self.server.clone();
                    server.background().begin(async move { self.sweep().await });
                }
            }
            Applied::Rows => {
                self.commit_rows(&commit).await?;
                self.committed = true;
                self.sweep().await;
            }
        }
        Ok(counts)
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
        let doing = format!("comparing the keys of `{table}`");
        let Mode::Merge { key } = &self.publication.tables[number].mode else {
            return Err(self.server.error(&doing, Blame::User, "its rows are not merged by key"));
        };
        // Not over the connection that publishes: making a table would commit what it has changed.
        let mut connection = PoolConnection::open(&self.server, &doing).await?;
        let to = stage::make_keys(self, connection.on(), number, key).await?;
        Ok(Box::new(StageWriter::open(self.server.clone(), to).await?))
    }
}

impl Drop for Staged {
    /// Takes the staging tables away; if that fails, the next run's recovery does.
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        let (server, pool, id) = (self.server.clone(), self.pool.clone(), self.id.clone());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let mut connection = pool.take().await;
            let cleaned = async {
                run(connection.on(), "rollback").await?;
                resolve_commit::settle(&server, connection.on(), &id).await?;
                resolve_commit::sweep(&server, connection.on(), &id).await
            };
            if let Err(error) = cleaned.await {
                tracing::warn!(%error, "staging is left for the next run to remove");
            }
        });
    }
}
