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
    time::Duration,
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

/// Runs models within so much memory; gives warnings, and codes of failures.
async fn run(models: &[&str], memory_bytes: u64) -> (Vec<String>, Vec<&'static str>) {
    let folder = tempfile::tempdir().unwrap();
    let file = |(at, sql): (usize, &&str)| format!("//- project/models/m{at}.sql\n{sql}\n");
    let fixture: String = models.iter().enumerate().map(file).collect();
    let mut project = opened::project(&format!("{PROJECT}{fixture}"));
    project.settings.limits = Limits { memory_bytes: Some(memory_bytes), ..Limits::default() };
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
async fn what_does_not_fit_is_sorted_and_then_done_on_one_core() {
    let (warnings, failures) = run(&[HELD], MIB).await;
    assert_eq!(failures, ["E0313"]);
    let mut expected =
        vec!["there was not enough memory: joining by sorting instead; `[limits] memory` gives more".to_owned()];
    if std::thread::available_parallelism().unwrap().get() > 1 {
        expected.push("there was not enough memory: working on one core instead; `[limits] memory` gives more".into());
    }
    assert_eq!(warnings, expected);
    assert_eq!(run(&[HELD], 256 * MIB).await, (vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn small_sorts_beside_each_other_have_memory_enough() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let sorted =
        |by: usize| format!("select row_number() over (order by value % {by}) as n from {{{{ source('src', 't') }}}}");
    let all: Vec<String> = (1..=4 * cores).map(sorted).collect();
    let bytes = 24 * MIB * u64::try_from(cores).unwrap();
    let (warnings, failures) = run(&[&all.join("\nunion all\n")], bytes).await;
    assert_eq!((warnings, failures), (vec![], vec![]));
}

/// Times that a query comes to its end which stands still in most of them where `RepartitionExec` spills.
const TIMES: usize = 8;
/// Its groups, and texts of which each has many.
const GROUPED: &str = "select g, count(distinct t) as n from \
    (select v % 13 as g, md5(cast(v % 337 as varchar)) as t from generate_series(1, 100000) as s(v)) group by g";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn groups_in_little_memory_come_to_their_end() {
    for at in 0..TIMES {
        let ended = tokio::time::timeout(Duration::from_mins(2), run(&[GROUPED], 2 * MIB)).await;
        let (_, failures) = ended.unwrap_or_else(|_| panic!("stood still, the {at}th time"));
        assert_eq!(failures, [""; 0]);
    }
}
