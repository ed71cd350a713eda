//! A copy that is not what was read is found before it is published.

use crate::opened;
use async_trait::async_trait;
use datafusion::datasource::MemTable;
use engine_connect::hub::{
    connection::Connection,
    error::Result,
    publication::{Commit, Positions, Preview, Publication, PublishRequest, Sink, SinkFacts, Writer, Writers, Written},
    source::Source,
};
use engine_language::{name::Name, project::Project, template::RunInfo};
use engine_run::{
    event::Events,
    plan::{Why, plan},
    report::Report,
    runner::Runner,
    sql::classify_error,
    systems::Systems,
};
use std::{collections::BTreeSet, path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;

/// A system that loses the rows written into it, and says that all is well.
#[derive(Debug)]
struct Losing(Arc<dyn Connection>);

#[async_trait]
impl Connection for Losing {
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
        self.0.source()
    }
    fn sink(&self) -> Option<&dyn Sink> {
        Some(self)
    }
}

#[async_trait]
impl Sink for Losing {
    fn facts(&self) -> SinkFacts {
        self.0.sink().unwrap().facts()
    }
    async fn begin(&self, request: PublishRequest) -> Result<Box<dyn Publication>> {
        let inner = self.0.writable()?.begin(request.clone()).await?;
        Ok(Box::new(LosingPublication { inner, request }))
    }
    fn positions(&self) -> Option<&dyn Positions> {
        self.0.sink().unwrap().positions()
    }
    async fn recover(&self) -> Result<usize> {
        self.0.writable()?.recover().await
    }
}

struct LosingPublication {
    inner: Box<dyn Publication>,
    request: PublishRequest,
}

#[async_trait]
impl Publication for LosingPublication {
    async fn writer(&self, table: &Name, writers: Writers) -> Result<Box<dyn Writer>> {
        self.inner.writer(table, writers).await
    }
    async fn preview(&self, table: &Name) -> Result<Preview> {
        let target = self.request.tables.iter().find(|target| target.table == *table).unwrap();
        let rows = Arc::new(MemTable::try_new(target.schema.clone(), vec![vec![]]).unwrap());
        Ok(Preview { rows, unique: vec![] })
    }
    async fn commit(self: Box<Self>, commit: Commit) -> Result<Vec<Written>> {
        self.inner.commit(commit).await
    }
}

const PROJECT: &str = "//- project/sources.toml
default_sink = \"copy\"
[connections.src]
type = \"sqlite\"
path = \"src.db\"
[connections.copy]
type = \"sqlite\"
path = \"copy.db\"
[sources.src]
connection = \"src\"
[sources.src.tables.t]
columns = { id = \"bigint\" }
[sinks.copy]
connection = \"copy\"
[replications.r]
from = \"src\"
to = \"copy\"
tables = [\"t\"]
";

fn open(root: &Path, fixture: &str) -> (Runner, Arc<Project>) {
    let project = Arc::new(opened::project(fixture));
    (opened::runner(root, &project), project)
}

/// Replicates from a source of two rows into a copy that may lose them.
async fn replicate(root: &Path, losing: bool, verify: &str) -> Report {
    let fixture = format!("{PROJECT}verify = \"{verify}\"\n");
    let (mut runner, project) = open(root, &fixture);
    if losing {
        let lose = |(name, inner): (&Name, &Arc<dyn Connection>)| {
            let inner = inner.clone();
            (name.clone(), if name.as_str() == "copy" { Arc::new(Losing(inner)) as Arc<dyn Connection> } else { inner })
        };
        let systems = Systems::of(runner.systems().iter().map(lose).collect());
        runner = runner.over(systems);
    }
    let all: BTreeSet<_> = project.graph.nodes.keys().cloned().collect();
    let plan = plan(&project, &all, &|_| Why::New);
    runner.run(&plan, RunInfo::NONE, &Events::to(vec![]), &CancellationToken::new()).await
}

#[test]
fn a_node_without_a_table_is_said() {
    let views = "//- project/models/v.sql\n{{ config(materialized = \"ephemeral\") }} select 1 as n\n";
    let (runner, project) = open(tempfile::tempdir().unwrap().path(), &format!("{PROJECT}{views}"));
    let node = project.graph.nodes.keys().find(|node| &*node.name() == "v").unwrap();
    let error = runner.systems().locate(&project, node).unwrap_err();
    assert_eq!(classify_error::of(&error, None).code.id, "E0307");
}

#[tokio::test]
async fn a_copy_that_lost_rows_is_not_published() {
    for verify in ["count", "target", "both"] {
        let folder = tempfile::tempdir().unwrap();
        let source = rusqlite::Connection::open(folder.path().join("src.db")).unwrap();
        source.execute_batch("create table t (id bigint primary key); insert into t values (1)").unwrap();
        let good = replicate(folder.path(), false, verify).await;
        assert!(good.nodes.iter().all(|node| node.failure.is_none()), "{good:?}");
        source.execute_batch("insert into t values (2)").unwrap();
        let lost = replicate(folder.path(), true, verify).await;
        let failures: Vec<_> = lost.nodes.iter().filter_map(|node| node.failure.as_ref()).collect();
        assert!(failures.iter().any(|failure| failure.diagnostic.code.id == "E0312"), "{verify}: {lost:?}");
        let copy = rusqlite::Connection::open(folder.path().join("copy.db")).unwrap();
        let ids: i64 = copy.query_row("select sum(id) from t", [], |row| row.get(0)).unwrap();
        assert_eq!(ids, 1, "{verify}: the old copy stays");
    }
}
