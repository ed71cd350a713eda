//! A table as DataFusion scans it: columns, filters and limits go down into the COPY of each part.

use super::{
    decode::Shape,
    describe::Carried,
    encode,
    scan::Scan,
    scan_ranges::Part,
    server::Server,
    server_digest::{self, ServerDigester},
    snapshot::Coordinator,
    statement::{quote, within},
    table_swap::run,
};
use crate::{
    arrow::{
        digest::{Digest, RowDigester},
        types::arrow_type,
    },
    hub::{error::Result, policy::Replacements},
    sql::filter,
};
use datafusion::{
    arrow::datatypes::SchemaRef,
    catalog::{Session, TableProvider},
    common::Result as Answer,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::{ExecutionPlan, streaming::PartitionStream, streaming::StreamingTableExec},
};
use sqlx::{AssertSqlSafe, PgConnection, Row};
use std::{fmt::Write as _, sync::Arc};
use tokio::sync::Mutex;

/// Connections that read one table at once.
const AT_ONCE: usize = 4;

/// Over which connection rows come.
#[derive(Clone, Debug)]
pub enum Through {
    /// One of its own, at the coordinator's instant if there is one.
    Own(Option<Arc<Coordinator>>),
    /// One that others use too, in its transaction.
    Shared(Arc<Mutex<PgConnection>>),
}

/// Where a table's rows are, and how they come.
#[derive(Clone, Debug)]
pub struct TableLocation {
    pub server: Server,
    /// What users call the table.
    pub table: String,
    pub columns: Vec<Carried>,
    /// The columns that name a row.
    pub key: Vec<String>,
    /// Whether COPY may name the table itself.
    pub plain: bool,
    pub parts: Vec<Part>,
    /// Whether its rows only pass to another PostgreSQL.
    pub passing: bool,
    /// What holds for the rows that are wanted at all.
    pub conditions: Vec<String>,
    pub through: Through,
    pub replaced: Replacements,
}

impl TableLocation {
    /// A table of which nothing is known yet.
    pub fn new(server: Server, table: String) -> Self {
        Self {
            server,
            table,
            columns: vec![],
            key: vec![],
            plain: false,
            parts: vec![],
            passing: false,
            conditions: vec![],
            through: Through::Own(None),
            replaced: Replacements::default(),
        }
    }

    /// Its relation, as SQL names it.
    pub fn whole(&self) -> String {
        match self.parts.as_slice() {
            [one] => one.from.clone(),
            _ => within(self.server.schema(), &self.table),
        }
    }

    /// The statement that copies a part.
    fn copy(&self, part: &Part, columns: &[Carried], filters: &[String], limit: Option<usize>) -> String {
        let direct = self.plain
            && part.range.is_none()
            && self.conditions.is_empty()
            && filters.is_empty()
            && limit.is_none()
            && !columns.is_empty()
            && columns.iter().all(|column| !column.kind.as_text && !column.computed);
        if direct {
            let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
            return format!("copy {} ({}) to stdout (format binary)", part.from, names.join(", "));
        }
        let wanted: Vec<String> = columns.iter().map(Carried::expression).collect();
        let conditions = part.range.iter().chain(&self.conditions).chain(filters);
        let conditions: Vec<&str> = conditions.map(String::as_str).collect();
        let condition =
            if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
        let limit = limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
        let from = &part.from;
        format!("copy (select {} from {from}{condition}{limit}) to stdout (format binary)", wanted.join(", "))
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
}

impl Table {
    /// Where its rows are.
    pub fn place(&self) -> &TableLocation {
        &self.place
    }

    /// Digests rows here as the server does it; `None` if it does not.
    pub fn server_digester(&self) -> Option<Box<dyn RowDigester>> {
        if !self.place.server.hashes() {
            return None;
        }
        let shape = |column: &Carried| encode::Shape {
            name: column.name.clone(),
            data_type: arrow_type(&column.kind.column),
            wire: column.kind.wire.clone(),
            limit: None,
            chosen: column.chosen.clone(),
        };
        let columns: Vec<(encode::Shape, &Carried)> = self.place.columns.iter().map(|c| (shape(c), c)).collect();
        Some(Box::new(ServerDigester::new(&columns)?))
    }

    /// The digest of the rows that are read, made by the server as of the reading's instant.
    pub async fn digest(&self, held: &Coordinator) -> Result<Option<Digest>> {
        let server = &self.place.server;
        let doing = format!("digesting `{}`", self.place.table);
        let mut from = self.place.whole();
        if !self.place.conditions.is_empty() {
            write!(from, " where {}", self.place.conditions.join(" and ")).expect("text can be written to");
        }
        let columns: Vec<&Carried> = self.place.columns.iter().collect();
        let sql = server_digest::sql(&columns, &from).filter(|_| server.hashes());
        let Some(sql) = sql else { return Ok(None) };
        let mut on = server.connect(&doing).await?;
        let fault = |error| server.fault(&doing, error);
        held.join(&mut on).await.map_err(fault)?;
        let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut on).await.map_err(fault)?;
        if run(&mut on, "rollback").await.is_ok() {
            server.give_back(on);
        }
        held.held(&doing).await?;
        Ok(server_digest::digest(row.get(0), &row.get::<String, _>(1)))
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
        let place = &self.place;
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let schema: SchemaRef = Arc::new(self.schema.project(wanted)?);
        let columns: Vec<Carried> = wanted.iter().map(|i| place.columns[*i].clone()).collect();
        let filters = filter::conditions(filters, &place.columns);
        let shape = Arc::new(Shape {
            schema: schema.clone(),
            wires: columns.iter().map(|column| column.kind.wire.clone()).collect(),
            chosen: columns.iter().map(|column| column.chosen.clone()).collect(),
            key: place.key.clone(),
        });
        let streams = session.config().target_partitions().clamp(1, AT_ONCE).min(place.parts.len()).max(1);
        let mut scans: Vec<Arc<dyn PartitionStream>> = vec![];
        for stream in 0..streams {
            let mine = place.parts.iter().skip(stream).step_by(streams);
            let limit = limit.filter(|_| place.server.pushdown());
            let copies = mine.map(|part| place.copy(part, &columns, &filters, limit)).collect();
            scans.push(Arc::new(Scan { place: place.clone(), shape: shape.clone(), copies }));
        }
        Ok(Arc::new(StreamingTableExec::try_new(schema, scans, None, vec![], false, limit)?))
    }
}
