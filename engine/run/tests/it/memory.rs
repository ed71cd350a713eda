//! What becomes of queries that little memory is short for.

use crate::opened;
use engine_language::{config::settings::Limits, template::RunInfo};
use engine_run::{
    event::{Event, Events, Level, Listener},
    plan::{Why, plan},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

const MIB: u64 = 1 << 20;
const PROJECT: &str = "//- project/sources.toml
default_sink = \"out\"
[connections.out]
type = \"sqlite\"
path = \"out.db\"
[sinks.out]
connection = \"out\"
[connections.src]
type = \"sqlite\"
path = \"src.db\"
[sources.src]
connection = \"src\"
[sources.src.tables.t]
columns = { value = \"bigint\" }
";

/// Keeps warnings.
#[derive(Debug, Default)]
struct Warnings(Mutex<Vec<String>>);

impl Listener for Warnings {
    fn hear(&self, _: i64, event: &Event) {
        if let Event::Log { level: Level::Warn, message, .. } = event {
            self.0.lock().unwrap().push(message.clone());
        }
    }
}

/// Runs models within so much memory, and, where that is short, so much; gives warnings, and codes of failures.
async fn run(models: &[&str], memory_bytes: u64, most_memory_bytes: u64) -> (Vec<String>, Vec<&'static str>) {
    let folder = tempfile::tempdir().unwrap();
    let file = |(at, sql): (usize, &&str)| format!("//- project/models/m{at}.sql\n{sql}\n");
    let fixture: String = models.iter().enumerate().map(file).collect();
    let mut project = opened::project(&format!("{PROJECT}{fixture}"));
    project.settings.limits = Limits { memory_bytes, most_memory_bytes, ..Limits::default() };
    let project = Arc::new(project);
    let source = rusqlite::Connection::open(folder.path().join("src.db")).unwrap();
    let numbers = "with recursive n as (select 1 as value union all select value + 1 from n where value < 30000)";
    let table = format!("create table t (value bigint); insert into t {numbers} select value from n");
    source.execute_batch(&table).unwrap();
    let runner = opened::runner(folder.path(), &project);
    let all: BTreeSet<_> = project.graph.nodes.keys().cloned().collect();
    let warnings = Arc::new(Warnings::default());
    let events = Events::to(vec![warnings.clone()]);
    let report =
        runner.run(&plan(&project, &all, &|_| Why::New), RunInfo::NONE, &events, &CancellationToken::new()).await;
    let failures = report.nodes.iter().filter_map(|node| node.failure.as_ref());
    let failures = failures.map(|failure| failure.diagnostic.code.id).collect();
    let warnings = warnings.0.lock().unwrap().clone();
    (warnings, failures)
}

/// Holds some megabytes, of which nothing can be spilled.
const HELD: &str = "select count(*) as n, sum(length(w.t) * s.value) as size\n\
    from (select value, repeat(cast(value as varchar), 20) as t from generate_series(1, 50000) as g(value)) as w\n\
    cross join generate_series(1, 2) as s(value)";

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_spilled_gets_all_the_memory_that_there_is() {
    let (warnings, failures) = run(&[HELD], MIB, 256 * MIB).await;
    assert_eq!(failures, [""; 0]);
    assert_eq!(
        warnings,
        [
            "there was not enough memory: joining by sorting instead; `[limits] memory` gives more",
            "there was not enough memory: taking up to 256 MiB; `[limits] memory` gives more",
        ]
    );
    let (warnings, failures) = run(&[HELD], MIB, MIB).await;
    assert_eq!(failures, ["E0313"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_sorts_beside_each_other_have_memory_enough() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let sorted =
        |by: usize| format!("select row_number() over (order by value % {by}) as n from {{{{ source('src', 't') }}}}");
    let all: Vec<String> = (1..=4 * cores).map(sorted).collect();
    let bytes = 24 * MIB * u64::try_from(cores).unwrap();
    let (warnings, failures) = run(&[&all.join("\nunion all\n")], bytes, 1024 * MIB).await;
    assert_eq!((warnings, failures), (vec![], vec![]));
}
