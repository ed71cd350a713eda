//! A table as DataFusion scans it: columns, filters and limits go down into the query of each part.

use super::{describe::Carried, scan::Scan, server::Server, snapshot_pool::SnapshotPool, statement::quote};
use crate::{hub::policy::Replacements, sql::filter};
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::{Session, TableProvider},
    common::Result as Answer,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::{ExecutionPlan, streaming::PartitionStream, streaming::StreamingTableExec},
};
use std::sync::Arc;

/// Where a table's rows are, and how they come.
#[derive(Clone, Debug)]
pub struct TableLocation {
    pub server: Server,
    /// What users call the table.
    pub table: String,
    /// What the server reads, in SQL.
    pub from: String,
    pub columns: Vec<Carried>,
    /// The columns that name a row.
    pub key: Vec<String>,
    /// Conditions that cut it into parts; one that is empty is all.
    pub parts: Vec<String>,
    /// What holds for the rows that are wanted at all.
    pub conditions: Vec<String>,
    pub pool: Arc<SnapshotPool>,
    pub replaced: Replacements,
}

impl TableLocation {
    /// All of what users call `table`, and the server `name`.
    pub fn new(server: Server, (table, name): (String, &str), pool: Arc<SnapshotPool>) -> Self {
        Self {
            server,
            table,
            from: quote(name),
            columns: vec![],
            key: vec![],
            parts: vec![String::new()],
            conditions: vec![],
            pool,
            replaced: Replacements::default(),
        }
    }

    /// The query for a part of the table; without columns it counts its rows.
    fn query(&self, part: &str, columns: &[Carried], filters: &[String], limit: Option<usize>) -> String {
        let conditions = self.conditions.iter().chain(filters).map(String::as_str);
        let conditions: Vec<&str> = std::iter::once(part).filter(|part| !part.is_empty()).chain(conditions).collect();
        let condition =
            if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
        let limit = limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
        let from = &self.from;
        if columns.is_empty() {
            return format!("select cast(count(*) as signed) from (select 1 from {from}{condition}{limit}) as t");
        }
        let wanted = columns.iter().map(Carried::expression).collect::<Vec<_>>().join(", ");
        format!("select {wanted} from {from}{condition}{limit}")
    }
}

/// A table at an instant.
#[derive(Debug)]
pub struct Table {
    schema: SchemaRef,
    place: Arc<TableLocation>,
}

impl Table {
    /// Reads what is at the place in the columns of the schema.
    pub fn new(schema: SchemaRef, place: TableLocation) -> Self {
        Self { schema, place: Arc::new(place) }
    }

    /// Where its rows are.
    pub fn place(&self) -> &TableLocation {
        &self.place
    }
}

#[async_trait::async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Answer<Vec<TableProviderFilterPushDown>> {
        Ok(filter::supported(filters, &self.place.columns, self.place.server.pushdown()))
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Answer<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let schema: SchemaRef = Arc::new(self.schema.project(wanted)?);
        let columns: Vec<Carried> = wanted.iter().map(|i| self.place.columns[*i].clone()).collect();
        let filters = filter::conditions(filters, &self.place.columns);
        let limit = limit.filter(|_| self.place.server.pushdown());
        let most = session.config().target_partitions().min(self.place.pool.count());
        let streams = self.place.parts.len().clamp(1, most.max(1));
        let mut scans: Vec<Arc<dyn PartitionStream>> = vec![];
        for stream in 0..streams {
            let mine = self.place.parts.iter().skip(stream).step_by(streams);
            let queries = mine.map(|part| self.place.query(part, &columns, &filters, limit)).collect();
            let (place, schema, columns) = (self.place.clone(), schema.clone(), columns.clone());
            scans.push(Arc::new(Scan { place, schema, columns, queries }));
        }
        Ok(Arc::new(StreamingTableExec::try_new(schema, scans, None, vec![], false, limit)?))
    }
}
