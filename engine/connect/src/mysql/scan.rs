//! One table's rows, from the connection into batches.

use super::{
    cells::Cells,
    describe::Carried,
    filter::{self, Condition},
    lanes::{Lane, Lanes, interrupt},
    outlet::Outlet,
    server::{Server, run},
    statement::{list, quote},
};
use crate::error::{Blame, Error};
use datafusion::{
    arrow::{
        array::{RecordBatch, RecordBatchOptions},
        datatypes::SchemaRef,
    },
    catalog::{Session, TableProvider},
    common::Result as Answer,
    execution::TaskContext,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::{
        ExecutionPlan, SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream,
        streaming::StreamingTableExec,
    },
};
use futures::StreamExt;
use sqlx::{AssertSqlSafe, Decode, MySql, Row, mysql::MySqlRow};
use std::sync::Arc;

/// Rows of a batch.
const BATCH: usize = 8192;
/// Batches in flight.
const AHEAD: usize = 2;

/// A table at an instant.
#[derive(Debug)]
pub struct Table {
    schema: SchemaRef,
    place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    server: Server,
    /// What users call the table.
    table: String,
    /// What the server calls it.
    from: String,
    columns: Vec<Carried>,
    /// Conditions that cut it into parts; one that is empty is all.
    parts: Vec<String>,
    lanes: Arc<Lanes>,
}

impl Table {
    /// Reads the relation `from` as `table`, in the columns of `schema`, in turns over `lanes`.
    pub fn new(
        server: Server,
        (table, from): (String, String),
        columns: Vec<Carried>,
        schema: SchemaRef,
        lanes: Arc<Lanes>,
    ) -> Self {
        let parts = vec![String::new()];
        Self { schema, place: Arc::new(Place { server, table, from, columns, parts, lanes }) }
    }

    /// Cuts it into parts that several connections read.
    pub fn in_parts(mut self, parts: Vec<String>) -> Self {
        let place = Arc::get_mut(&mut self.place).expect("nobody reads it yet");
        place.parts = parts;
        self
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
        let answer = |filter: &&Expr| match filter::condition(filter, &self.place.columns) {
            Some(Condition { exact: true, .. }) => TableProviderFilterPushDown::Exact,
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
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
        let filters = filters.iter().filter_map(|f| filter::condition(f, &self.place.columns)).map(|c| c.sql);
        let filters: Vec<String> = filters.collect();
        let most = session.config().target_partitions().min(self.place.lanes.count());
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

impl Place {
    /// The query for a part of the table; without columns it counts its rows.
    fn query(&self, part: &str, columns: &[Carried], filters: &[String], limit: Option<usize>) -> String {
        let conditions: Vec<&str> =
            std::iter::once(part).filter(|part| !part.is_empty()).chain(filters.iter().map(String::as_str)).collect();
        let condition =
            if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
        let limit = limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
        let from = quote(&self.from);
        if columns.is_empty() {
            return format!("select cast(count(*) as signed) from (select 1 from {from}{condition}{limit}) as t");
        }
        let wanted = list(columns.iter().map(|column| column.name.as_str()));
        format!("select {wanted} from {from}{condition}{limit}")
    }
}

#[derive(Clone, Debug)]
struct Scan {
    place: Arc<Place>,
    schema: SchemaRef,
    columns: Vec<Carried>,
    queries: Vec<String>,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), AHEAD);
        let (out, scan) = (builder.tx(), self.clone());
        builder.spawn(async move {
            let server = scan.place.server.clone();
            let mut outlet = Outlet::new(out, scan.place.lanes.clone(), scan.schema.clone(), context);
            // Goes on when nobody listens any more: a reply that is not read to its end leaves the connection out of step.
            let reading = tokio::spawn(async move {
                scan.read(&mut outlet).await?;
                outlet.end().await
            });
            reading.await.map_err(|panic| server.error("reading", Blame::System, panic))?
        });
        builder.build()
    }
}

impl Scan {
    async fn read(&self, outlet: &mut Outlet) -> Answer<()> {
        for query in &self.queries {
            let mut lane = self.place.lanes.take().await;
            let wanted = if self.columns.is_empty() {
                let count = self.count(&mut lane, query).await?;
                drop(lane);
                self.give_empty_rows(count, outlet).await?
            } else {
                self.rows(&mut lane, query, outlet).await?
            };
            if !wanted {
                break;
            }
        }
        Ok(())
    }

    fn doing(&self) -> String {
        format!("reading `{}`", self.place.table)
    }

    async fn count(&self, lane: &mut Lane, query: &str) -> Result<usize, Error> {
        let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(query)).persistent(false).fetch_one(lane.on()).await;
        let count = count.map_err(|error| self.place.server.fault(&self.doing(), error))?;
        Ok(usize::try_from(count).expect("counts are not negative"))
    }

    async fn give_empty_rows(&self, mut count: usize, outlet: &mut Outlet) -> Answer<bool> {
        while count > 0 {
            let options = RecordBatchOptions::new().with_row_count(Some(count.min(BATCH)));
            let batch = RecordBatch::try_new_with_options(self.schema.clone(), vec![], &options)?;
            if !outlet.give(batch).await? {
                return Ok(false);
            }
            count -= count.min(BATCH);
        }
        Ok(true)
    }

    /// Whether more is wanted.
    async fn rows(&self, lane: &mut Lane, query: &str, outlet: &mut Outlet) -> Answer<bool> {
        let (doing, id) = (self.doing(), lane.id());
        let mut cells: Vec<Cells> =
            self.columns.iter().map(|column| Cells::new(&column.kind.wire, &column.kind.column)).collect();
        let mut count = 0;
        let mut ending = None;
        let mut failed = None;
        let mut rows = sqlx::query(AssertSqlSafe(query)).persistent(false).fetch(lane.on());
        loop {
            let row = tokio::select! {
                biased;
                row = rows.next() => row,
                () = outlet.closed(), if ending.is_none() => {
                    ending = Some(tokio::spawn(interrupt(self.place.server.clone(), id)));
                    continue;
                }
            };
            match row {
                None => break,
                // What was interrupted is no error to anybody.
                Some(_) if ending.is_some() => continue,
                Some(Err(error)) => return Err(self.place.server.fault(&doing, error).into()),
                Some(Ok(row)) => failed = self.take_in(&row, &mut cells).err(),
            }
            count += 1;
            let wanted = failed.is_none() && (count < BATCH || outlet.give(self.batch(&mut cells)?).await?);
            count %= BATCH;
            if !wanted {
                ending = Some(tokio::spawn(interrupt(self.place.server.clone(), id)));
            }
        }
        drop(rows);
        if let Some(ending) = ending {
            let _ = ending.await;
            // An interruption that comes too late meets the next statement: this one.
            let _ = run(lane.on(), "do 0").await;
            return failed.map_or(Ok(false), |error| Err(error.into()));
        }
        if count == 0 { Ok(true) } else { outlet.give(self.batch(&mut cells)?).await }
    }

    fn take_in(&self, row: &MySqlRow, cells: &mut [Cells]) -> Result<(), Error> {
        for (number, cells) in cells.iter_mut().enumerate() {
            let wrong = |why: String| {
                let message = format!("column `{}`: {why}", self.columns[number].name);
                self.place.server.error(&self.doing(), Blame::Data, message)
            };
            let value = row.try_get_raw(number).map_err(|error| wrong(error.to_string()))?;
            // Of these bytes sqlx itself would make NULL where a date is zero.
            let bytes = <&[u8] as Decode<MySql>>::decode(value).ok();
            cells.push(bytes).map_err(wrong)?;
        }
        Ok(())
    }

    fn batch(&self, cells: &mut [Cells]) -> Answer<RecordBatch> {
        Ok(RecordBatch::try_new(self.schema.clone(), cells.iter_mut().map(Cells::finish).collect())?)
    }
}
