//! `engine serve` over records that fail or that another clock wrote, and retries of its runs.

use crate::{
    builder::Test,
    serve::{TICKS, jobs, state, ticking},
    served::{Served, until},
};

#[test]
fn records_that_cannot_be_written_stop_nothing() {
    let test = ticking("[t]\nevery = \"1s\"\n");
    test.run(&["run"]).code(0);
    let db = state(&test);
    let refuse =
        |what: &str| format!("create trigger refused before update on {what} begin select raise(abort, 'no'); end");
    db.execute_batch(&refuse("schedules")).unwrap();
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    until("it says that schedules stand still", || (admin.get("/readyz").status == 503).then_some(()));
    assert_eq!(jobs(&test, "succeeded"), 0);
    db.execute_batch("drop trigger refused").unwrap();
    until("the schedule goes on", || (jobs(&test, "succeeded") >= 1).then_some(()));
    until("it says so", || (admin.get("/readyz").status == 200).then_some(()));
    db.execute_batch(&refuse("jobs when new.state not in ('waiting', 'running')")).unwrap();
    until("it says that an end is not recorded", || (admin.get("/readyz").status == 503).then_some(()));
    let before = jobs(&test, "succeeded");
    db.execute_batch("drop trigger refused").unwrap();
    until("the schedule goes on", || (jobs(&test, "succeeded") >= before + 2).then_some(()));
    let once = "select count(*) from (select job from runs where job is not null group by job having count(*) > 1)";
    assert_eq!(db.query_row(once, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "no job ran twice");
}

#[test]
fn a_clock_that_was_ahead_silences_nothing() {
    let test = ticking("[t]\nevery = \"1s\"\n");
    let served = Served::start(&test, &[]);
    until("it runs", || (jobs(&test, "succeeded") >= 1).then_some(()));
    served.kill();
    let year = 366_i64 * 86_400 * 1_000_000;
    state(&test)
        .execute("update schedules set settled_us = settled_us + ?1, ready_us = ready_us + ?1", [year])
        .unwrap();
    let before = jobs(&test, "succeeded");
    let _served = Served::start(&test, &[]);
    until("it goes on", || (jobs(&test, "succeeded") >= before + 2).then_some(()));
}

/// A schedule whose runs fail, and one that comes after it; the interval of the run that failed, that run, and
/// the password of the first admin.
fn failed_interval() -> (Test, (i64, i64), [String; 2]) {
    let schedule = "[t]\nevery = \"1d\"\nselect = [\"ticks\"]\n[u]\nafter = \"t\"\nselect = [\"ticks\"]\n";
    let test = ticking(schedule);
    test.write("project/models/ticks.sql", "select 1 / (column1 - 1) as run from (values (1)) as v");
    let mut served = Served::start(&test, &[]);
    served.hears("Failed t");
    until("its end is recorded", || (jobs(&test, "failed") == 1).then_some(()));
    let password = served.password.clone();
    served.kill();
    test.write("project/models/ticks.sql", TICKS);
    let sql = "select from_us, at_us, run from jobs where state = 'failed'";
    let row = |row: &rusqlite::Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
    let (interval, run) = state(&test).query_row(sql, [], row).unwrap();
    (test, interval, [run, password])
}

/// Waits for the retry and for what comes after it; both stand for the interval.
fn retried_with_its_interval(test: &Test, interval: (i64, i64)) {
    until("what comes after has run", || (jobs(test, "succeeded") == 2).then_some(()));
    let db = state(test);
    let sql = "select schedule, from_us, at_us from jobs where state = 'succeeded' order by schedule";
    let mut statement = db.prepare(sql).unwrap();
    let jobs = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
    let jobs: Vec<(String, (i64, i64))> = jobs.map(Result::unwrap).collect();
    assert_eq!(jobs, [("t".to_owned(), interval), ("u".to_owned(), interval)]);
    let rows = test.run(&["show", "ticks", "--output", "csv"]).code(0).stdout;
    let intervals: Vec<&str> = rows.lines().skip(1).map(|row| row.split_once(',').unwrap().1).collect();
    assert_eq!(intervals.len(), 2, "{rows}");
    assert!(intervals[0] == intervals[1] && intervals[0].contains(" 00:00:00"), "{rows}");
}

#[test]
fn a_retry_is_of_the_same_interval_and_schedule() {
    let (test, interval, [run, password]) = failed_interval();
    let served = Served::start(&test, &[]);
    assert_eq!(served.signed_in("admin", &password).send(&format!("/runs/{run}/retry"), &[]).status, 303);
    retried_with_its_interval(&test, interval);
}

#[test]
fn a_retry_in_a_terminal_is_of_the_same_interval_and_schedule() {
    let (test, interval, _) = failed_interval();
    test.run(&["retry"]).code(0).says("Retrying 1 node");
    assert_eq!(jobs(&test, "waiting"), 1, "what comes after it waits for the service");
    let _served = Served::start(&test, &[]);
    retried_with_its_interval(&test, interval);
}
