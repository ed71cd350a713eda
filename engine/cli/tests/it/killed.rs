//! engine killed under eight readers, two engines at once, and servers that come late, on PostgreSQL.

use crate::{
    builder::{Done, Test},
    mortal::Mortal,
    replicas::{self, Server},
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// A project whose model is a thousand rows, all of which hold the variable `v`, in PostgreSQL.
fn thousand(url: &str, schema: &str) -> Test {
    let digits = "d as (select column1 as x from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)))";
    let sql = format!(
        "{{{{ config(key = ['i']) }}}}\nwith {digits}\nselect a.x * 100 + b.x * 10 + c.x as i, {{{{ var(\"v\") }}}} as v\n\
         from d as a cross join d as b cross join d as c"
    );
    let sources = format!(
        "default_sink = \"out\"\n[connections.out]\ntype = \"postgres\"\nurl = \"{url}\"\nschema = \"{schema}\"\n\
         [sinks.out]\nconnection = \"out\"\n"
    );
    Test::new().file("project/sources.toml", &sources).file("project/models/m.sql", &sql)
}

const SEEN: &str = "select case when count(*) = 1000 and min(v) = max(v) then min(v) else -1 end from TO.m";
const STAGING: &str =
    "select count(*) from pg_tables where schemaname || '.' = 'TO.' and tablename like 'engine_stage%'";

/// Readers that read all the time; each must see a thousand rows of one state.
struct Readers {
    over: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<Vec<i64>>>,
}

impl Readers {
    fn of(server: &Server) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let reader = || {
            let (over, sql) = (over.clone(), server.named(SEEN));
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let mut on = PgConnection::connect(&replicas::url()).await.unwrap();
                    let mut all = vec![];
                    while !over.load(Ordering::Relaxed) {
                        let sql = AssertSqlSafe(format!("select ({sql})::int8"));
                        all.push(sqlx::query_scalar(sql).fetch_one(&mut on).await.unwrap());
                        all.dedup();
                    }
                    all
                })
            })
        };
        let threads = (0..8).map(|_| reader()).collect();
        Self { over, threads }
    }

    /// What they saw, each in its order, repetitions aside.
    fn end(self) -> Vec<Vec<i64>> {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

#[test]
fn a_crash_at_any_point_leaves_the_old_or_the_new() {
    let server = Server::with("");
    let test = thousand(&replicas::url(), &server.to);
    test.run(&["run", "--var", "v=0"]).code(0);
    for (v, (point, done)) in
        (1..).zip([("postgres::staged", false), ("postgres::publishing", false), ("postgres::published", true)])
    {
        let readers = Readers::of(&server);
        let variable = format!("v={v}");
        let crashed = test.command(&["run", "--var", &variable]).env("ENGINE_CRASH_AT", point).output().unwrap();
        assert_eq!(Done::of(crashed).code, None, "{point} kills");
        let expected = if done { v } else { v - 1 };
        assert_eq!(server.value(SEEN), expected.to_string(), "{point}");
        test.run(&["run", "--var", &variable]).code(0);
        for saw in readers.end() {
            assert!(saw.iter().all(|saw| [v - 1, v].contains(saw)), "{point}: {saw:?}");
        }
        assert_eq!((server.value(SEEN), server.value(STAGING)), (v.to_string(), "0".into()), "{point}");
    }
}

#[test]
fn kill_9_at_any_time_leaves_the_old_or_the_new() {
    let server = Server::with("");
    let test = thousand(&replicas::url(), &server.to);
    test.run(&["run", "--var", "v=0"]).code(0);
    let started = Instant::now();
    test.run(&["run", "--var", "v=0", "--full-refresh"]).code(0);
    let whole = started.elapsed();
    let readers = Readers::of(&server);
    // Kills all over the time that a run takes; one that comes too late hits nothing.
    let mut hits = 0;
    for v in 1..=10_u32 {
        let variable = format!("v={v}");
        let mut run = test.command(&["run", "--var", &variable]).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(whole * v / 11);
        let ended = run.try_wait().unwrap().is_some();
        hits += u32::from(!ended);
        run.kill().unwrap();
        run.wait().unwrap();
    }
    assert!(hits >= 5, "only {hits} of 10 kills hit a run");
    test.run(&["run", "--var", "v=99"]).code(0);
    for saw in readers.end() {
        assert!(saw.is_sorted() && !saw.contains(&-1), "{saw:?}");
    }
    assert_eq!((server.value(SEEN), server.value(STAGING)), ("99".into(), "0".into()));
}

/// A project whose model adds a row each time.
fn adding(url: &str, schema: &str) -> Test {
    let test = thousand(url, schema);
    test.write(
        "project/models/m.sql",
        "{{ config(materialized='incremental', strategy='append') }}\nselect '{{ run.id }}' as i",
    );
    test
}

#[test]
fn an_append_that_was_published_is_not_published_again() {
    let server = Server::with("");
    let test = adding(&replicas::url(), &server.to);
    let rows = "select count(*) from TO.m";
    // The table is made by the first run, and added to by the others.
    for (before, point) in (0..).zip(["postgres::published", "append::published", "postgres::published"]) {
        let crashed = test.command(&["run"]).env("ENGINE_CRASH_AT", point).output().unwrap();
        assert_eq!((Done::of(crashed).code, server.value(rows)), (None, (before + 1).to_string()), "{point} kills");
        test.run(&["retry"]).code(0).says("1 succeeded");
        assert_eq!(server.value(rows), (before + 1).to_string(), "{point}: the retry adds nothing");
    }
    let crashed = test.command(&["run"]).env("ENGINE_CRASH_AT", "postgres::staged").output().unwrap();
    assert_eq!((Done::of(crashed).code, server.value(rows)), (None, "3".to_owned()), "nothing was published");
    test.run(&["retry"]).code(0).says("1 succeeded");
    assert_eq!(server.value(rows), "4", "the retry adds what the run did not");
}

#[test]
fn two_engines_on_one_target_leave_the_rows_of_one() {
    let server = Server::with("");
    let tests = [thousand(&replicas::url(), &server.to), thousand(&replicas::url(), &server.to)];
    tests[0].run(&["run", "--var", "v=0"]).code(0);
    let readers = Readers::of(&server);
    for round in 1..=3 {
        let run = |test: &Test, v: i32| {
            test.command(&["run", "--var", &format!("v={v}")]).stderr(Stdio::piped()).spawn().unwrap()
        };
        let both = [run(&tests[0], round * 2), run(&tests[1], round * 2 + 1)];
        for one in both {
            Done::of(one.wait_with_output().unwrap()).code(0).says("Succeeded m");
        }
    }
    for saw in readers.end() {
        assert!(!saw.contains(&-1), "{saw:?}");
    }
    assert!(["6", "7"].contains(&server.value(SEEN).as_str()));
    assert_eq!(server.value(STAGING), "0");
}

#[test]
fn a_server_that_comes_late_is_waited_for() {
    let server = Mortal::new("postgres");
    let (url, _) = server.up();
    server.end("-QUIT");
    let test = thousand(&url, "public");
    let mut run = test.command(&["run", "--var", "v=1"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap()).lines();
    let waiting = said.by_ref().map(Result::unwrap).find(|line| line.contains("Waiting")).unwrap();
    assert!(waiting.contains("for out: ") && waiting.contains("; for up to 30"), "{waiting}");
    thread::sleep(Duration::from_secs(1));
    server.up();
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert!(run.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("Succeeded m")), "{rest:?}");
}

#[test]
fn a_server_that_does_not_come_is_said() {
    let test = thousand("postgres://engine@127.0.0.1:1/postgres", "public");
    let sources = format!("{}[limits]\nwait = \"1s\"\n", test.read("project/sources.toml"));
    test.write("project/sources.toml", &sources);
    let done = test.run(&["run", "--var", "v=1"]).code(1).says("Waiting for out: ").says("; for up to 1");
    done.says("is PostgreSQL running at 127.0.0.1:1/postgres?");
}
