//! How old the newest rows of sources are, where the project says how old they may be.

use super::Data;
use datafusion::{
    arrow::{
        array::{Array as _, AsArray as _},
        compute::cast,
        datatypes::{DataType, TimeUnit, TimestampMicrosecondType},
    },
    prelude::SessionContext,
};
use engine_connect::hub::source::ReadRequest;
use engine_language::{config::source::Freshness as Wanted, graph::NodeId};
use engine_run::{location, runner::Runner, systems};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};
use tokio::time::timeout;

/// What was found is shown for so long before it is looked at again.
const KEPT_US: i64 = 60_000_000;
/// A system that does not answer is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was found the last time.
#[derive(Debug, Default)]
pub struct Freshness(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    asked_us: i64,
    found: BTreeMap<String, Age>,
}

/// How old a table's newest row is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Age {
    /// `shop.orders`.
    pub table: String,
    /// `fresh`, `warn`, `stale`, `unknown`.
    pub state: &'static str,
    /// The newest row, in microseconds since 1970 UTC.
    pub newest_us: Option<i64>,
    /// Why it is not known.
    pub error: Option<String>,
}

impl Freshness {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no holder of this lock panics")
    }

    /// What was found the last time; if that is long ago, it is looked at again meanwhile.
    pub fn ages(&self, data: &Data) -> Vec<Age> {
        let now = data.service.now_us();
        let mut state = self.state();
        if now - state.asked_us > KEPT_US && wanted(data).next().is_some() {
            state.asked_us = now;
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(look(data.clone()));
            }
        }
        state.found.values().cloned().collect()
    }
}

fn wanted(data: &Data) -> impl Iterator<Item = (NodeId, Wanted)> {
    let project = data.service.reading().project.clone();
    let mut all = vec![];
    for source in project.sources.values() {
        for table in source.tables.values() {
            if let Some(freshness) = &table.freshness {
                let node = NodeId::source(source.name.value.clone(), table.name.value.clone());
                all.push((node, freshness.clone()));
            }
        }
    }
    all.into_iter()
}

async fn look(data: Data) {
    let reading = data.service.reading();
    let mut found = BTreeMap::new();
    for (node, freshness) in wanted(&data) {
        let looked = timeout(PATIENCE, newest(&reading.runner, &node, &freshness.column.value)).await;
        let newest = looked.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let age = age(&data, &node, &freshness, newest);
        found.insert(age.table.clone(), age);
    }
    data.freshness.state().found = found;
    data.changes.of_sources();
    data.service.beat();
}

fn age(data: &Data, node: &NodeId, freshness: &Wanted, newest: Result<Option<i64>, String>) -> Age {
    let table = node.name().into_owned();
    let (newest_us, error) = match newest {
        Ok(newest) => (newest, None),
        Err(error) => (None, Some(error)),
    };
    let old = newest_us.map(|at| Duration::from_micros(data.service.now_us().saturating_sub(at).max(0).unsigned_abs()));
    let beyond = |limit: Option<Duration>| old.zip(limit).is_some_and(|(old, limit)| old > limit);
    let state = match () {
        () if old.is_none() => "unknown",
        () if beyond(freshness.fail) => "stale",
        () if beyond(freshness.warn) => "warn",
        () => "fresh",
    };
    Age { table, state, newest_us, error }
}

/// The greatest value of a column, as a time.
async fn newest(runner: &Runner, node: &NodeId, column: &str) -> Result<Option<i64>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let project = runner.project();
    let place = location::of(project, node).ok_or("it has no place")?;
    let system = runner.systems().get(&place.connection).map_err(|error| said(&error))?;
    let request = systems::request(project, node, &place);
    let mut reading = system.open(ReadRequest { tables: vec![request] }).await.map_err(|error| said(&error))?;
    let open = reading.tables.pop().ok_or("it is not there")?;
    let session = SessionContext::new();
    session.register_table("t", open.provider).map_err(|error| said(&error))?;
    let sql = format!("select max({}) from t", engine_language::template::identifier(column));
    let batches =
        session.sql(&sql).await.map_err(|error| said(&error))?.collect().await.map_err(|error| said(&error))?;
    let Some(batch) = batches.first().filter(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let times =
        cast(batch.column(0), &DataType::Timestamp(TimeUnit::Microsecond, None)).map_err(|error| said(&error))?;
    let times = times.as_primitive::<TimestampMicrosecondType>();
    Ok((!times.is_null(0)).then(|| times.value(0)))
}
