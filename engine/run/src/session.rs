//! DataFusion with our limits, and the catalog that a project's SQL names.

use crate::error::Result;
use datafusion::{
    catalog::{MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider},
    execution::{
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext},
};
use engine_language::config::settings::Limits;
use std::{path::Path, sync::Arc};

/// The name of the one catalog.
const CATALOG: &str = "engine";

/// What all queries of a run share: memory, and room for what does not fit into it.
#[derive(Clone, Debug)]
pub struct Sessions {
    runtime: Arc<RuntimeEnv>,
    partitions: usize,
}

impl Sessions {
    /// Queries together use at most this much memory, and spill below `folder`.
    pub fn new(limits: Limits, folder: &Path) -> Result<Self> {
        let memory = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![folder.to_owned()]))
            .with_max_temp_directory_size(limits.spill_bytes);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        let partitions = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { runtime, partitions })
    }

    /// The same with one partition, so that sums of fractions come out the same on every machine.
    #[must_use]
    pub fn single(mut self) -> Self {
        self.partitions = 1;
        self
    }

    /// A session whose catalog is empty.
    pub fn open(&self) -> Session {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.partitions)
            .with_default_catalog_and_schema(CATALOG, "models")
            .with_create_default_catalog_and_schema(false);
        config.options_mut().sql_parser.collect_spans = true;
        let context = SessionContext::new_with_config_rt(config, self.runtime.clone());
        let catalog = Arc::new(MemoryCatalogProvider::new());
        context.register_catalog(CATALOG, catalog);
        let session = Session { context };
        session.schema("models");
        session
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
    pub async fn query(&self, sql: &str) -> Result<DataFrame, datafusion::error::DataFusionError> {
        let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        self.context.sql_with_options(sql.trim_end().trim_end_matches(';'), options).await
    }
}
