//! The same SQL on PostgreSQL and here: equal values, an error on both sides, or a difference that is on a list.

mod expressions;
mod moments;
pub mod postgres;
pub mod values;

use engine_run::sql::session::{Session, Sessions};
use postgres::Postgres;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};
use values::{Outcome, same};

/// Expressions in one query, as long as none of them fails.
const BATCH: usize = 64;

/// Expressions of a suite that are compared, unless `ENGINE_SQL_ALL` is set: spread over all of them.
const SAMPLE: usize = 450;

/// A difference that is known, with its reason.
pub struct Stated {
    /// Whether it is this one, by the SQL, PostgreSQL's outcome and ours.
    pub applies: fn(&str, &Outcome, &Outcome) -> bool,
    /// Why it is so.
    pub reason: &'static str,
}

/// Both sides.
pub struct Differential {
    postgres: Postgres,
    session: Session,
}

/// How many expressions came out how.
#[derive(Debug, Default)]
pub struct Counts {
    pub equal: usize,
    pub errors: usize,
    pub stated: BTreeMap<&'static str, usize>,
    pub wrong: Vec<String>,
}

impl Differential {
    pub async fn open() -> Self {
        let session = Sessions::that_plan().unwrap().single().open();
        Self { postgres: Postgres::connect().await, session }
    }

    /// What our side gives for expressions over the rows of `from`, which may be empty. Those that should fail are asked
    /// one by one, because one of them would fail the whole batch.
    async fn ours(&self, expressions: &[&str], expected: &[Outcome], from: &str) -> Vec<Outcome> {
        let fails = |at: &usize| matches!(expected[*at], Outcome::Error(_));
        let (alone, together): (Vec<usize>, Vec<usize>) = (0..expressions.len()).partition(fails);
        let mut outcomes = BTreeMap::new();
        let mut waiting: Vec<&[usize]> = together.chunks(BATCH).chain(alone.chunks(1)).collect();
        while let Some(some) = waiting.pop() {
            let sql: Vec<&str> = some.iter().map(|at| expressions[*at]).collect();
            match self.row(&sql, from).await {
                Ok(row) => outcomes.extend(some.iter().copied().zip(row)),
                Err(error) if some.len() == 1 => {
                    outcomes.insert(some[0], Outcome::Error(error));
                }
                Err(_) => waiting.extend(<[_; 2]>::from(some.split_at(some.len() / 2))),
            }
        }
        outcomes.into_values().collect()
    }

    async fn row(&self, expressions: &[&str], from: &str) -> Result<Vec<Outcome>, String> {
        let mut sql = String::from("select ");
        for (at, expression) in expressions.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(sql, "{comma}{expression} as c{at}").unwrap();
        }
        let frame = self.session.query(&format!("{sql} {from}")).await.map_err(|error| error.strip_backtrace())?;
        let batches = frame.collect().await.map_err(|error| error.strip_backtrace())?;
        let batch = batches.iter().find(|batch| batch.num_rows() > 0).ok_or("no row")?;
        if expressions.is_empty() {
            return Ok(vec![]);
        }
        Ok(batch.columns().iter().map(|column| Outcome::of(column, 0)).collect())
    }

    /// Compares expressions; `from` gives our side columns that PostgreSQL's side has as literals.
    pub async fn compare(&mut self, pairs: &[(String, String)], from: &str, stated: &[Stated], counts: &mut Counts) {
        let pairs = sampled(pairs);
        let theirs: Vec<&str> = pairs.iter().map(|(theirs, _)| theirs.as_str()).collect();
        let ours: Vec<&str> = pairs.iter().map(|(_, ours)| ours.as_str()).collect();
        let expected = self.postgres.expressions(&theirs).await;
        let found = self.ours(&ours, &expected, from).await;
        for ((sql, expected), found) in theirs.iter().zip(&expected).zip(&found) {
            counts.count(sql, expected, found, stated);
        }
    }

    /// Compares whole queries, whose rows are taken in any order unless `ordered`.
    #[expect(dead_code, reason = "for suites of queries")]
    pub async fn query(&mut self, sql: &str, ordered: bool) -> Result<(), String> {
        let mut expected = self.postgres.rows(sql).await;
        let mut found = values::rows(&self.session, sql).await;
        if let (false, Ok(expected), Ok(found)) = (ordered, &mut expected, &mut found) {
            expected.sort();
            found.sort();
        }
        match (&expected, &found) {
            (Err(_), Err(_)) => Ok(()),
            (Ok(expected), Ok(found)) if values::same_rows(expected, found) => Ok(()),
            _ => Err(format!("{sql}\n  PostgreSQL: {expected:?}\n  here:       {found:?}")),
        }
    }
}

/// Some of all, by a step that shares no factor with the lists of values, so that each value and each operator comes up.
fn sampled<T>(all: &[T]) -> Vec<&T> {
    const STEP: usize = 7919;
    if all.len() <= SAMPLE || std::env::var_os("ENGINE_SQL_ALL").is_some() {
        return all.iter().collect();
    }
    let places: BTreeSet<usize> = (0..SAMPLE).map(|at| at * STEP % all.len()).collect();
    places.into_iter().map(|at| &all[at]).collect()
}

impl Counts {
    fn count(&mut self, sql: &str, expected: &Outcome, found: &Outcome, stated: &[Stated]) {
        match (expected, found) {
            (Outcome::Error(_), Outcome::Error(_)) => self.errors += 1,
            (expected, found) if same(expected, found) => self.equal += 1,
            _ => match stated.iter().find(|stated| (stated.applies)(sql, expected, found)) {
                Some(known) => *self.stated.entry(known.reason).or_default() += 1,
                None => self.wrong.push(format!("{sql}\n  PostgreSQL: {expected:?}\n  here:       {found:?}")),
            },
        }
    }

    /// Fails if anything differs that is on no list.
    pub fn finish(self, name: &str, at_least: usize) {
        let stated: usize = self.stated.values().sum();
        let all = self.equal + self.errors + stated + self.wrong.len();
        let mut summary =
            format!("{name}: {all} expressions, {} equal, {} errors on both sides", self.equal, self.errors);
        for (reason, count) in &self.stated {
            write!(summary, "\n  {count} stated: {reason}").unwrap();
        }
        std::fs::write(
            std::env::temp_dir().join(format!("differential-{name}.txt")),
            format!("{summary}\n{} wrong\n{}", self.wrong.len(), self.wrong.join("\n")),
        )
        .unwrap();
        assert!(
            self.wrong.is_empty(),
            "{summary}\n{} differ:\n{}",
            self.wrong.len(),
            self.wrong[..self.wrong.len().min(60)].join("\n")
        );
        assert!(all >= at_least.min(SAMPLE), "{summary}");
    }
}
