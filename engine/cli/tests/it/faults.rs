//! Being stopped, killed, or not alone: readers see the old table or the new one.

use crate::builder::{Done, Test};
use rusqlite::{Connection, OpenFlags};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const DIGITS: &str = "d as (select column1 as x from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)))";

/// A model of a thousand rows, all of which hold the variable `v`.
fn thousand() -> Test {
    let sql = format!(
        "with {DIGITS}\nselect a.x * 100 + b.x * 10 + c.x as i, {{{{ var(\"v\") }}}} as v\n\
         from d as a cross join d as b cross join d as c"
    );
    Test::small().file("project/models/m.sql", &sql)
}

/// A model that takes long, and makes one row.
fn long(zeros: usize) -> Test {
    let tables: Vec<String> = (0..zeros).map(|i| format!("d as t{i}")).collect();
    let sum: Vec<String> = (0..zeros).map(|i| format!("t{i}.x")).collect();
    let sql = format!("with {DIGITS}\nselect sum({}) as n from {}", sum.join(" + "), tables.join(" cross join "));
    Test::small().file("project/models/m.sql", &sql)
}

/// The one `v` of all thousand rows.
fn seen(database: &PathBuf) -> i64 {
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    db.busy_timeout(Duration::from_secs(5)).unwrap();
    let sql = "select count(*), min(v), max(v) from m";
    let row: (i64, i64, i64) = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!((row.0, row.1), (1000, row.2), "rows of one state");
    row.1
}

fn tables(database: &PathBuf) -> Vec<String> {
    let db = Connection::open(database).unwrap();
    let mut statement = db.prepare("select name from sqlite_master where type = 'table' order by name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Reads all the time until told to stop; answers what it saw, repetitions aside.
fn reader(database: PathBuf) -> (Arc<AtomicBool>, thread::JoinHandle<Vec<i64>>) {
    let stop = Arc::new(AtomicBool::new(false));
    let told = stop.clone();
    let reading = thread::spawn(move || {
        let mut all = vec![];
        while !told.load(Ordering::Relaxed) {
            all.push(seen(&database));
            all.dedup();
        }
        all
    });
    (stop, reading)
}

#[test]
fn a_crash_at_any_point_of_publishing_leaves_the_old_or_the_new() {
    let test = thousand();
    test.run(&["run", "--var", "v=0"]).code(0);
    let database = test.path(".engine/out.db");
    let clean = tables(&database);
    for (v, point) in (1..).zip(["sqlite::staged", "sqlite::publishing", "sqlite::published"]) {
        let before = seen(&database);
        let (stop, reading) = reader(database.clone());
        let variable = format!("v={v}");
        let crashed = test.command(&["run", "--var", &variable]).env("ENGINE_CRASH_AT", point).output().unwrap();
        let crashed = Done::of(crashed);
        assert_eq!(crashed.code, None, "{point} kills: {}", crashed.stderr);
        let after = seen(&database);
        assert!(after == before || after == v, "{point}: {before} -> {after}");
        test.run(&["run", "--var", &variable]).code(0);
        stop.store(true, Ordering::Relaxed);
        let saw = reading.join().expect("the reader never sees anything between");
        assert!(saw.iter().all(|saw| [before, v].contains(saw)), "{point}: {saw:?}");
        assert_eq!(seen(&database), v, "{point}: the next run goes on");
        assert_eq!(tables(&database), clean, "{point}: nothing is left behind");
    }
}

#[test]
fn kill_9_at_any_time_leaves_the_old_or_the_new() {
    let test = thousand();
    test.run(&["run", "--var", "v=0"]).code(0);
    let database = test.path(".engine/out.db");
    let clean = tables(&database);
    let (stop, reading) = reader(database.clone());
    for v in 1..=12_u64 {
        let variable = format!("v={v}");
        let mut run = test.command(&["run", "--var", &variable]).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(8 * v));
        run.kill().unwrap();
        run.wait().unwrap();
    }
    test.run(&["run", "--var", "v=99"]).code(0);
    stop.store(true, Ordering::Relaxed);
    let saw = reading.join().expect("the reader never sees anything between");
    assert!(saw.is_sorted(), "{saw:?}");
    assert_eq!((seen(&database), tables(&database)), (99, clean));
}

fn signal(id: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &id.to_string()]).status().unwrap().success());
}

#[test]
fn ctrl_c_stops_within_two_seconds_and_the_next_run_goes_on() {
    let test = long(9);
    let run = test.command(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(700));
    let pressed = Instant::now();
    signal(run.id(), "-INT");
    let done = Done::of(run.wait_with_output().unwrap()).code(130);
    assert!(pressed.elapsed() < Duration::from_secs(2), "{:?}\n{}", pressed.elapsed(), done.stderr);
    assert!(!test.path(".engine/out.db").exists() || !tables(&test.path(".engine/out.db")).contains(&"m".to_owned()));
    test.write("project/models/m.sql", "select 1 as n");
    test.run(&["run"]).code(0).says("Succeeded m");
}

#[test]
fn a_second_run_waits_for_the_first() {
    let test = long(7);
    let first = test.command(&["run"]).stderr(Stdio::piped()).spawn().unwrap();
    let lock = test.path(".engine/lock");
    while !lock.exists() {
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(50));
    let second = test.run(&["run"]).code(0).says("Waiting another run is at work here");
    Done::of(first.wait_with_output().unwrap()).code(0).says("Succeeded m");
    assert!(second.stderr.contains("Reused m"), "{}", second.stderr);
}

#[test]
fn a_locked_database_fails_the_node_and_says_so() {
    let test = thousand();
    test.run(&["run", "--var", "v=0"]).code(0);
    let sources = test.read("project/sources.toml").replace("out.db\"\n", "out.db\"\nbusy_timeout_s = 0\n");
    test.write("project/sources.toml", &sources);
    let database = test.path(".engine/out.db");
    let holder = Connection::open(&database).unwrap();
    holder.execute_batch("begin immediate").unwrap();
    test.run(&["run", "--var", "v=1"]).code(1).says("locked").says("Retried m").says("it may pass");
    drop(holder);
    assert_eq!(seen(&database), 0);
    test.run(&["run", "--var", "v=1"]).code(0);
    assert_eq!(seen(&database), 1);
}

#[test]
fn a_panic_is_said_to_be_our_mistake_and_leaves_the_old_table() {
    let test = thousand();
    test.run(&["run", "--var", "v=0"]).code(0);
    let database = test.path(".engine/out.db");
    let clean = tables(&database);
    for point in ["command", "sqlite::staged", "sqlite::publishing"] {
        let panicked = test.command(&["run", "--var", "v=1"]).env("ENGINE_PANIC_AT", point).output().unwrap();
        let panicked = Done::of(panicked).code(2).stdout("").says("engine itself failed: this is a mistake in engine");
        panicked.says("as the test wished at ").says("report it as an issue").says("engine 0.");
        assert_eq!(seen(&database), 0, "{point}");
    }
    test.run(&["retry"]).code(0).says("Succeeded m");
    assert_eq!((seen(&database), tables(&database)), (1, clean));
}
