//! DataFusion with our limits, and the catalog that a project's SQL names.

use crate::{
    error::Result,
    sql::{
        self, machine_memory,
        memory_pool::{QueryMemoryPool, SpillFiles},
        spill,
        statement::Output,
    },
};
use datafusion::{
    catalog::{MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider},
    error::DataFusionError,
    execution::{
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::TrackConsumersPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    prelude::{DataFrame, SessionConfig, SessionContext},
};
use engine_connect::sql::aggregate::PushAggregates;
use engine_language::config::settings::Limits;
use std::{fs::File, num::NonZero, path::Path, sync::Arc};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// The name of the one catalog.
const CATALOG: &str = "engine";
/// Operators that are named when memory is short: those that hold most of it.
const CONSUMERS: NonZero<usize> = NonZero::new(3).expect("three");
/// Rows of a batch where joins sort.
const SORTED_BATCH: usize = 1024;
/// Sorts of one partition that are at work at once, in a query of the usual size.
const SORTS: usize = 8;

/// What all queries of a run share: memory, and room for what does not fit into it.
#[derive(Clone, Debug)]
pub struct Sessions {
    memory: Memory,
    partitions: usize,
    sorted_joins: bool,
    sql: sql::Settings,
    /// Queries that are at work, each beside others or alone.
    at_work: Arc<RwLock<()>>,
    /// Keeps other processes from emptying the folder.
    _spill: Option<Arc<File>>,
}

impl Sessions {
    /// Queries together use at most this much memory, and spill below `folder`.
    pub fn new(limits: Limits, folder: &Path) -> Result<Self> {
        let spill = spill::open(folder).map_err(DataFusionError::from)?;
        let disk = DiskManagerMode::Directories(vec![folder.to_owned()]);
        Self::of(limits, disk, Some(spill.into()))
    }

    /// For queries that are only planned.
    pub fn that_plan() -> Result<Self> {
        Self::of(Limits::default(), DiskManagerMode::Disabled, None)
    }

    fn of(limits: Limits, disk: DiskManagerMode, spill: Option<Arc<File>>) -> Result<Self> {
        let memory = Memory::of(limits, disk)?;
        let partitions = std::thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Self {
            memory,
            partitions,
            sorted_joins: false,
            sql: sql::Settings { stalled_after: Some(limits.stalled_after), ..sql::Settings::default() },
            at_work: Arc::default(),
            _spill: spill,
        })
    }

    /// The same with one partition, so that sums of fractions come out the same on every machine.
    #[must_use]
    pub fn single(mut self) -> Self {
        self.partitions = 1;
        self
    }

    /// The same for a run that started then, in microseconds since 1970 UTC: it is what `now()` gives.
    #[must_use]
    pub fn started_at(&self, us: i64) -> Self {
        Self { sql: sql::Settings { started_us: Some(us), ..self.sql.clone() }, ..self.clone() }
    }

    /// The same in a time zone.
    #[must_use]
    pub fn in_timezone(mut self, name: Option<String>) -> Self {
        self.sql.timezone = name;
        self
    }

    /// What a query may be asked with for which the memory was short, and how it does then: joins that sort both sides
    /// are slower than those that hash one, but spill what does not fit; with one partition, operators share the memory
    /// with fewer others, and nothing waits between partitions.
    pub fn with_more_room(&self) -> Option<(Self, &'static str)> {
        if !self.sorted_joins {
            Some((Self { sorted_joins: true, ..self.clone() }, "joining by sorting instead"))
        } else if self.partitions > 1 {
            Some((self.clone().single(), "working on one core instead"))
        } else {
            None
        }
    }

    /// A turn to use the memory beside others.
    pub async fn shared_permit(&self) -> OwnedRwLockReadGuard<()> {
        self.at_work.clone().read_owned().await
    }

    /// A turn to use the memory alone, when those who use it now are done; others wait meanwhile.
    pub async fn exclusive_permit(&self) -> OwnedRwLockWriteGuard<()> {
        self.at_work.clone().write_owned().await
    }

    /// The same, if nobody uses it now.
    pub fn try_exclusive_permit(&self) -> Option<OwnedRwLockWriteGuard<()>> {
        self.at_work.clone().try_write_owned().ok()
    }

    /// A session whose catalog is empty.
    pub fn open(&self) -> Session {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.partitions)
            .with_default_catalog_and_schema(CATALOG, "models")
            .with_create_default_catalog_and_schema(false);
        sql::configure(&mut config, &self.sql);
        let options = config.options_mut();
        options.optimizer.prefer_hash_join = !self.sorted_joins;
        // Merging holds a batch of each file that was spilled, and what it keeps aside for that is nobody else's.
        let share = self.memory.bytes / (SORTS * self.partitions);
        let reserved = &mut options.execution.sort_spill_reservation_bytes;
        *reserved = share.min(*reserved);
        if self.sorted_joins {
            // Views share buffers, each of which counts in full for every batch that refers to it.
            options.sql_parser.map_string_types_to_utf8view = false;
            config = config.with_batch_size(SORTED_BATCH);
        }
        let context = sql::context(config, self.memory.runtime.clone(), &self.sql);
        context.add_optimizer_rule(Arc::new(PushAggregates));
        let catalog = Arc::new(MemoryCatalogProvider::new());
        context.register_catalog(CATALOG, catalog);
        let session = Session { context };
        session.schema("models");
        session
    }
}

/// So much memory, and who keeps account of it.
#[derive(Clone, Debug)]
struct Memory {
    bytes: usize,
    runtime: Arc<RuntimeEnv>,
}

impl Memory {
    fn of(limits: Limits, disk: DiskManagerMode) -> Result<Self> {
        let bytes = limits.memory_bytes.unwrap_or_else(|| machine_memory::bytes() / 2);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let spills = !matches!(disk, DiskManagerMode::Disabled);
        let disk = DiskManagerBuilder::default().with_mode(disk).with_max_temp_directory_size(limits.spill_bytes);
        let disk = if spills {
            DiskManagerBuilder::default().with_temp_file_factory(Arc::new(SpillFiles(Arc::new(disk.build()?))))
        } else {
            disk
        };
        let pool = TrackConsumersPool::new(QueryMemoryPool::new(bytes), CONSUMERS);
        let runtime = RuntimeEnvBuilder::new().with_disk_manager_builder(disk).with_memory_pool(Arc::new(pool));
        Ok(Self { bytes, runtime: runtime.build_arc()? })
    }
}

/// One query's world.
#[derive(Clone)]
pub struct Session {
    /// DataFusion's own.
    pub context: SessionContext,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    fn schema(&self, name: &str) -> Arc<dyn SchemaProvider> {
        let catalog = self.context.catalog(CATALOG).expect("the catalog was registered");
        if let Some(schema) = catalog.schema(name) {
            return schema;
        }
        let schema: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
        catalog.register_schema(name, schema.clone()).expect("a memory catalog takes schemas");
        schema
    }

    /// Gives a table a name, `schema.table`.
    pub fn register(&self, schema: &str, table: &str, provider: Arc<dyn TableProvider>) -> Result<()> {
        let schema = self.schema(schema);
        if schema.table_exist(table) {
            schema.deregister_table(table)?;
        }
        schema.register_table(table.to_owned(), provider)?;
        Ok(())
    }

    /// Plans a query; anything but a query is refused.
    pub async fn query(&self, sql: &str) -> Result<DataFrame, DataFusionError> {
        sql::query::plan(&self.context, sql).await
    }

    /// The columns of a query with their places in its text, as far as they can be told.
    pub async fn outputs(&self, sql: &str) -> Result<Vec<Output>, DataFusionError> {
        sql::query::outputs(&self.context, sql).await
    }
}
