//! `engine test`: unit tests, checks, singular tests and snapshots.

use engine_language::{
    load::{LoadOptions, load},
    project::Project,
    template::RunInfo,
    world::MemoryWorld,
};
use engine_run::test::{
    Detail, TestOptions, TestReport, TestStatus,
    difference::Change,
    output,
    snapshot::{self, Update},
    test,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
    sync::Arc,
};
use tempfile::TempDir;

const SOURCES: &str = r#"
//- project/sources.toml
default_sink = "marts"
[connections.db]
type = "sqlite"
path = "db.sqlite"
[connections.events]
type = "log"
path = "events"
[sources.events]
connection = "events"
[sources.events.tables.signups]
format = "json"
columns = { email = "text", age = "int" }
bad_rows = "dead_letter"
[sources.far]
connection = "db"
[sinks.marts]
connection = "db"
"#;

const SHOP: &str = r#"
//- project/seeds/orders.csv
id,customer,amount
1,Ann,10.5
2,Bob,4.25
3,Ann,1.25
//- project/models/totals.sql
{{ config(key = ["customer"], checks = [not_null("customer"), expression("total > 2", severity = "warn")]) }}
select customer, sum(amount) as total, count(*) as orders from {{ ref("orders") }} group by customer
//- project/models/growing.sql
{{ config(materialized = "incremental", key = ["id"], cursor = "id") }}
select id, amount from {{ ref("orders") }}
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
//- project/models/names.sql
{{ config(materialized = "view") }}
select distinct customer, '{{ var("greeting", "hi") }}' as greeting from {{ ref("orders") }}
//- project/models/members.sql
{{ config(materialized = "stream", key = ["email"]) }}
select lower(email) as email, age from {{ source("events", "signups") }}
//- project/models/distant.sql
select * from {{ source("far", "things") }}
//- project/tests/no_negative.sql
select * from {{ ref("totals") }} where total < 0
"#;

fn load_from(fixture: &str) -> Project {
    let options =
        LoadOptions { target: None, vars: BTreeMap::default(), run: RunInfo::NONE, discovered: BTreeMap::default() };
    let (project, problems) = load(&MemoryWorld::fixture(&format!("{SOURCES}{fixture}")), &options);
    let found: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert!(found.is_empty(), "{found:?}");
    project
}

async fn run_in(root: &Path, fixture: &str, update: Update) -> (TestReport, Arc<Project>) {
    let project = Arc::new(load_from(fixture));
    let all: BTreeSet<_> = project.graph.nodes.keys().cloned().collect();
    let report = test(project.clone(), root, &all, TestOptions { update }).await.unwrap();
    (report, project)
}

/// Runs all tests of a fixture and compares a line for each.
async fn check_tests(fixture: &str, expected: &str) {
    let root = TempDir::new().unwrap();
    let (report, project) = run_in(root.path(), fixture, Update::No).await;
    let mut found = String::new();
    for result in report.results {
        writeln!(found, "{} {} {}", result.status.word(), result.kind.word(), result.name).unwrap();
        match result.detail {
            None => {}
            Some(Detail::Note(note)) => writeln!(found, "  {note}").unwrap(),
            Some(Detail::Problem(problem)) => {
                let what = problem.span.map(|span| project.files.slice(span)).unwrap_or_default();
                writeln!(found, "  {} `{what}` {}", problem.code.id, problem.message).unwrap();
            }
            Some(Detail::Difference(difference)) => {
                writeln!(found, "  {}", difference.columns.join(" | ")).unwrap();
                for change in difference.changes {
                    match change {
                        Change::Added(row) => writeln!(found, "  + {}", row.join(" | ")).unwrap(),
                        Change::Removed(row) => writeln!(found, "  - {}", row.join(" | ")).unwrap(),
                        Change::Changed { was, now } => {
                            writeln!(found, "  {} -> {}", was.join(" | "), now.join(" | ")).unwrap();
                        }
                    }
                }
            }
        }
    }
    assert!(found.trim() == expected.trim(), "found:\n{found}\nexpected:\n{expected}");
}

/// Runs unit tests over [`SHOP`] and compares a line for each.
async fn check_unit(tests: &str, expected: &str) {
    let fixture = format!("{SHOP}//- project/tests/unit.toml\n{tests}");
    let root = TempDir::new().unwrap();
    let (mut report, project) = run_in(root.path(), &fixture, Update::No).await;
    report.results.retain(|result| result.kind.word() == "unit test");
    let mut found = String::new();
    for result in &report.results {
        writeln!(found, "{} {}: {}", result.status.word(), result.name, output::said(result)).unwrap();
        if let Some(Detail::Problem(problem)) = &result.detail {
            let what = problem.span.map(|span| project.files.slice(span)).unwrap_or_default();
            writeln!(found, "  `{what}` {}", problem.hints.join(" · ")).unwrap();
        }
        if let Some(Detail::Difference(difference)) = &result.detail {
            writeln!(found, "  {:?}", difference.changes).unwrap();
        }
    }
    assert!(found.trim() == expected.trim(), "found:\n{found}\nexpected:\n{expected}");
}

#[tokio::test]
async fn seeds_checks_singular_tests_and_snapshots_without_a_database() {
    check_tests(
        SHOP,
        "
passed check totals expression(total > 2)
passed check totals not_null(customer)
passed test no_negative
skipped snapshot distant
  no generator fills `far.things`
failed snapshot growing
  nothing is recorded yet of its 3 rows
failed snapshot totals
  nothing is recorded yet of its 2 rows
",
    )
    .await;
}

#[tokio::test]
async fn given_rows_expected_rows() {
    check_unit(
        r#"
[sums]
model = "totals"
given.orders = [{ customer = "Ann", amount = 1.5 }, { customer = "Ann", amount = 2 }, { amount = 1 }]
expect = [{ customer = "Ann", total = 3.5, orders = 2 }, { total = 1.0, orders = 1 }]
[wrong]
model = "totals"
given.orders = [{ customer = "Ann", amount = 1.5 }]
expect = [{ customer = "Ann", orders = 2 }]
[nothing]
model = "totals"
expect = []
"#,
        r#"
passed totals.nothing: 
passed totals.sums: 
failed totals.wrong: 1 of 1 rows differ
  [Changed { was: ["Ann", "2"], now: ["Ann", "1"] }]
"#,
    )
    .await;
}

#[tokio::test]
async fn views_take_vars_and_rows_too() {
    check_unit(
        r#"
[greets]
model = "names"
vars = { greeting = "hello" }
given.orders = [{ customer = "Ann" }, { customer = "Ann" }]
expect = [{ customer = "Ann", greeting = "hello" }]
"#,
        "passed names.greets: ",
    )
    .await;
}

#[tokio::test]
async fn incremental_models_and_streams_go_step_by_step() {
    check_unit(
        r#"
[grows]
model = "growing"
[[grows.steps]]
given.orders = [{ id = 1, amount = 1 }]
expect = [{ id = 1, amount = 1.0 }]
[[grows.steps]]
given.orders = [{ id = 1, amount = 9 }, { id = 2, amount = 2 }]
expect = [{ id = 1, amount = 1.0 }, { id = 2, amount = 2.0 }]

[follows]
model = "members"
[[follows.steps]]
given.events.signups = [{ email = "A@x.org", age = 1 }, { email = "b@x.org" }]
expect = [{ email = "a@x.org", age = 1 }, { email = "b@x.org" }]
[[follows.steps]]
given.events.signups = [{ email = "a@X.org", age = 2 }]
expect = [{ email = "a@x.org", age = 2 }, { email = "b@x.org" }]
"#,
        "passed growing.grows: \npassed members.follows: ",
    )
    .await;
}

#[tokio::test]
async fn mistakes_in_unit_tests_have_a_place() {
    check_unit(
        r#"
[a_column]
model = "totals"
given.orders = [{ custmer = "Ann" }]
expect = []
[an_expected_column]
model = "totals"
given.orders = [{ customer = "Ann", amount = 1 }]
expect = [{ totl = 1 }]
[a_value]
model = "totals"
given.orders = [{ id = 1.5 }]
expect = []
[no_error]
model = "totals"
expect_error = "zero"
[unknown]
model = "distant"
given.far.things = [{ a = 1 }]
expect = []
"#,
        "
failed distant.unknown: E0603 the columns of `far.things` are not known, so no rows of it can be given
  `[{ a = 1 }]` `engine check --online` asks its system and writes project/schema.lock
failed totals.a_column: E0601 `orders` has no column `custmer`
  `\"Ann\"` a column with a similar name exists: `customer`
failed totals.a_value: E0600 a number does not fit the column `id`, which is bigint
  `1.5` leave the column out for NULL; write decimals and times as text
failed totals.an_expected_column: E0601 `totals` has no column `totl`
  `1` a column with a similar name exists: `total`
failed totals.no_error: E0602 no error came, though one was expected
  `\"zero\"` say which rows come instead: `expect = [{ … }]`
",
    )
    .await;
}

#[tokio::test]
async fn a_snapshot_is_recorded_kept_and_found_to_differ() {
    let root = TempDir::new().unwrap();
    let status = |report: &TestReport| {
        let of = |result: &&engine_run::test::TestResult| result.name == "totals" && result.kind.word() == "snapshot";
        report.results.iter().find(of).unwrap().status
    };
    let (report, _) = run_in(root.path(), SHOP, Update::Always).await;
    assert_eq!(status(&report), TestStatus::Recorded);
    let path = snapshot::path(root.path(), "totals");
    let recorded = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        recorded,
        "---\nsource: \"project/models/totals.sql\"\nexpression: \"totals\"\n---\n\
         customer:text | total:decimal(28,2) | orders:bigint\nAnn | 11.75 | 2\nBob | 4.25 | 1\n"
    );
    let (report, _) = run_in(root.path(), SHOP, Update::New).await;
    assert_eq!(status(&report), TestStatus::Passed);

    let changed = SHOP.replace("2,Bob,4.25", "2,Bob,5.25");
    let (report, project) = run_in(root.path(), &changed, Update::No).await;
    assert_eq!(status(&report), TestStatus::Failed);
    assert!(!path.with_extension("snap.new").exists(), "nothing is written under CI");
    let xml = output::junit(&report, &project.files).unwrap();
    assert!(xml.contains("- Bob | 4.25 | 1\n+ Bob | 5.25 | 1"), "{xml}");
    let json = output::json(&report, &project.files);
    let snapshot = json["results"].as_array().unwrap().iter().find(|result| result["status"] == "failed");
    assert_eq!(snapshot.unwrap()["kind"], "snapshot");

    let (_, _) = run_in(root.path(), &changed, Update::New).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), recorded);
    snapshot::accept(root.path(), "totals").unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains("Bob | 5.25 | 1"));

    std::fs::write(root.path().join("snapshots/gone.snap"), "").unwrap();
    let (report, _) = run_in(root.path(), &changed, Update::No).await;
    assert_eq!(status(&report), TestStatus::Passed);
    assert_eq!(report.unreferenced, [Path::new("snapshots/gone.snap")]);
}

#[tokio::test]
async fn a_snapshot_that_is_none_is_said() {
    let root = TempDir::new().unwrap();
    run_in(root.path(), SHOP, Update::Always).await;
    std::fs::write(snapshot::path(root.path(), "totals"), [0xff, 0xfe]).unwrap();
    let (report, _) = run_in(root.path(), SHOP, Update::No).await;
    let broken = report.results.iter().find(|result| result.name == "totals" && result.kind.word() == "snapshot");
    assert!(output::said(broken.unwrap()).starts_with("E0604 the snapshot of `totals` cannot be read"));
}
