//! `engine serve`: schedules that survive anything, one service a project, and how it ends.

use crate::{
    builder::{Done, Test},
    runs::chain,
    served::{PATIENCE, Served, until},
};
use rusqlite::Connection;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpListener,
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

/// A model that writes one row for each run: which interval it stands for.
pub const TICKS: &str = "{{ config(materialized = \"incremental\", strategy = \"append\") }}\n\
    select '{{ run.id }}' as run, '{{ run.interval_start }}' as a, '{{ run.interval_end }}' as b";

pub fn ticking(schedule: &str) -> Test {
    Test::small().file("project/models/ticks.sql", TICKS).file("project/schedules.toml", schedule)
}

pub fn state(test: &Test) -> Connection {
    let db = Connection::open(test.path(".engine/state.db")).unwrap();
    db.busy_timeout(Duration::from_secs(10)).unwrap();
    db
}

/// Jobs of a state.
pub fn jobs(test: &Test, state_is: &str) -> usize {
    let count = "select count(*) from jobs where state = ?1";
    state(test).query_row(count, [state_is], |row| row.get(0)).unwrap()
}

#[test]
fn schedules_run_streams_are_followed_and_sigterm_ends_it_well() {
    let test = Test::shop();
    test.write(
        "project/schedules.toml",
        "[marts]\nevery = \"1d\"\nselect = [\"+mart_average_check\"]\n[after_marts]\nafter = \"marts\"\nselect = [\"mart_user_activity\"]\n\
         [new_users]\ncontinuous = true\nselect = [\"new_users\"]\n",
    );
    test.run(&["run", "generator:*", "--rows-scale", "0.1"]).code(0);
    let mut served = Served::start(&test, &[]);
    served.hears("Started marts");
    served.hears("Succeeded marts");
    served.hears("Succeeded after_marts");
    until("the jobs are written down", || (jobs(&test, "succeeded") == 2).then_some(()));
    let rows = test.run(&["show", "new_users", "--output", "csv", "--limit", "0"]).code(0).stdout.lines().count();
    test.run(&["generate", "user_events", "--rows", "600", "--replace"]).code(0);
    until("the stream goes on", || {
        let now = test.run(&["show", "new_users", "--output", "csv", "--limit", "0"]).code(0).stdout.lines().count();
        (now > rows).then_some(())
    });
    served.hears("Succeeded new_users");
    // Looking at a stream in vain leaves nothing behind.
    thread::sleep(Duration::from_secs(2));
    let sql = "select count(*) from runs where schedule = 'new_users'";
    let looked: i64 = state(&test).query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(looked <= 8, "{looked} runs of a stream that got events twice");
    served.signal("-TERM");
    assert_eq!(served.ended().code(), Some(0), "{}", served.said());
    assert!(served.said().contains("Stopped"), "{}", served.said());
}

#[test]
fn a_second_service_is_refused() {
    let test = ticking("[t]\nevery = \"1d\"\n");
    let first = Served::start(&test, &[]);
    let second =
        test.run(&["serve", "--listen", "127.0.0.1:0"]).code(2).says("this project is served already, by process");
    assert!(second.stderr.contains("one service serves one project"), "{}", second.stderr);
    first.kill();
    Served::start(&test, &[]).kill();
}

#[test]
fn the_first_password_keeps_it_on_this_machine() {
    let test = ticking("[t]\nevery = \"1d\"\n");
    let open = ["serve", "--listen", "0.0.0.0:0"];
    test.run(&open).code(2).says("Made the user `admin`, password ").says("still has the first password");
    test.run(&open).code(2).says("still has the first password");
    let mut passwd = test.command(&["user", "passwd", "admin", "--password-stdin"]);
    let mut child = passwd.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse\n").unwrap();
    Done::of(child.wait_with_output().unwrap()).code(0).says("Kept the password");
    let mut child = test.command(&open).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "it serves");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Kills the service at each point between a tick's coming and its end: no tick is lost, none is taken twice.
#[test]
fn a_crash_at_any_point_loses_no_tick_and_repeats_none() {
    for point in [
        "schedule::claimed",
        "schedule::begun",
        "sqlite::staged",
        "sqlite::published",
        "append::published",
        "schedule::ran",
    ] {
        let test = ticking("[t]\nevery = \"1d\"\n");
        let mut crashing = test.command(&["serve", "--listen", "127.0.0.1:0"]);
        let crashed = Done::of(crashing.env("ENGINE_CRASH_AT", point).output().unwrap());
        assert_eq!(crashed.code, None, "{point} kills: {}", crashed.stderr);
        let served = Served::start(&test, &[]);
        until(point, || (jobs(&test, "succeeded") == 1).then_some(()));
        thread::sleep(Duration::from_millis(300));
        served.kill();
        let all: i64 = state(&test).query_row("select count(*) from jobs", [], |row| row.get(0)).unwrap();
        assert_eq!(all, 1, "{point}: one tick, one job");
        let sql = "select count(*) from runs where state = 'running'";
        assert_eq!(state(&test).query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0, "{point}");
        let out = Connection::open(test.path(".engine/out.db")).unwrap();
        let sql = "select count(*), count(distinct b) from ticks";
        let rows: (i64, i64) = out.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(rows, (1, 1), "{point}: what was published is not published again");
    }
}

/// Kills the service again and again while a schedule ticks each second: with `missed = "all"` every tick is run.
#[test]
fn kill_9_again_and_again_loses_no_tick() {
    let test = ticking("[t]\nevery = \"1s\"\nmissed = \"all\"\n");
    for round in 0..6 {
        let served = Served::start(&test, &[]);
        thread::sleep(Duration::from_millis(400 + round * 170));
        served.kill();
    }
    let served = Served::start(&test, &[]);
    thread::sleep(Duration::from_secs(2));
    until("it catches up", || {
        let sql = "select count(*) from jobs where state in ('waiting', 'running')";
        let open: i64 = state(&test).query_row(sql, [], |row| row.get(0)).unwrap();
        (open == 0).then_some(())
    });
    served.kill();
    let db = state(&test);
    let mut statement = db.prepare("select at_us, from_us, state from jobs order by at_us").unwrap();
    let ticks: Vec<(i64, i64, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(ticks.len() > 5, "{ticks:?}");
    for pair in ticks.windows(2) {
        assert_eq!(pair[0].0, pair[1].1, "no tick is lost, none comes twice: {pair:?}");
    }
    let done = ticks.iter().filter(|(_, _, state)| state == "succeeded").count();
    assert!(done + 1 >= ticks.len(), "the last one may be at work: {ticks:?}");
    let out = Connection::open(test.path(".engine/out.db")).unwrap();
    let count = |sql: &str| -> usize { out.query_row(sql, [], |row| row.get(0)).unwrap() };
    let (rows, intervals) = (count("select count(*) from ticks"), count("select count(distinct b) from ticks"));
    assert!(intervals >= done, "{intervals} intervals of {done} ticks");
    assert_eq!(rows, intervals, "no interval's row is added twice");
}

#[test]
fn a_failed_run_is_tried_again_and_told() {
    let (hook, told) = webhook();
    let test = chain().file(
        "project/schedules.toml",
        &format!("[s]\nevery = \"1d\"\nretries = {{ times = 1, wait = \"100ms\" }}\non_failure = {{ webhook = \"{hook}\" }}\n"),
    );
    test.write("project/models/a.sql", "select 1 / (count(*) - count(*)) as n from {{ ref(\"s\") }}");
    let mut served = Served::start(&test, &[]);
    served.hears("Failed s");
    let told: Value = serde_json::from_str(&told.recv_timeout(PATIENCE).unwrap()).unwrap();
    assert_eq!((told["schedule"].as_str(), told["kind"].as_str()), (Some("s"), Some("failed")));
    assert!(told["message"].as_str().unwrap().contains("`a`"), "{told}");
    let db = state(&test);
    let job: (String, i64) =
        db.query_row("select state, failures from jobs", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(job, ("failed".into(), 2));
    let mut nodes: BTreeMap<String, i64> = BTreeMap::new();
    let mut statement = db.prepare("select node from nodes").unwrap();
    for node in statement.query_map([], |row| row.get::<_, String>(0)).unwrap() {
        *nodes.entry(node.unwrap()).or_default() += 1;
    }
    assert_eq!((nodes["model.a"], nodes["seed.s"]), (2, 1), "only what is left is tried again");
}

#[test]
fn a_run_that_takes_too_long_is_stopped_and_a_late_one_is_told() {
    let (hook, told) = webhook();
    let digits = "d as (select column1 as x from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)))";
    let tables: Vec<String> = (0..10).map(|i| format!("d as t{i}")).collect();
    let slow = format!("with {digits}\nselect sum(t0.x * t9.x) as n from {}", tables.join(" cross join "));
    let text =
        format!("[s]\nevery = \"1d\"\ntimeout = \"2s\"\nlate = \"1ms\"\non_failure = {{ webhook = \"{hook}\" }}\n");
    let test = Test::small().file("project/models/slow.sql", &slow).file("project/schedules.toml", &text);
    let mut served = Served::start(&test, &[]);
    served.hears("Stopped s");
    let kinds: Vec<String> = (0..2)
        .map(|_| {
            let told: Value = serde_json::from_str(&told.recv_timeout(PATIENCE).unwrap()).unwrap();
            format!("{}: {}", told["kind"].as_str().unwrap(), told["message"].as_str().unwrap())
        })
        .collect();
    assert_eq!(kinds, ["late: not done 1ms after it was due", "failed: took longer than 2s"]);
}

/// A server that takes what is sent to it: its address, and the bodies.
pub fn webhook() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut text = String::new();
            let mut buffer = [0; 4096];
            // A request is whole when its body has the length that its header says.
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                text.push_str(&String::from_utf8_lossy(&buffer[..n]));
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head
                    .to_lowercase()
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.lines().next()?.parse().ok());
                if Some(body.len()) == length {
                    let _ = sender.send(body.to_owned());
                    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").unwrap();
                    break;
                }
            }
        }
    });
    (address, told)
}

/// Tables that a glob names are copied from the next run on, without anybody saying so.
#[test]
fn a_new_table_is_copied_by_the_next_run() {
    let test = Test::small().file(
        "project/sources.toml",
        "[connections.shop]\ntype = \"sqlite\"\npath = \"shop.db\"\n[connections.out]\ntype = \"sqlite\"\npath = \".engine/out.db\"\n\
         [sources.shop]\nconnection = \"shop\"\n[sinks.out]\nconnection = \"out\"\n\
         [replications.copies]\nfrom = \"shop\"\nto = \"out\"\ntables = [\"*\"]\n",
    );
    test.write("project/schedules.toml", "[copy]\nevery = \"1s\"\nselect = [\"copies.*\"]\n");
    let shop = Connection::open(test.path("shop.db")).unwrap();
    shop.execute_batch("create table first (n integer primary key); insert into first values (1)").unwrap();
    let mut served = Served::start(&test, &[]);
    served.hears("Succeeded copy");
    let rows = |table: &str| {
        let out = Connection::open(test.path(".engine/out.db")).unwrap();
        out.query_row(&format!("select count(*) from {table}"), [], |row| row.get::<_, i64>(0)).ok()
    };
    assert_eq!((rows("first"), rows("second")), (Some(1), None));
    shop.execute_batch("create table second (n integer primary key); insert into second values (1), (2)").unwrap();
    assert_eq!(until("the new table is copied", || rows("second")), 2);
    assert!(served.admin().get("/models").text.contains("copies.second"));
}

#[test]
fn runs_are_traced_down_to_operators() {
    let (collector, told) = webhook();
    let test = chain().file("project/schedules.toml", "[s]\nevery = \"1d\"\n");
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.as_str());
    let mut served = Served::start_with(&test, &[], &[endpoint, ("OTEL_SERVICE_NAME", "the shop")]);
    served.hears("Succeeded s");
    let told: Value = serde_json::from_str(&told.recv_timeout(PATIENCE).unwrap()).unwrap();
    let resource = &told["resourceSpans"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "the shop");
    let spans = resource["scopeSpans"][0]["spans"].as_array().unwrap();
    let of = |name: &str| spans.iter().find(|span| span["name"] == name).unwrap();
    let (run, model) = (of("s"), of("model.a"));
    assert_eq!(model["parentSpanId"], run["spanId"]);
    let below: Vec<&Value> = spans.iter().filter(|span| span["parentSpanId"] == model["spanId"]).collect();
    assert!(below.len() == 1 && below[0]["name"].as_str().unwrap().ends_with("Exec"), "{told:#}");
    for span in spans {
        assert_eq!((span["traceId"].as_str().unwrap().len(), &span["traceId"]), (32, &run["traceId"]));
        let at = |key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        assert!(at("startTimeUnixNano") <= at("endTimeUnixNano"), "{span:#}");
        let parent = spans.iter().any(|other| other["spanId"] == span["parentSpanId"]);
        assert!(parent || span["name"] == "s", "{span:#}");
        assert_eq!(span["status"]["code"], 1);
    }
}

#[test]
fn a_saved_project_is_read_again_and_a_broken_one_keeps_the_last_good() {
    let test = ticking("[t]\nevery = \"1d\"\n");
    let mut served = Served::start(&test, &[]);
    served.hears("Succeeded t");
    test.write("project/models/more.sql", "select 1 as n from {{ ref(\"nothing\") }}");
    served.hears("error[E0420]");
    served.hears("Kept the last good project");
    let mut admin = served.admin();
    assert!(admin.get("/").text.contains("has 1 error"));
    assert_eq!(admin.get("/readyz").status, 200);
    test.write("project/models/more.sql", "select 1 as n");
    test.write("project/schedules.toml", "[t]\nevery = \"1d\"\n[u]\nevery = \"1d\"\nselect = [\"more\"]\n");
    served.hears("Reloaded");
    served.hears("Succeeded u");
    assert!(!admin.get("/").text.contains("has 1 error"));
}

#[test]
fn runs_of_a_terminal_and_of_the_service_take_turns() {
    let test = ticking("[t]\nevery = \"1s\"\nmissed = \"none\"\n");
    let mut served = Served::start(&test, &[]);
    served.hears("Succeeded t");
    for _ in 0..3 {
        test.run(&["run"]).code(0).says("succeeded");
    }
    let sql = "select count(*) from runs where state not in ('succeeded', 'running')";
    assert_eq!(state(&test).query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    served.signal("-INT");
    assert_eq!(served.ended().code(), Some(0), "{}", served.said());
}

#[test]
fn a_job_at_work_goes_on_with_the_next_service() {
    let digits = "d as (select column1 as x from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)))";
    let tables: Vec<String> = (0..10).map(|i| format!("d as t{i}")).collect();
    let slow = format!("with {digits}\nselect sum(t0.x * t9.x) as n from {}", tables.join(" cross join "));
    let test =
        Test::small().file("project/models/slow.sql", &slow).file("project/schedules.toml", "[s]\nevery = \"1d\"\n");
    let mut served = Served::start(&test, &["--grace", "100ms"]);
    served.hears("Started s");
    thread::sleep(Duration::from_millis(300));
    served.signal("-TERM");
    assert_eq!(served.ended().code(), Some(0), "{}", served.said());
    assert_eq!((jobs(&test, "waiting"), jobs(&test, "running")), (1, 0), "{}", served.said());
    test.write("project/models/slow.sql", "select 1 as n");
    let mut served = Served::start(&test, &[]);
    served.hears("Succeeded s");
    until("it is done", || (jobs(&test, "succeeded") == 1).then_some(()));
}

#[test]
fn what_happens_is_written_for_programs_too() {
    let test = ticking("[t]\nevery = \"1d\"\n");
    let mut served = Served::start(&test, &["--log", "json"]);
    let said = served.hears("\"run_finished\"");
    let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events, ["serving", "run_started", "run_finished"], "{said}");
    assert!(lines.iter().all(|line| line["at"].is_string()), "{said}");
}
