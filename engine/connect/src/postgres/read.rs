//! Reading tables as of one instant.
//!
//! A coordinator holds a transaction whose snapshot all readers take over, and locks that keep the tables from being
//! replaced meanwhile. Each part of a table is read by a connection of its own, which is closed whatever happens.

use super::{
    Database,
    decode::Decoder,
    describe::{self, Carried, Relation},
    filter, gate,
    server::Server,
    statement::{literal, quote, within},
    types::Wire,
};
use crate::{
    connector::Connection as _,
    digest::Digester,
    error::{Blame, Error, Result},
    position::Token,
    read::{OpenTable, ReadRequest, Reading, Rejects, TableRequest},
    types,
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    catalog::{Session, TableProvider},
    common::Result as Answer,
    execution::TaskContext,
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::{
        ExecutionPlan, SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream,
        streaming::StreamingTableExec,
    },
    prelude::SessionContext,
};
use futures::StreamExt;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row};
use std::{fmt, fmt::Write as _, sync::Arc};
use tokio::sync::{Mutex, mpsc::Sender};

/// Rows of a batch.
const BATCH: usize = 8192;
/// Batches in flight.
const AHEAD: usize = 2;
/// Pages of 8 KiB that are worth a connection of their own.
const PART_PAGES: i64 = 1024;
/// Connections that read one table at once.
const PARTS: usize = 4;

/// A transaction that holds an instant open.
pub struct Coordinator {
    /// Its name for others.
    snapshot: String,
    /// What the instant is, for tokens.
    instant: String,
    _connection: Mutex<PgConnection>,
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

/// Opens tables as of one instant.
pub async fn open(server: &Server, request: ReadRequest) -> Result<Reading> {
    let (coordinator, relations) = coordinate(server, &request).await?;
    let coordinator = Arc::new(coordinator);
    let tables = request.tables.iter().zip(relations).map(|(asked, (relation, parts))| OpenTable {
        definition: relation.definition.clone(),
        provider: Arc::new(Table {
            schema: types::schema(&relation.definition),
            scan: Arc::new(Place {
                server: server.clone(),
                table: asked.table.to_string(),
                columns: relation.columns,
                plain: relation.sort == "r",
                parts,
                through: Through::Own(Some(coordinator.clone())),
            }),
        }),
        next: None,
        more: false,
        rejected: Rejects::default(),
    });
    Ok(Reading { tables: tables.collect(), snapshot: Some(coordinator.clone()) })
}

type Opened = Vec<(Relation, Vec<Part>)>;

async fn coordinate(server: &Server, request: &ReadRequest) -> Result<(Coordinator, Opened)> {
    let doing = match request.tables.as_slice() {
        [one] => format!("opening `{}`", one.table),
        all => format!("opening {} tables", all.len()),
    };
    let fault = |error| server.fault(&doing, error);
    let mut on = server.connect(&doing).await?;
    let version = server.version(&mut on).await?;
    let names = request.tables.iter().map(|asked| asked.table.as_str());
    gate::share(&mut on, server.schema(), names).await.map_err(fault)?;
    let mut lockable = vec![];
    for asked in &request.tables {
        match describe::relation(&mut on, server.schema(), asked.table.as_str()).await.map_err(fault)? {
            None => return Err(missing(server, &doing, asked.table.as_str())),
            // What may be locked depends on the version; what is not locked is not ours to replace either.
            Some(found) if ["r", "p"].contains(&found.sort.as_str()) => {
                lockable.push(within(server.schema(), asked.table.as_str()));
            }
            Some(_) => {}
        }
    }
    let mut sql = "begin isolation level repeatable read read only; ".to_owned();
    if !lockable.is_empty() {
        write!(sql, "lock table {} in access share mode", lockable.join(", ")).expect("text can be written to");
    }
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut on).await.map_err(fault)?;
    let instant = if version >= 130_000 { "pg_current_snapshot()" } else { "txid_current_snapshot()" };
    let sql = format!("select pg_export_snapshot(), {instant}::text");
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(&mut on).await.map_err(fault)?;
    let mut relations = vec![];
    for asked in &request.tables {
        let found = describe::relation(&mut on, server.schema(), asked.table.as_str()).await.map_err(fault)?;
        let relation = found.ok_or_else(|| missing(server, &doing, asked.table.as_str()))?;
        let parts = parts(&mut on, server.schema(), asked.table.as_str(), &relation, version).await.map_err(fault)?;
        relations.push((relation, parts));
    }
    Ok((Coordinator { snapshot: row.get(0), instant: row.get(1), _connection: Mutex::new(on) }, relations))
}

fn missing(server: &Server, doing: &str, table: &str) -> Error {
    let message = format!("there is no table `{table}` in schema `{}`", server.schema());
    server.error(doing, Blame::User, message).hint("check the table's name and `schema`")
}

/// A piece of a table that one connection reads.
#[derive(Clone, Debug)]
struct Part {
    from: String,
    range: Option<String>,
}

/// Leaves of a table, each in ranges of its pages; the last range is open, for the table may have grown.
async fn parts(
    on: &mut PgConnection,
    schema: &str,
    table: &str,
    relation: &Relation,
    version: i32,
) -> sqlx::Result<Vec<Part>> {
    let whole = |from: String| vec![Part { from, range: None }];
    let name = within(schema, table);
    if version < 140_000 || !["r", "p"].contains(&relation.sort.as_str()) || relation.inherited && relation.sort == "r"
    {
        return Ok(whole(name));
    }
    // Foreign leaves have no pages.
    let sql = "select quote_ident(n.nspname) || '.' || quote_ident(c.relname), \
               case c.relkind when 'r' then pg_relation_size(c.oid) / current_setting('block_size')::int8 end \
               from (select relid from pg_partition_tree($1::text::oid) where isleaf \
                     union select $1::text::oid::regclass where $2 = 'r') l \
               join pg_class c on c.oid = l.relid join pg_namespace n on n.oid = c.relnamespace order by 1";
    let leaves = sqlx::query(sql).bind(relation.oid.to_string()).bind(&relation.sort).fetch_all(on).await?;
    let mut parts = vec![];
    for leaf in leaves {
        let (from, pages): (String, Option<i64>) = (leaf.get(0), leaf.get(1));
        let count = (pages.unwrap_or(0) / PART_PAGES + 1).min(16);
        if count == 1 {
            parts.extend(whole(from));
            continue;
        }
        let step = pages.unwrap_or(0) / count;
        for i in 0..count {
            let low = format!("ctid >= '({},0)'::tid", i * step);
            let high = if i + 1 < count { format!(" and ctid < '({},0)'::tid", (i + 1) * step) } else { String::new() };
            parts.push(Part { from: from.clone(), range: Some(low + &high) });
        }
    }
    Ok(parts)
}

/// Over which connection rows come.
#[derive(Clone, Debug)]
pub enum Through {
    /// One of its own, at the coordinator's instant if there is one.
    Own(Option<Arc<Coordinator>>),
    /// One that others use too, in its transaction.
    Shared(Arc<Mutex<PgConnection>>),
}

#[derive(Debug)]
struct Place {
    server: Server,
    /// What users call the table.
    table: String,
    columns: Vec<Carried>,
    /// Whether COPY may name the table itself.
    plain: bool,
    parts: Vec<Part>,
    through: Through,
}

/// A table at an instant.
#[derive(Debug)]
pub struct Table {
    schema: SchemaRef,
    scan: Arc<Place>,
}

impl Table {
    /// Reads the relation `from` as `table`, in the columns of `schema`.
    pub fn new(
        server: Server,
        (table, from): (String, String),
        columns: Vec<Carried>,
        schema: SchemaRef,
        through: Through,
    ) -> Self {
        let parts = vec![Part { from, range: None }];
        Self { schema, scan: Arc::new(Place { server, table, columns, plain: true, parts, through }) }
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
        let answer = |filter: &&Expr| match filter::sql(filter, &self.scan.columns) {
            Some(_) => TableProviderFilterPushDown::Exact,
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
        let columns: Vec<Carried> = wanted.iter().map(|i| self.scan.columns[*i].clone()).collect();
        let filters: Vec<String> = filters.iter().filter_map(|f| filter::sql(f, &self.scan.columns)).collect();
        let streams = session.config().target_partitions().clamp(1, PARTS).min(self.scan.parts.len()).max(1);
        let mut scans: Vec<Arc<dyn PartitionStream>> = vec![];
        for stream in 0..streams {
            let mine = self.scan.parts.iter().skip(stream).step_by(streams);
            let copies = mine.map(|part| self.scan.copy(part, &columns, &filters, limit)).collect();
            let wires = columns.iter().map(|column| column.kind.wire.clone()).collect();
            scans.push(Arc::new(Scan { place: self.scan.clone(), schema: schema.clone(), wires, copies }));
        }
        Ok(Arc::new(StreamingTableExec::try_new(schema, scans, None, vec![], false, limit)?))
    }
}

impl Place {
    fn copy(&self, part: &Part, columns: &[Carried], filters: &[String], limit: Option<usize>) -> String {
        let direct = self.plain
            && part.range.is_none()
            && filters.is_empty()
            && limit.is_none()
            && !columns.is_empty()
            && columns.iter().all(|column| !column.kind.as_text && !column.computed);
        if direct {
            let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
            return format!("copy {} ({}) to stdout (format binary)", part.from, names.join(", "));
        }
        let wanted: Vec<String> = columns.iter().map(Carried::expression).collect();
        let conditions: Vec<&str> = part.range.iter().chain(filters).map(String::as_str).collect();
        let condition =
            if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
        let limit = limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
        let from = &part.from;
        format!("copy (select {} from {from}{condition}{limit}) to stdout (format binary)", wanted.join(", "))
    }
}

#[derive(Debug)]
struct Scan {
    place: Arc<Place>,
    schema: SchemaRef,
    wires: Vec<Wire>,
    copies: Vec<String>,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), AHEAD);
        let (out, place) = (builder.tx(), self.place.clone());
        let (schema, wires, copies) = (self.schema.clone(), self.wires.clone(), self.copies.clone());
        builder.spawn(async move {
            match &place.through {
                Through::Own(coordinator) => {
                    own(&place, coordinator.as_deref(), &copies, (&schema, &wires), &out).await?;
                }
                Through::Shared(connection) => {
                    let (connection, reader) = (connection.clone(), place.clone());
                    // Goes on when nobody listens any more: the connection must get to the end of its rows.
                    let reading = tokio::spawn(async move {
                        let mut on = connection.lock().await;
                        for copy in &copies {
                            rows(&reader, &mut on, copy, (&schema, &wires), &out, true).await?;
                        }
                        Ok::<_, Error>(())
                    });
                    reading.await.map_err(|panic| place.server.error("reading", Blame::System, panic))??;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

type Out = Sender<Answer<RecordBatch>>;

async fn own(
    place: &Place,
    coordinator: Option<&Coordinator>,
    copies: &[String],
    shape: (&SchemaRef, &[Wire]),
    out: &Out,
) -> Result<()> {
    let doing = format!("reading `{}`", place.table);
    let mut on = place.server.connect(&doing).await?;
    if let Some(coordinator) = coordinator {
        let sql = format!(
            "begin isolation level repeatable read read only; set transaction snapshot {}",
            literal(&coordinator.snapshot)
        );
        let begun = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut on).await;
        begun.map_err(|error| place.server.fault(&doing, error))?;
    }
    for copy in copies {
        let wanted = rows(place, &mut on, copy, shape, out, false).await;
        if !matches!(wanted, Ok(true)) {
            // A COPY that did not end leaves its connection out of step.
            let _ = on.close_hard().await;
            return wanted.map(drop);
        }
    }
    let _ = on.close().await;
    Ok(())
}

/// Whether more is wanted.
async fn rows(
    place: &Place,
    on: &mut PgConnection,
    copy: &str,
    (schema, wires): (&SchemaRef, &[Wire]),
    out: &Out,
    to_the_end: bool,
) -> Result<bool> {
    let doing = format!("reading `{}`", place.table);
    let fault = |error| place.server.fault(&doing, error);
    let wrong = |why: String| place.server.error(&doing, Blame::Data, why);
    let mut decoder = Decoder::new(schema.clone(), wires);
    let mut chunks = on.copy_out_raw(copy).await.map_err(fault)?;
    let mut wanted = true;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(fault)?;
        if !wanted {
            continue;
        }
        decoder.feed(&chunk).map_err(wrong)?;
        if decoder.rows() >= BATCH {
            wanted = out.send(Ok(decoder.batch().map_err(wrong)?)).await.is_ok();
            if !wanted && !to_the_end {
                return Ok(false);
            }
        }
    }
    if wanted {
        decoder.finish().map_err(wrong)?;
        if decoder.rows() > 0 {
            wanted = out.send(Ok(decoder.batch().map_err(wrong)?)).await.is_ok();
        }
    }
    Ok(wanted)
}

/// The token of a table: its rows, unless no transaction has begun to write since `last`.
pub async fn token(database: &Database, table: &TableRequest, last: Option<&Token>) -> Result<Option<Token>> {
    if database.describe(table).await?.is_none() {
        return Ok(None);
    }
    let doing = format!("digesting `{}`", table.table);
    let wrong = |error: datafusion::error::DataFusionError| database.server.error(&doing, Blame::System, error);
    let (coordinator, _) = coordinate(&database.server, &ReadRequest { tables: vec![table.clone()] }).await?;
    let at = |instant: &str| serde_json::json!([database.server.at(), database.server.schema(), table.table, instant]);
    let hint = at(&coordinator.instant);
    drop(coordinator);
    if let Some(last) = last.filter(|last| last.hint == hint) {
        return Ok(Some(last.clone()));
    }
    let mut reading = database.read(ReadRequest { tables: vec![table.clone()] }).await?;
    let held = reading.snapshot.as_ref().and_then(|any| any.clone().downcast::<Coordinator>().ok());
    let hint = held.map_or(hint, |held| at(&held.instant));
    let open = reading.tables.pop().expect("one table was asked for");
    let frame = SessionContext::new().read_table(open.provider).map_err(wrong)?;
    let mut digester = Digester::new(&frame.schema().inner().clone()).map_err(|e| wrong(e.into()))?;
    let mut rows = frame.execute_stream().await.map_err(wrong)?;
    while let Some(batch) = rows.next().await {
        digester.add(&batch.map_err(wrong)?).map_err(|e| wrong(e.into()))?;
    }
    Ok(Some(Token { value: digester.digest().to_string(), hint }))
}
