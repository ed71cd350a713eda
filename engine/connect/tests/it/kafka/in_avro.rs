//! A connection all of whose topics are in Avro.

use engine_connect::hub::{
    connection::Connection,
    error::Result,
    publication::{Publication, PublishRequest, Sink, SinkFacts},
    source::{ReadRequest, Snapshot, Source, TableRequest},
    topics::Topics,
    version::Content,
};
use engine_language::{
    config::{source::SourceTable, toml::Spanned},
    name::Name,
    table::TableDefinition,
};
use std::sync::Arc;

/// A connection all of whose topics are in Avro, with its registry.
#[derive(Debug)]
pub struct InAvro(pub Arc<dyn Connection>);

/// Declares a topic to be in Avro.
pub fn in_avro(declared: &mut Option<Arc<SourceTable>>) {
    if let Some(declared) = declared {
        let mut table = SourceTable::clone(declared);
        table.format = Some(Spanned::new("avro".into(), table.name.span));
        *declared = Arc::new(table);
    }
}

#[async_trait::async_trait]
impl Connection for InAvro {
    fn name(&self) -> &Name {
        self.0.name()
    }

    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    async fn ping(&self) -> Result<String> {
        self.0.ping().await
    }

    async fn tables(&self) -> Result<Vec<Name>> {
        self.0.tables().await
    }

    fn source(&self) -> Option<&dyn Source> {
        Some(self)
    }

    fn sink(&self) -> Option<&dyn Sink> {
        Some(self)
    }

    fn topics(&self) -> Option<&dyn Topics> {
        self.0.topics()
    }
}

#[async_trait::async_trait]
impl Source for InAvro {
    async fn describe(&self, table: &TableRequest) -> Result<Option<TableDefinition>> {
        self.0.readable()?.describe(table).await
    }

    async fn open(&self, mut request: ReadRequest) -> Result<Snapshot> {
        request.tables.iter_mut().for_each(|table| in_avro(&mut table.declared));
        self.0.readable()?.open(request).await
    }

    async fn content(&self, table: &TableRequest, last: Option<&Content>) -> Result<Option<Content>> {
        self.0.readable()?.content(table, last).await
    }
}

#[async_trait::async_trait]
impl Sink for InAvro {
    fn facts(&self) -> SinkFacts {
        self.0.sink().unwrap().facts()
    }

    async fn begin(&self, mut request: PublishRequest) -> Result<Box<dyn Publication>> {
        request.tables.iter_mut().for_each(|table| in_avro(&mut table.declared));
        self.0.writable()?.begin(request).await
    }

    async fn recover(&self) -> Result<usize> {
        self.0.writable()?.recover().await
    }
}
