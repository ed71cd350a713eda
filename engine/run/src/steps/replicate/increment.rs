//! Increments: what is new since the last run is merged by key, and what is gone from the source is deleted.

use super::{Job, Passing, source, table};
use crate::{
    error::{Error, Result},
    systems,
};
use datafusion::prelude::ident;
use engine_connect::hub::{
    position::Position,
    publication::{Mode, Publication},
    source::{Cursor, OpenTable, TableRequest},
};
use engine_language::{
    code, config::replication::Replication, diagnostic::Diagnostic, graph::NodeId, name::Name, table::TableDefinition,
};
use futures::StreamExt;
use std::collections::BTreeMap;

/// Where a replication stands, and what that means for its tables.
#[derive(Debug)]
pub struct Increment {
    cursor: Cursor,
    /// What the target says.
    pub(super) from: Option<Position>,
    /// The same, by table.
    pub(super) stands: BTreeMap<String, serde_json::Value>,
    keys: BTreeMap<NodeId, Vec<String>>,
    /// Tables that go on where they stand; the others are copied as a whole.
    going_on: BTreeMap<NodeId, Position>,
}

/// The name under which a target keeps a replication's position.
pub fn pipeline(replication: &Replication) -> Name {
    Name::new(format!("replication.{}", replication.name.value))
}

impl Increment {
    /// Asks the target where the replication stands, and the source for its keys.
    pub async fn of(job: &Job<'_>) -> Result<Self> {
        let cursor = job.replication.cursor.as_ref().expect("an incremental replication has a cursor");
        let cursor = Cursor { column: cursor.value.clone(), overlap: job.replication.overlap };
        let from = job.to.position(&pipeline(job.replication)).await?;
        let stands = from.as_ref().and_then(|from| serde_json::from_value(from.0.clone()).ok()).unwrap_or_default();
        let mut this = Self { cursor, from, stands, keys: BTreeMap::new(), going_on: BTreeMap::new() };
        for node in job.nodes {
            this.table(job, node).await?;
        }
        Ok(this)
    }

    async fn table(&mut self, job: &Job<'_>, node: &NodeId) -> Result<()> {
        let from = source(job.replication, node);
        let (place, _) = job.run.locate(&from)?;
        let request = systems::request(&job.run.runner.project, &from, &place);
        let Some(definition) = job.from.readable()?.describe(&request).await? else { return Ok(()) };
        self.keys.insert(node.clone(), key(job.replication, &from, &request, &definition)?);
        let there = job.to.readable()?.describe(&TableRequest::all(table(node))).await?;
        let same =
            there.is_some_and(|there| definition.columns.iter().all(|column| there.column(&column.name).is_some()));
        if let Some(stand) =
            self.stands.get(table(node).as_str()).filter(|_| same && !job.run.runner.options.full_refresh)
        {
            self.going_on.insert(node.clone(), Position(stand.clone()));
        }
        Ok(())
    }

    /// Whether some table is copied as a whole.
    pub fn is_first(&self) -> bool {
        self.going_on.len() < self.keys.len()
    }

    /// The columns that name a row of a table.
    pub fn key(&self, node: &NodeId) -> Option<&[String]> {
        self.keys.get(node).map(Vec::as_slice)
    }

    /// Whether a table is asked for what is new of it.
    pub fn asks_for_new(&self, node: &NodeId) -> bool {
        self.going_on.contains_key(node)
    }

    /// What to ask for what is new of a table; a table that is copied as a whole is asked where it stands after that.
    pub fn request(&self, node: &NodeId, all: &mut TableRequest) -> Option<TableRequest> {
        let cursor = Some(self.cursor.clone());
        let Some(since) = self.going_on.get(node) else {
            all.cursor = cursor;
            return None;
        };
        Some(TableRequest { since: Some(since.clone()), cursor, ..all.clone() })
    }

    /// What becomes of the rows that are there.
    pub fn mode(&self, node: &NodeId, open: &OpenTable, replication: &Replication) -> Result<Mode> {
        if open.next.is_none() {
            let message = format!("`{}` cannot be read by what is new: its system does not tell", node.name());
            let problem = Diagnostic::error(&code::E0330, replication.name.span, message);
            return Err(Error::Project(Box::new(problem.hint("use `mode = \"full\"`"))));
        }
        Ok(if self.asks_for_new(node) { Mode::Merge { key: self.keys[node].clone() } } else { Mode::Replace })
    }
}

fn key(
    replication: &Replication,
    node: &NodeId,
    request: &TableRequest,
    definition: &TableDefinition,
) -> Result<Vec<String>> {
    let declared = request.declared.iter().flat_map(|declared| &declared.key).map(|column| column.value.clone());
    let declared: Vec<String> = declared.collect();
    if !declared.is_empty() {
        return Ok(declared);
    }
    if !definition.key.is_empty() {
        return Ok(definition.key.clone());
    }
    let message = format!("`{}` has no key, and rows are merged by key", node.name());
    let problem = Diagnostic::error(&code::E0330, replication.name.span, message);
    let (from, table) = (&replication.from.value, table(node));
    let hint = format!("say what names a row: `[sources.{from}.tables.{table}]` with `key = [\"…\"]`");
    Err(Error::Project(Box::new(problem.hint(hint))))
}

impl Job<'_> {
    /// Deletes from the copies what is gone from the source, and says how many tables had such rows. A copy has all of the
    /// source's keys once what is new was merged; as long as it has no more rows than the source, it has no others.
    pub(super) async fn sweep(&self, tables: &[Passing], publisher: &dyn Publication) -> Result<usize> {
        let mut swept = 0;
        for table in tables {
            let (Some(all), Mode::Merge { key }) = (&table.all, &table.mode) else { continue };
            let source = self.count(all.provider.clone()).await?;
            let copy = self.count(publisher.preview(&table.place.table).await?.rows).await?;
            if copy <= source {
                continue;
            }
            self.keep(all, key, table, publisher).await?;
            swept += 1;
        }
        Ok(swept)
    }

    /// Gives the target the keys of all rows that stay.
    async fn keep(&self, all: &OpenTable, key: &[String], table: &Passing, publisher: &dyn Publication) -> Result<()> {
        let Some(sweep) = publisher.key_sweep() else {
            let message = format!("rows of `{}` were deleted, and its target cannot compare keys", table.source.name());
            let problem = Diagnostic::error(&code::E0330, self.replication.name.span, message);
            return Err(Error::Project(Box::new(problem.hint("use `mode = \"full\"`"))));
        };
        let mut writer = sweep.keys(&table.place.table).await?;
        let session = self.run.runner.sessions.open();
        let columns: Vec<_> = key.iter().map(ident).collect();
        let keys = session.context.read_table(all.provider.clone())?.select(columns)?;
        let mut rows = keys.execute_stream().await?;
        while let Some(batch) = rows.next().await {
            writer.write(batch?).await?;
        }
        writer.finish().await?;
        Ok(())
    }
}
