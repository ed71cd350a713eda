//! Skipping what did not change gives what a full rebuild gives: a property, over random edits.
//!
//! `make reuse-edits EDITS=10000` makes that many edits instead of a few.

use crate::opened;
use engine_language::{id::NodeId, template::RunInfo};
use engine_run::{
    clock::SystemClock,
    event::Events,
    history::History,
    report::{Report, RunOutcome, Status},
    runner::Runner,
};
use proptest::{prelude::*, test_runner::TestRunner};
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
    /// Another program swaps the values of two columns by renaming them: the rows' digest stays what it was.
    Swap,
    /// Another program makes the source's table anew with another type of a column, and the same values.
    Retype(bool),
    /// Another program deletes rows of a table that a check compares with.
    Orphan(u8),
    /// The seed gets another line.
    Seed(u8),
    /// The seed's columns change their names, and its rows stay.
    Header(bool),
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
    /// The check of a model, which compares it with another table.
    Check(bool),
    /// The declared type of a source's column.
    Declared(bool),
    /// What is compared after copying.
    Verify(bool),
    /// Another program changes what the engine has built.
    Touched(u8),
    /// Another program drops a table that the engine has built.
    Dropped(u8),
    /// The next run is about another target.
    Target(bool),
    /// The next run makes a part of the project only.
    Part(u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => (0..4_u8, any::<u8>()).prop_map(|(id, n)| Edit::Row(id, n)),
        1 => (0..4_u8).prop_map(Edit::Gone),
        1 => Just(Edit::Swap),
        1 => any::<bool>().prop_map(Edit::Retype),
        1 => (0..3_u8).prop_map(Edit::Orphan),
        1 => (0..4_u8).prop_map(Edit::Seed),
        1 => any::<bool>().prop_map(Edit::Header),
        1 => (0..3_u8).prop_map(Edit::Model),
        1 => any::<u8>().prop_map(Edit::Comment),
        1 => (0..3_u8).prop_map(Edit::View),
        1 => (0..3_u8).prop_map(Edit::Var),
        1 => any::<bool>().prop_map(Edit::Key),
        1 => any::<bool>().prop_map(Edit::Check),
        1 => any::<bool>().prop_map(Edit::Declared),
        1 => any::<bool>().prop_map(Edit::Verify),
        1 => any::<u8>().prop_map(Edit::Touched),
        1 => (0..3_u8).prop_map(Edit::Dropped),
        1 => any::<bool>().prop_map(Edit::Target),
        1 => (0..4_u8).prop_map(Edit::Part),
    ]
}

/// What the files say.
#[expect(clippy::struct_excessive_bools, reason = "each is an edit of its own")]
#[derive(Clone, Debug, Default)]
struct Files {
    seed: u8,
    header: bool,
    model: u8,
    comment: u8,
    view: u8,
    var: u8,
    key: bool,
    check: bool,
    declared: bool,
    verify: bool,
    other_target: bool,
    part: u8,
}

const BUILT: [&str; 6] = ["sums", "named", "last", "replica_free", "all_words", "checked"];

impl Files {
    fn fixture(&self) -> String {
        let Self { seed, header, model, comment, view, var, key, check, declared, verify, other_target: _, part: _ } =
            self;
        let key = if *key { "key = [\"g\"], " } else { "" };
        let word = if *header { "name" } else { "word" };
        let kind = if *declared { "text" } else { "bigint" };
        let verify = if *verify { "count" } else { "target" };
        let check = if *check {
            "relationships(\"g\", to = \"words\", field = \"g\", severity = \"warn\")"
        } else {
            "relationships(\"g\", to = \"src.parents\", field = \"id\")"
        };
        format!(
            "//- project/sources.toml
default_sink = \"out\"
default_target = \"one\"
[vars]
floor = {var}
[connections.src]
type = \"sqlite\"
path = \"src.db\"
[connections.out.one]
type = \"sqlite\"
path = \"out.db\"
[connections.out.two]
type = \"sqlite\"
path = \"out2.db\"
[connections.copy]
type = \"sqlite\"
path = \"copy.db\"
[sources.src]
connection = \"src\"
[sources.src.tables.t]
columns = {{ id = \"bigint\", n = \"bigint\", m = \"bigint\" }}
[sources.src.tables.parents]
columns = {{ id = \"bigint\", note = \"{kind}\" }}
[sinks.out]
connection = \"out\"
[replications.r]
from = \"src\"
to = \"copy\"
tables = [\"t\", \"parents\"]
verify = \"{verify}\"
//- project/seeds/words.csv
g,{word}
0,zero
1,one{seed}
//- project/models/sums.sql
-- comment {comment}
{{{{ config({key}checks = [not_null(\"g\")]) }}}}
select id % 2 as g, sum(n - 3 * m) + {model} as total from {{{{ ref(\"r.t\") }}}} group by 1
//- project/models/seen.sql
{{{{ config(materialized = \"view\") }}}}
select g, total * {view} as total from {{{{ ref(\"sums\") }}}} where total >= {{{{ var(\"floor\") }}}}
//- project/models/named.sql
select w.{word} as word, s.total from {{{{ ref(\"seen\") }}}} s join {{{{ ref(\"words\") }}}} w on w.g = s.g
//- project/models/all_words.sql
select * from {{{{ ref(\"words\") }}}}
//- project/models/last.sql
select count(*) as n, max(total) as top from {{{{ ref(\"named\") }}}}
//- project/models/replica_free.sql
select id, n from {{{{ source(\"src\", \"t\") }}}} where n > {{{{ var(\"floor\") }}}}
//- project/models/checked.sql
{{{{ config(checks = [{check}]) }}}}
select id % 2 as g from {{{{ ref(\"r.t\") }}}} group by 1
"
        )
    }

    fn target(&self) -> &'static str {
        if self.other_target { "two" } else { "one" }
    }

    /// The nodes that a run makes.
    fn selects(&self, node: &NodeId) -> bool {
        match self.part {
            1 => matches!(node, NodeId::Copy { table, .. } if table.as_str() == "t"),
            2 => matches!(node, NodeId::Seed(_)),
            3 => matches!(node, NodeId::Model(_)),
            _ => true,
        }
    }
}

/// Runs what the files select in a folder. Without a history, everything is built anew.
async fn run(root: &Path, files: &Files, history: History) -> Report {
    let (project, history) = (Arc::new(opened::project_for(&files.fixture(), files.target())), Arc::new(history));
    std::fs::create_dir_all(root.join(".engine/tmp")).unwrap();
    let clock = Arc::new(SystemClock);
    let runner = Runner::open(project.clone(), history.clone(), clock, root).unwrap();
    let nodes: BTreeSet<_> = project.graph.nodes.keys().filter(|node| files.selects(node)).cloned().collect();
    let plan = runner.plan(&nodes).unwrap();
    let info = RunInfo { id: format!("{files:?}"), ..RunInfo::NONE };
    runner.run(&plan, info, &Events::to(vec![]), &CancellationToken::new()).await
}

/// How each node ended: what was reused did not fail.
fn endings(report: &Report) -> Vec<String> {
    let ending = |status: Status| if status == Status::Reused { Status::Succeeded } else { status };
    let mut all: Vec<String> =
        report.nodes.iter().map(|node| format!("{} {:?}", node.node, ending(node.status))).collect();
    all.sort();
    all
}

/// All columns and rows of all tables that are built, as text.
fn tables(root: &Path, files: &Files) -> Vec<String> {
    let out = Connection::open(root.join(if files.other_target { "out2.db" } else { "out.db" })).unwrap();
    let copy = Connection::open(root.join("copy.db")).unwrap();
    let mut all = vec![];
    let copies = [(&copy, "t"), (&copy, "parents"), (&out, "words")];
    for (connection, table) in BUILT.iter().map(|table| (&out, *table)).chain(copies) {
        if !connection.table_exists(None, table).unwrap() {
            all.push(format!("{table}: none"));
            continue;
        }
        let mut shape = connection.prepare("select name, type, \"notnull\", pk from pragma_table_info(?1)").unwrap();
        let column = |row: &rusqlite::Row<'_>| {
            let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(format!("{name} {kind} {:?} {:?}", row.get::<_, bool>(2)?, row.get::<_, u8>(3)?))
        };
        let columns: Vec<String> = shape.query_map([table], column).unwrap().map(Result::unwrap).collect();
        let mut statement = connection.prepare(&format!("select * from \"{table}\"")).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            (0..columns.len()).map(|i| Ok(format!("{:?}", row.get::<_, rusqlite::types::Value>(i)?))).collect()
        };
        let mut rows: Vec<Vec<String>> = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
        rows.sort();
        all.push(format!("{table}: {columns:?} {rows:?}"));
    }
    all
}

fn apply(root: &Path, files: &mut Files, edit: &Edit) {
    let source = || Connection::open(root.join("src.db")).unwrap();
    let out =
        |files: &Files| Connection::open(root.join(if files.other_target { "out2.db" } else { "out.db" })).unwrap();
    match edit {
        Edit::Row(id, n) => {
            source().execute("insert or replace into t (id, n, m) values (?1, ?2, 7)", [id, n]).unwrap();
        }
        Edit::Gone(id) => {
            source().execute("delete from t where id = ?1", [id]).unwrap();
        }
        Edit::Swap => source()
            .execute_batch(
                "alter table t rename column n to x; alter table t rename column m to n; alter table t rename column x to m",
            )
            .unwrap(),
        Edit::Retype(text) => {
            let kind = if *text { "text" } else { "varchar(9)" };
            let sql = format!(
                "create table p (id bigint primary key, note {kind}); insert into p select * from parents;
                drop table parents; alter table p rename to parents"
            );
            source().execute_batch(&sql).unwrap();
        }
        Edit::Orphan(id) => {
            source().execute("delete from parents where id = ?1", [id]).unwrap();
        }
        Edit::Seed(n) => files.seed = *n,
        Edit::Header(other) => files.header = *other,
        Edit::Model(n) => files.model = *n,
        Edit::Comment(n) => files.comment = *n,
        Edit::View(n) => files.view = *n,
        Edit::Var(n) => files.var = *n,
        Edit::Key(there) => files.key = *there,
        Edit::Check(other) => files.check = *other,
        Edit::Declared(text) => files.declared = *text,
        Edit::Verify(count) => files.verify = *count,
        // An edit before this one may have dropped it.
        Edit::Touched(n) => {
            if out(files).table_exists(None, "sums").unwrap() {
                out(files).execute("update sums set total = total + ?1", [n]).unwrap();
            }
        }
        Edit::Dropped(n) => {
            out(files).execute_batch(&format!("drop table if exists {}", BUILT[usize::from(*n)])).unwrap();
        }
        Edit::Target(other) => files.other_target = *other,
        Edit::Part(part) => files.part = *part,
    }
}

fn database(path: &Path) {
    let source = Connection::open(path).unwrap();
    source
        .execute_batch(
            "create table t (id bigint primary key, n bigint, m bigint); insert into t values (0, 1, 7), (1, 2, 7);
            create table parents (id bigint primary key, note text); insert into parents values (0, '1'), (1, '2'), (2, '3')",
        )
        .unwrap();
}

/// Edits and runs, and compares with a rebuild after each run of everything.
async fn check(rounds: &[Vec<Edit>]) -> Result<(), TestCaseError> {
    let kept = tempfile::tempdir().unwrap();
    database(&kept.path().join("src.db"));
    let mut files = Files { view: 1, ..Files::default() };
    run(kept.path(), &files, History::open(kept.path()).unwrap()).await;
    for edits in rounds {
        files.part = 0;
        for edit in edits {
            apply(kept.path(), &mut files, edit);
        }
        if files.part > 0 {
            run(kept.path(), &files, History::open(kept.path()).unwrap()).await;
            files.part = 0;
        }
        let report = run(kept.path(), &files, History::open(kept.path()).unwrap()).await;
        let fresh = tempfile::tempdir().unwrap();
        let path = fresh.path().join("src.db");
        let source = Connection::open(kept.path().join("src.db")).unwrap();
        source.execute("vacuum into ?1", [path.to_str().unwrap()]).unwrap();
        let anew = run(fresh.path(), &files, History::in_memory().unwrap()).await;
        prop_assert_eq!(endings(&report), endings(&anew), "{:?}", &files);
        if anew.outcome == RunOutcome::Succeeded {
            prop_assert_eq!(tables(kept.path(), &files), tables(fresh.path(), &files), "{:?}", &files);
        }
    }
    Ok(())
}

#[test]
fn skipping_gives_what_a_full_rebuild_gives() {
    let edits: u32 = std::env::var("EDITS").ok().map_or(100, |text| text.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let config = ProptestConfig { cases: edits.div_ceil(6), max_shrink_iters: 60, ..ProptestConfig::default() };
    // Some six edits a case.
    let rounds = prop::collection::vec(prop::collection::vec(edit(), 0..4), 2..6);
    let outcome = TestRunner::new(config).run(&rounds, |rounds| runtime.block_on(check(&rounds)));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
