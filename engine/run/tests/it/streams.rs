//! Any split of a topic's events into batches, and any points at which the target fails, give the same tables: a property.

use crate::opened;
use datafusion::{
    arrow::{
        array::{ArrayRef, BinaryArray, RecordBatch, StringArray},
        datatypes::{DataType, Field, Schema},
        util::pretty::pretty_format_batches,
    },
    prelude::SessionContext,
};
use engine_connect::hub::{
    connection::Connection,
    error::{Blame, Error, Result},
    publication::{
        Commit, Mode, Positions, Preview, Publication, PublishRequest, Sink, SinkFacts, Target, Writer, Writers,
        Written,
    },
    source::{ReadRequest, Source, TableRequest},
};
use engine_language::{graph::NodeId, name::Name, project::Project, table::TableDefinition, template::RunInfo};
use engine_run::{
    event::Events,
    location,
    plan::{Why, plan},
    report::RunOutcome,
    systems::{self, Systems},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio_util::sync::CancellationToken;

/// What becomes of a write to the target.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It goes well.
    Well,
    /// It does not begin.
    Opening,
    /// The program ends before it is committed.
    Before,
    /// The program ends after it was committed, and never learns of it.
    After,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![3 => Just(Fate::Well), 1 => Just(Fate::Opening), 1 => Just(Fate::Before), 2 => Just(Fate::After)]
}

/// An event: of whom, and whether it is good.
fn event() -> impl Strategy<Value = (u8, bool)> {
    (0..6_u8, prop::bool::weighted(0.9))
}

/// A target whose writes have fates; without any left they go well.
#[derive(Debug)]
struct Fated {
    inner: Arc<dyn Connection>,
    fates: Mutex<VecDeque<Fate>>,
}

fn ended() -> Error {
    Error::new("fate", "publishing", Blame::System, "the program ends here")
}

#[async_trait::async_trait]
impl Connection for Fated {
    fn name(&self) -> &Name {
        self.inner.name()
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn ping(&self) -> Result<String> {
        self.inner.ping().await
    }

    async fn tables(&self) -> Result<Vec<Name>> {
        self.inner.tables().await
    }

    fn source(&self) -> Option<&dyn Source> {
        self.inner.source()
    }

    fn sink(&self) -> Option<&dyn Sink> {
        Some(self)
    }
}

#[async_trait::async_trait]
impl Sink for Fated {
    fn facts(&self) -> SinkFacts {
        self.inner.sink().unwrap().facts()
    }

    async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>> {
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Well);
        if matches!(fate, Fate::Opening) {
            return Err(ended());
        }
        Ok(Box::new(FatedPublication { inner: self.inner.writable()?.begin(request).await?, fate }))
    }

    fn positions(&self) -> Option<&dyn Positions> {
        self.inner.sink().unwrap().positions()
    }

    async fn recover(&self) -> Result<usize> {
        self.inner.writable()?.recover().await
    }
}

struct FatedPublication {
    inner: Box<dyn Publication>,
    fate: Fate,
}

#[async_trait::async_trait]
impl Publication for FatedPublication {
    async fn writer(&self, table: &Name, writers: Writers) -> Result<Box<dyn Writer>> {
        self.inner.writer(table, writers).await
    }

    async fn preview(&self, table: &Name) -> Result<Preview> {
        self.inner.preview(table).await
    }

    async fn commit(self: Box<Self>, commit: Commit) -> Result<Vec<Written>> {
        match self.fate {
            Fate::Well | Fate::Opening => self.inner.commit(commit).await,
            Fate::Before => Err(ended()),
            Fate::After => {
                self.inner.commit(commit).await?;
                Err(ended())
            }
        }
    }
}

fn project(prefix: &str, batch_rows: u64) -> Arc<Project> {
    let brokers = std::env::var("ENGINE_TEST_KAFKA")
        .expect("ENGINE_TEST_KAFKA is not set: `scripts/services up`, then `eval \"$(scripts/services env)\"`");
    let fixture = format!(
        "//- project/sources.toml
default_sink = \"out\"
[limits]
batch_rows = {batch_rows}
[connections.events]
type = \"kafka\"
brokers = \"{brokers}\"
prefix = \"{prefix}\"
[connections.out]
type = \"sqlite\"
path = \"out.db\"
[sinks.out]
connection = \"out\"
[sources.events]
connection = \"events\"
[sources.events.tables.ups]
columns = {{ user = \"text\", n = \"bigint\" }}
create = {{ partitions = 3 }}
bad_rows = \"dead_letter\"
//- project/models/users.sql
{{{{ config(materialized = \"stream\", key = [\"user\"]) }}}}
select user, n, n * 2 as twice from {{{{ source(\"events\", \"ups\") }}}}
"
    );
    Arc::new(opened::project(&fixture))
}

/// Runs to the end of the topic, as often as fate wants; answers the table and the dead letters.
async fn run(root: &Path, project: &Arc<Project>, fates: &[Fate]) -> String {
    let fates: VecDeque<Fate> = fates.iter().copied().collect();
    let all: BTreeSet<NodeId> = [NodeId::Model("users".into())].into();
    let plan = plan(project, &all, &|_| Why::New);
    let target = opened::runner(root, project).systems().get(&"out".into()).unwrap().clone();
    let fated: Arc<dyn Connection> = Arc::new(Fated { inner: target.clone(), fates: Mutex::new(fates) });
    loop {
        let new = opened::runner(root, project);
        let mut systems: BTreeMap<Name, Arc<dyn Connection>> =
            new.systems().iter().map(|(name, connection)| (name.clone(), connection.clone())).collect();
        systems.insert("out".into(), fated.clone());
        let new = new.over(Systems::of(systems));
        new.recover().await;
        let report = new.run(&plan, RunInfo::NONE, &Events::default(), &CancellationToken::new()).await;
        if report.outcome == RunOutcome::Succeeded {
            break;
        }
        let failure = report.nodes[0].failure.as_ref().unwrap().diagnostic.message.clone();
        assert!(failure.contains("the program ends here"), "{failure}");
    }
    let users = rows(&target, "users", "select * from t order by 1").await;
    let letters = "select source, partition, \"offset\", payload, reason from t order by 1, 2, 3";
    format!("{users}\n{}", rows(&target, "engine_dead_letters", letters).await)
}

async fn rows(target: &Arc<dyn Connection>, table: &str, sql: &str) -> String {
    let mut reading =
        target.readable().unwrap().open(ReadRequest { tables: vec![TableRequest::all(table)] }).await.unwrap();
    let context = SessionContext::new();
    context.register_table("t", reading.tables.remove(0).provider).unwrap();
    pretty_format_batches(&context.sql(sql).await.unwrap().collect().await.unwrap()).unwrap().to_string()
}

/// Sends the events, each keyed by its user.
async fn send(project: &Arc<Project>, root: &Path, events: &[(u8, bool)]) {
    let topic = NodeId::source("events", "ups");
    let at = location::of(project, &topic).unwrap();
    let declared = systems::request(project, &topic, &at).declared;
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(events.iter().map(|(user, _)| user.to_string())));
    let payload = |(n, (user, good)): (usize, &(u8, bool))| match good {
        true => format!("{{\"user\":\"{user}\",\"n\":{n}}}").into_bytes(),
        false => format!("{{\"user\":\"{user}\",\"n\":\"{n}").into_bytes(),
    };
    let payloads: ArrayRef = Arc::new(BinaryArray::from_iter_values(events.iter().enumerate().map(payload)));
    let fields = vec![Field::new("_key", DataType::Utf8, true), Field::new("_payload", DataType::Binary, true)];
    let schema = Arc::new(Schema::new(fields));
    let definition = TableDefinition::default();
    let target = Target { table: at.table.clone(), schema: schema.clone(), definition, mode: Mode::Append, declared };
    let publication = PublishRequest { run: "send".into(), tables: vec![target], pipeline: None };
    let connection = opened::runner(root, project).systems().get(&"events".into()).unwrap().clone();
    let publisher = connection.writable().unwrap().begin(publication).await.unwrap();
    let mut writer = publisher.writer(&at.table, Writers::Several).await.unwrap();
    writer.write(RecordBatch::try_new(schema, vec![keys, payloads]).unwrap()).await.unwrap();
    writer.finish().await.unwrap();
    publisher.commit(Commit::default()).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn any_split_and_any_crashes_give_what_one_batch_gives(
        events in prop::collection::vec(event(), 1..60),
        batch_rows in 1..25_u64,
        fates in prop::collection::vec(fate(), 0..10),
    ) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("prop-{}-{}.", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let prefix = format!("{now}-{prefix}");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (one, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let whole = project(&prefix, 1000);
        runtime.block_on(send(&whole, one.path(), &events));
        let expected = runtime.block_on(run(one.path(), &whole, &[]));
        let good = events.iter().filter(|(_, good)| *good).map(|(user, _)| user).collect::<BTreeSet<_>>().len();
        let bad = events.iter().filter(|(_, good)| !good).count();
        let drawn = expected.lines().filter(|line| line.starts_with('|')).count();
        // Each table that has rows has a header.
        let headers = usize::from(good > 0) + usize::from(bad > 0);
        prop_assert_eq!(drawn, good + bad + headers);
        let found = runtime.block_on(run(many.path(), &project(&prefix, batch_rows), &fates));
        prop_assert_eq!(found, expected);
    }
}
