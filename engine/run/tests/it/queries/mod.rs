//! Queries on PostgreSQL and here, over the same tables: the same rows, or an error that is expected.

mod cells;
mod deep;
mod fixture;
mod fuzz;
mod partition;
mod random;
mod tpch;

use cells::{Row, differ};
use engine_run::sql::session::Session;
use sqlx::{Connection as _, PgConnection, Row as _};
use std::{fmt::Write as _, path::Path};

/// What a query gave.
type Outcome = Result<Vec<Row>, String>;

/// Both systems over the same tables.
pub struct Both {
    postgres: PgConnection,
    session: Session,
}

impl Both {
    /// The tables of a script, in a schema of their own.
    async fn over(tables: &[fixture::Table], schema: &str) -> Self {
        let url = std::env::var("ENGINE_TEST_POSTGRES_URL").expect("ENGINE_TEST_POSTGRES_URL is not set");
        let mut postgres = PgConnection::connect(&url).await.unwrap();
        let script = fixture::script(tables, schema);
        sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&mut postgres).await.unwrap();
        let session = fixture::session(tables);
        Self { postgres, session }
    }

    /// What PostgreSQL says, one JSON array a row.
    async fn theirs(&mut self, sql: &str, width: usize) -> Outcome {
        let names: Vec<String> = (0..width).map(|at| format!("c{at}")).collect();
        let names = names.join(", ");
        let sql = format!("select json_build_array({names})::text from (\n{sql}\n) as t({names})");
        let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).fetch_all(&mut self.postgres).await;
        let rows = rows.map_err(|error| error.to_string())?;
        Ok(rows.iter().map(|row| cells::parsed(row.get::<&str, _>(0))).collect())
    }

    /// What PostgreSQL says of the query alone: whether it is one.
    async fn refused(&mut self, sql: &str) -> Option<String> {
        let answer = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.postgres).await;
        answer.err().map(|error| error.to_string())
    }

    async fn ours(&self, sql: &str) -> Result<(Vec<String>, Vec<Row>), String> {
        let frame = self.session.query(sql).await.map_err(|error| error.strip_backtrace())?;
        let names = frame.schema().fields().iter().map(|field| field.name().clone()).collect();
        let batches = frame.collect().await.map_err(|error| error.strip_backtrace())?;
        Ok((names, batches.iter().flat_map(cells::rows).collect()))
    }

    /// How the two differ, if they do.
    pub async fn compare(&mut self, sql: &str, there: &str, ordered: bool) -> Verdict {
        let (_, ours) = match self.ours(sql).await {
            Ok(ours) => ours,
            Err(why) => {
                return match self.refused(there).await {
                    Some(_) => Verdict::BothRefuse,
                    None => Verdict::Refused(why),
                };
            }
        };
        let width = match ours.first() {
            Some(row) => row.len(),
            None => 0,
        };
        if width == 0 {
            let count = format!("select count(*) from (\n{there}\n) as t");
            return match sqlx::raw_sql(sqlx::AssertSqlSafe(count)).fetch_one(&mut self.postgres).await {
                Ok(row) if row.get::<i64, _>(0) == 0 => Verdict::Same,
                Ok(row) => Verdict::Differs(format!("no rows here, {} there", row.get::<i64, _>(0))),
                Err(error) => Verdict::Differs(format!("no rows here, there: {error}")),
            };
        }
        match self.theirs(there, width).await {
            Ok(theirs) => match differ(ours, theirs, ordered) {
                None => Verdict::Same,
                Some(difference) => Verdict::Differs(difference),
            },
            Err(error) => Verdict::Differs(format!("rows here, there: {error}")),
        }
    }
}

/// What comes of a query on both.
#[derive(Debug)]
pub enum Verdict {
    /// The same rows.
    Same,
    /// Other rows.
    Differs(String),
    /// An error here only.
    Refused(String),
    /// An error on both.
    BothRefuse,
}

impl Verdict {
    /// What is said of it.
    fn words(&self) -> String {
        match self {
            Self::Same => "the same rows".to_owned(),
            Self::Differs(why) => format!("differs: {why}"),
            Self::Refused(why) => format!("refused here: {why}"),
            Self::BothRefuse => "refused on both".to_owned(),
        }
    }
}

/// A query of a file, with what is said of it there.
struct Case {
    sql: String,
    /// How PostgreSQL is asked, where it has another name for it.
    there: String,
    refused: bool,
}

/// The queries of a file: each ends with a semicolon at the end of a line; `-- refused` says that it is an error here, and
/// `-- there: …` how PostgreSQL is asked.
fn cases(text: &str) -> Vec<Case> {
    let mut cases = vec![];
    for part in text.split(";\n") {
        let refused = part.lines().any(|line| line.trim() == "-- refused");
        let there = part.lines().find_map(|line| line.trim().strip_prefix("-- there: "));
        let sql: Vec<&str> = part.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let sql = sql.join("\n").trim().trim_end_matches(';').to_owned();
        if !sql.is_empty() {
            let there = there.map_or_else(|| sql.clone(), str::to_owned);
            cases.push(Case { sql, there, refused });
        }
    }
    cases
}

fn is_ordered(sql: &str) -> bool {
    let lower = sql.to_lowercase();
    let Some(at) = lower.rfind("order by") else { return false };
    // An order inside parentheses is somebody else's.
    let rest = &lower[at..];
    rest.matches(')').count() <= rest.matches('(').count()
}

async fn run(folder: &str, tables: &[fixture::Table], schema: &str) {
    let mut both = Both::over(tables, schema).await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/queries").join(folder);
    let only = std::env::var("ENGINE_SQL_FILE").ok();
    let mut files: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut told, mut same, mut refused) = (String::new(), 0, 0);
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        for case in cases(&std::fs::read_to_string(&file).unwrap()) {
            match (both.compare(&case.sql, &case.there, is_ordered(&case.sql)).await, case.refused) {
                (Verdict::Same, false) => same += 1,
                (Verdict::Refused(_) | Verdict::BothRefuse, true) => refused += 1,
                (verdict, _) => writeln!(told, "{name}: {}\n    {}\n", case.sql, verdict.words()).unwrap(),
            }
        }
    }
    assert!(told.is_empty(), "{same} same, {refused} refused as expected, and:\n{told}");
    // So that a file that is not read would be seen.
    assert!(same > 0);
    #[expect(clippy::print_stdout, reason = "counts for whoever asks")]
    {
        println!("{same} queries with the same rows, {refused} refused as expected");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_give_the_rows_that_postgresql_gives() {
    run("shop", &fixture::shop(), "engine_queries").await;
}
