//! The pages and the API, as programs see them.

use crate::{
    builder::Test,
    served::{Browser, Served, until},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Pages that are there without any run.
pub const PAGES: [&str; 11] =
    ["/", "/models", "/runs", "/grid", "/graph", "/schedules", "/sources", "/checks", "/users", "/audit", "/password"];

/// The shop, served, with a run behind it.
pub fn shop() -> (Test, Served, Browser) {
    let test = Test::shop();
    test.write(
        "project/schedules.toml",
        "[marts]\nevery = \"1d\"\nselect = [\"replica.*+\"]\n[events]\ncontinuous = true\nselect = [\"new_users\"]\n",
    );
    test.run(&["run", "--rows-scale", "0.1"]).code(0);
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    until("the schedule ran", || {
        let runs = admin.get("/runs.json").json();
        runs["runs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|run| run["schedule"] == "marts" && run["state"] == "succeeded")
            .cloned()
    });
    (test, served, admin)
}

/// All pages that can be reached by links from the first one, as HTML.
pub fn crawl(browser: &mut Browser) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open: BTreeSet<String> = PAGES.iter().map(ToString::to_string).collect();
    while let Some(path) = open.pop_first() {
        let answer = browser.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let links =
            answer.text.split("href=\"/").skip(1).map(|rest| format!("/{}", rest.split(['"', '#']).next().unwrap()));
        let links = links.map(|link| link.replace("&amp;", "&"));
        let fresh = links.filter(|link| !link.starts_with("/assets") && !found.contains_key(link) && found.len() < 300);
        open.extend(fresh.filter(|link| *link != path));
        found.insert(path, answer.text);
    }
    found
}

#[test]
fn every_page_is_there_as_html_and_as_json() {
    let (_test, _served, mut admin) = shop();
    let pages = crawl(&mut admin);
    assert!(pages.len() > 40, "{:?}", pages.keys());
    for tab in ["overview", "data", "sql", "lineage", "runs", "snapshot"] {
        let path = format!("/models/mart_average_check?tab={tab}");
        assert!(pages.contains_key(&path), "{path} is not linked: {:?}", pages.keys());
    }
    for (path, html) in &pages {
        if path.starts_with("/graph/") || path.starts_with("/api/") {
            continue;
        }
        assert_eq!(html.matches("<h1").count(), 1, "{path} has one h1");
        assert!(html.contains("<main id=\"main\"") && html.contains("class=\"skip\""), "{path} has landmarks");
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let bare = if bare == "/" { "/index" } else { bare };
        let answer = admin.get(&format!("{bare}.json?{query}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{path}");
        answer.json();
    }
    let home = admin.get("/index.json").json();
    assert_eq!(home["coming"].as_array().unwrap().len(), 2, "{home}");
    let model = admin.get("/models/mart_average_check.json?tab=data").json();
    assert_eq!(model["data"]["columns"], json!(["status", "loyalty_status", "average_check"]));
    assert!(
        model["data"]["rows"].as_array().unwrap().len() > 5 && model["data"]["profile"][0]["distinct"] == "8",
        "{model}"
    );
    let code = admin.get("/models/mart_average_check.json?tab=sql").json();
    assert!(
        code["code"]["template"].as_str().unwrap().contains("ref(")
            && code["code"]["sql"].as_str().unwrap().contains("replica.orders")
    );
    let copied = admin.get("/models/replica.orders.json").json();
    assert_eq!((copied["kind"].as_str(), copied["name"].as_str()), (Some("replication"), Some("replica.orders")));
    assert!(admin.get("/graph/graph.svg").text.starts_with("<svg"));
    assert!(admin.get("/graph/graph.dot?select=mart_average_check").text.starts_with("digraph"));
    let wrong = admin.get("/graph?select=nothing_like_that");
    assert!(wrong.status == 200 && wrong.text.contains("no node is called"), "{}", wrong.text);
    for (path, status) in [("/models/nope", 404), ("/runs/01ZZZZZZZZ", 404), ("/nowhere", 404), ("/nowhere.json", 404)]
    {
        assert_eq!(admin.get(path).status, status, "{path}");
    }
}

#[test]
fn what_a_person_does_is_done_and_written_down() {
    let (test, served, mut admin) = shop();
    let sent = admin.send("/runs", &[("select", "mart_average_check"), ("vars", "x=1\ny = 2"), ("full_refresh", "1")]);
    assert_eq!((sent.status, sent.header("location")), (303, "/runs"), "{}", sent.text);
    let run = until("it ran", || {
        let runs = admin.get("/runs.json?limit=5").json();
        runs["runs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|run| run["cause"] == "hand" && run["state"] == "succeeded")
            .cloned()
    });
    assert_eq!((run["asked_by"].as_str(), run["succeeded"].as_u64()), (Some("admin"), Some(1)));
    let page = admin.get(&format!("/runs/{}.json", run["id"].as_str().unwrap())).json();
    assert_eq!((page["vars"].clone(), page["full_refresh"].clone()), (json!(["x=1", "y=2"]), json!(true)));
    assert_eq!(admin.send("/runs", &[("select", "nope")]).status, 409);
    assert_eq!(admin.send("/schedules/marts/pause", &[]).status, 303);
    let paused = admin.get("/schedules.json").json()["schedules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "marts")
        .cloned()
        .unwrap();
    assert_eq!((paused["state"].as_str(), paused["paused"][1].as_str()), (Some("paused"), Some("admin")));
    assert!(test.run(&["schedules"]).code(0).stdout.contains("paused by admin"));
    assert_eq!(admin.send("/schedules/marts/run", &[]).status, 303);
    until("paused schedules run by hand", || {
        let jobs = admin.get("/runs.json?schedule=marts").json();
        jobs["runs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|run| run["cause"] == "hand" && run["state"] == "succeeded")
            .cloned()
    });
    assert_eq!(admin.send("/schedules/marts/resume", &[]).status, 303);
    let filled = admin.send("/schedules/marts/backfill", &[("from", "2026-01-01T00:00"), ("to", "2026-01-04T00:00")]);
    assert_eq!(filled.status, 303, "{}", filled.text);
    until("the backfill is done", || {
        let runs = admin.get("/runs.json?schedule=marts").json();
        let done = runs["runs"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|run| run["cause"] == "backfill" && run["state"] == "succeeded")
            .count();
        (done == 3).then_some(())
    });
    for (from, to, status) in
        [("x", "y", 400), ("2026-01-01T00:00", "2026-01-01T00:10", 409), ("0001-01-01", "2026-01-01", 409)]
    {
        assert_eq!(admin.send("/schedules/marts/backfill", &[("from", from), ("to", to)]).status, status, "{from}");
    }
    assert_eq!(admin.send("/sources/shop/test", &[]).status, 303);
    assert_eq!(
        admin.get("/sources.json").json()["connections"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["tried"]["ok"] == true)
            .count(),
        1
    );
    let deeds = admin.get("/audit.json").json();
    let did: Vec<&str> = deeds["deeds"].as_array().unwrap().iter().map(|deed| deed["did"].as_str().unwrap()).collect();
    assert_eq!(did, ["tried", "backfilled", "resumed", "ran", "paused", "ran", "signed in"], "{deeds}");
    drop(served);
}

#[test]
fn failures_are_told_retried_and_cancelled() {
    let digits = "d as (select column1 as x from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)))";
    let tables: Vec<String> = (0..10).map(|i| format!("d as t{i}")).collect();
    let slow = format!("with {digits}\nselect sum(t0.x * t9.x) as n from {}", tables.join(" cross join "));
    let test = crate::runs::chain().file("project/models/slow.sql", &slow);
    test.write(
        "project/models/a.sql",
        "{{ config(checks = [expression(\"n > 7\")]) }}\nselect count(*) as n from {{ ref(\"s\") }}",
    );
    test.write("project/schedules.toml", "[s]\ncron = \"0 0 1 1 *\"\n");
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    assert_eq!(admin.send("/runs", &[("select", "a+")]).status, 303);
    let failing = until("it fails", || admin.get("/index.json").json()["failing"].as_array().unwrap().first().cloned());
    assert!(failing["note"].as_str().unwrap().contains("breaks the check expression(n > 7)"), "{failing}");
    let checks = admin.get("/checks.json").json();
    assert_eq!((checks["failing"].as_u64(), checks["checks"][0]["node"].as_str()), (Some(1), Some("a")), "{checks}");
    let run = failing["run"].as_str().unwrap().to_owned();
    test.write("project/models/a.sql", "select count(*) as n from {{ ref(\"s\") }}");
    until("the project is read again", || served.said().contains("Reloaded").then_some(()));
    assert_eq!(admin.send(&format!("/runs/{run}/retry"), &[]).status, 303);
    until("the rest ran", || {
        let runs = admin.get("/runs.json").json();
        runs["runs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|run| run["state"] == "succeeded" && run["succeeded"] == 2)
            .cloned()
    });
    assert_eq!(admin.send(&format!("/runs/{run}/cancel"), &[]).status, 409);
    assert_eq!(admin.send("/runs", &[("select", "slow")]).status, 303);
    let live =
        until("it is at work", || admin.get("/runs.json").json()["working"].as_array().unwrap().first().cloned());
    let id = live["id"].as_str().unwrap();
    assert!(admin.get(&format!("/runs/{id}")).text.contains("Cancel</button>"));
    assert_eq!(admin.send(&format!("/runs/{id}/cancel"), &[]).status, 303);
    until("it is cancelled", || {
        (admin.get(&format!("/runs/{id}.json")).json()["run"]["state"] == "cancelled").then_some(())
    });
}

#[test]
fn machines_use_keys() {
    let test = crate::runs::chain().file("project/schedules.toml", "[s]\ncron = \"0 0 1 1 *\"\n");
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    let made = admin.send("/keys", &[("name", "ci"), ("role", "operator")]);
    let key = made.text.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(key.starts_with("engine_"), "{}", made.text);
    assert_eq!(admin.send("/keys", &[("name", "ci"), ("role", "viewer")]).status, 409);
    let mut ci = Browser { cookie: String::new(), key, ..admin.clone() };
    let described = ci.get("/api/v1/openapi.json").json();
    assert_eq!(described["openapi"], "3.1.0");
    let paths: Vec<String> = described["paths"].as_object().unwrap().keys().cloned().collect();
    for path in paths.iter().filter(|path| path.starts_with("/api/v1/") && !path.contains('{')) {
        assert_eq!(ci.get(path).status, 200, "{path}");
    }
    let posted = ci.post("/api/v1/runs", &json!({ "select": ["b+"], "vars": { "x": "1" } }).to_string(), &[]);
    assert_eq!(posted.status, 202, "{}", posted.text);
    let job = posted.json()["job"].as_i64().unwrap();
    let done = until("the job is done", || {
        let job = ci.get(&format!("/api/v1/jobs/{job}")).json();
        (job["state"] == "failed" || job["state"] == "succeeded").then_some(job)
    });
    // `b` reads `a`, which nobody made.
    assert_eq!(done["state"], "failed", "{done}");
    let run = done["run"].as_str().unwrap().to_owned();
    let told = ci.get(&format!("/api/v1/runs/{run}")).json();
    assert_eq!((told["run"]["asked_by"].as_str(), told["nodes"][0]["status"].as_str()), (Some("ci"), Some("failed")));
    assert_eq!(ci.post("/api/v1/runs", "{\"schedule\":\"s\"}", &[]).status, 202);
    until("all is made", || {
        let node = ci.get("/api/v1/nodes/b").json();
        (node["runs"][0]["status"] == "succeeded").then_some(())
    });
    for (path, body, status) in [
        ("/api/v1/runs", "{\"schedule\":\"none\"}", 404),
        ("/api/v1/runs", "{\"selct\":[]}", 400),
        ("/api/v1/runs", "{", 400),
        ("/api/v1/schedules/s/pause", "", 200),
        ("/api/v1/schedules/none/pause", "", 404),
        ("/api/v1/schedules/s/resume", "", 200),
        ("/api/v1/schedules/s/backfill", "{\"from\":\"2020-01-01\",\"to\":\"2026-01-01\"}", 202),
        ("/api/v1/runs/01ZZZZZZZZZZ/retry", "", 404),
        ("/api/v1/jobs/999999/cancel", "", 409),
        ("/users", "name=x&role=viewer", 403),
    ] {
        let answer = ci.post(path, body, &[]);
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
        assert!(answer.status < 300 || path == "/users" || answer.json()["error"].is_string(), "{}", answer.text);
    }
    assert_eq!(admin.send("/keys/ci/remove", &[]).status, 303);
    assert_eq!(ci.get("/api/v1/runs").status, 401, "the key is worth nothing now");
}

#[test]
fn probes_and_numbers() {
    let test = crate::runs::chain().file("project/schedules.toml", "[s]\nevery = \"1d\"\n");
    let mut served = Served::start(&test, &[]);
    served.hears("Succeeded s");
    let mut nobody = served.stranger();
    assert_eq!((nobody.get("/healthz").text.as_str(), nobody.get("/readyz").text.as_str()), ("ok\n", "ok\n"));
    assert_eq!(nobody.get("/metrics").status, 303, "numbers name things of the project");
    let mut admin = served.admin();
    let text = until("it is counted", || {
        let text = admin.get("/metrics").text;
        text.contains("engine_runs_total{schedule=\"s\",outcome=\"succeeded\"} 1").then_some(text)
    });
    for part in [
        "# TYPE engine_runs_total counter",
        "# HELP engine_run_duration_seconds ",
        "engine_run_duration_seconds_bucket{schedule=\"s\",le=\"+Inf\"} 1",
        "engine_nodes_total{node=\"model.a\",status=\"succeeded\"} 1",
        "engine_node_rows_total{node=\"seed.s\"} 3",
        "engine_schedule_paused{schedule=\"s\"} 0",
        "engine_schedule_next_timestamp_seconds{schedule=\"s\"}",
        "engine_run_start_delay_seconds_count{schedule=\"s\"} 1",
        "engine_project_broken 0",
        "engine_http_requests_total{path=\"/healthz\",status=\"200\"} 1",
        "engine_logins_total{outcome=\"succeeded\"} 1",
        "process_resident_memory_bytes",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let run = admin.get("/runs.json").json()["runs"][0]["id"].as_str().unwrap().to_owned();
    assert!(!text.contains(&run), "an id of a run is no label");
}

#[test]
fn pages_of_a_project_without_schedules_say_what_to_do() {
    let test = Test::small();
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    let home = admin.get("/").text;
    assert!(home.contains("Nothing ran yet") && home.matches("<code>engine ").count() >= 5, "{home}");
    assert!(admin.get("/schedules").text.contains("project/schedules.toml"));
    let empty: Value = admin.get("/grid.json").json();
    assert_eq!(empty["runs"], json!([]));
}
