//! Skipping what did not change gives what a full rebuild gives: a property, over random edits.

use crate::opened;
use engine_language::template::RunInfo;
use engine_run::{
    clock::SystemClock,
    event::{Events, RunOutcome},
    execute::runner::Runner,
    history::History,
    plan::plan,
};
use proptest::prelude::*;
use rusqlite::Connection;
use std::{collections::BTreeSet, path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;

/// What a user, or another program, may do between two runs.
#[derive(Clone, Debug)]
enum Edit {
    /// Another program changes a row of the source.
    Row(u8, u8),
    /// Another program deletes a row of the source.
    Gone(u8),
    /// The seed gets another line.
    Seed(u8),
    /// A model computes something else.
    Model(u8),
    /// A comment, which changes nothing.
    Comment(u8),
    /// The view, which is not stored, computes something else.
    View(u8),
    /// A variable that one model reads.
    Var(u8),
    /// The model keeps its text, and its key changes.
    Key(bool),
    /// Another program changes what the engine has built.
    Touched(u8),
    /// Another program drops a table that the engine has built.
    Dropped(u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (0..4_u8, any::<u8>()).prop_map(|(id, n)| Edit::Row(id, n)),
        (0..4_u8).prop_map(Edit::Gone),
        (0..4_u8).prop_map(Edit::Seed),
        (0..3_u8).prop_map(Edit::Model),
        any::<u8>().prop_map(Edit::Comment),
        (0..3_u8).prop_map(Edit::View),
        (0..3_u8).prop_map(Edit::Var),
        any::<bool>().prop_map(Edit::Key),
        any::<u8>().prop_map(Edit::Touched),
        (0..3_u8).prop_map(Edit::Dropped),
    ]
}

/// What the files say.
#[derive(Clone, Debug, Default)]
struct Files {
    seed: u8,
    model: u8,
    comment: u8,
    view: u8,
    var: u8,
    key: bool,
}

const BUILT: [&str; 4] = ["sums", "named", "last", "replica_free"];

impl Files {
    fn fixture(&self) -> String {
        let Self { seed, model, comment, view, var, key } = self;
        let key = if *key { "key = [\"g\"], " } else { "" };
        format!(
            "//- project/sources.toml
default_sink = \"out\"
[vars]
floor = {var}
[connections.src]
type = \"sqlite\"
path = \"src.db\"
[connections.out]
type = \"sqlite\"
path = \"out.db\"
[connections.copy]
type = \"sqlite\"
path = \"copy.db\"
[sources.src]
connection = \"src\"
[sources.src.tables.t]
columns = {{ id = \"bigint\", n = \"bigint\" }}
[sinks.out]
connection = \"out\"
[replications.r]
from = \"src\"
to = \"copy\"
tables = [\"t\"]
//- project/seeds/words.csv
g,word
0,zero
1,one{seed}
//- project/models/sums.sql
-- comment {comment}
{{{{ config({key}checks = [not_null(\"g\")]) }}}}
select id % 2 as g, sum(n) + {model} as total from {{{{ ref(\"r.t\") }}}} group by 1
//- project/models/seen.sql
{{{{ config(materialized = \"view\") }}}}
select g, total * {view} as total from {{{{ ref(\"sums\") }}}} where total >= {{{{ var(\"floor\") }}}}
//- project/models/named.sql
select w.word, s.total from {{{{ ref(\"seen\") }}}} s join {{{{ ref(\"words\") }}}} w on w.g = s.g
//- project/models/last.sql
select count(*) as n, max(total) as top from {{{{ ref(\"named\") }}}}
//- project/models/replica_free.sql
select id, n from {{{{ source(\"src\", \"t\") }}}} where n > {{{{ var(\"floor\") }}}}
"
        )
    }
}

/// Runs everything in a folder. Without a history, everything is built anew.
async fn run(root: &Path, files: &Files, history: History) {
    let (project, history) = (Arc::new(opened::project(&files.fixture())), Arc::new(history));
    std::fs::create_dir_all(root.join(".engine/tmp")).unwrap();
    let runner = Runner::open(project.clone(), history.clone(), Arc::new(SystemClock), root).unwrap();
    let all: BTreeSet<_> = project.graph.nodes.keys().cloned().collect();
    let target = project.target.as_str().to_owned();
    let plan = plan(&project, &all, &|node| history.built(&target, node).unwrap());
    let info = RunInfo { id: format!("{files:?}"), ..RunInfo::NONE };
    let report = runner.run(&plan, info, &Events::to(vec![]), &CancellationToken::new()).await;
    let failed: Vec<_> = report.nodes.iter().filter_map(|node| node.failure.as_ref()).collect();
    assert_eq!(report.outcome, RunOutcome::Succeeded, "{failed:?}");
}

/// All rows of all tables that are built, as text.
fn tables(root: &Path) -> Vec<String> {
    let out = Connection::open(root.join("out.db")).unwrap();
    let copy = Connection::open(root.join("copy.db")).unwrap();
    let mut all = vec![];
    for (connection, table) in BUILT.iter().map(|table| (&out, *table)).chain([(&copy, "t"), (&out, "words")]) {
        let mut statement = connection.prepare(&format!("select * from {table}")).unwrap();
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            (0..width).map(|i| Ok(format!("{:?}", row.get::<_, rusqlite::types::Value>(i)?))).collect()
        };
        let mut rows: Vec<Vec<String>> = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
        rows.sort();
        all.push(format!("{table}: {rows:?}"));
    }
    all
}

fn apply(root: &Path, files: &mut Files, edit: &Edit) {
    let source = || Connection::open(root.join("src.db")).unwrap();
    let out = || Connection::open(root.join("out.db")).unwrap();
    match edit {
        Edit::Row(id, n) => {
            source().execute("insert or replace into t values (?1, ?2)", [id, n]).unwrap();
        }
        Edit::Gone(id) => {
            source().execute("delete from t where id = ?1", [id]).unwrap();
        }
        Edit::Seed(n) => files.seed = *n,
        Edit::Model(n) => files.model = *n,
        Edit::Comment(n) => files.comment = *n,
        Edit::View(n) => files.view = *n,
        Edit::Var(n) => files.var = *n,
        Edit::Key(there) => files.key = *there,
        // An edit before this one may have dropped it.
        Edit::Touched(n) => {
            if out().table_exists(None, "sums").unwrap() {
                out().execute("update sums set total = total + ?1", [n]).unwrap();
            }
        }
        Edit::Dropped(n) => out().execute_batch(&format!("drop table if exists {}", BUILT[usize::from(*n)])).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn skipping_gives_what_a_full_rebuild_gives(rounds in prop::collection::vec(prop::collection::vec(edit(), 0..3), 1..5)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let kept = tempfile::tempdir().unwrap();
        let source = Connection::open(kept.path().join("src.db")).unwrap();
        source.execute_batch("create table t (id bigint primary key, n bigint); insert into t values (0, 1), (1, 2)").unwrap();
        drop(source);
        let mut files = Files { view: 1, ..Files::default() };
        runtime.block_on(run(kept.path(), &files, History::open(kept.path()).unwrap()));
        for edits in &rounds {
            for edit in edits {
                apply(kept.path(), &mut files, edit);
            }
            runtime.block_on(run(kept.path(), &files, History::open(kept.path()).unwrap()));
            let fresh = tempfile::tempdir().unwrap();
            Connection::open(kept.path().join("src.db"))
                .unwrap()
                .execute("vacuum into ?1", [fresh.path().join("src.db").to_str().unwrap()])
                .unwrap();
            runtime.block_on(run(fresh.path(), &files, History::in_memory().unwrap()));
            prop_assert_eq!(tables(kept.path()), tables(fresh.path()));
        }
    }
}
