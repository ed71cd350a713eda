//! The pages in a real browser: Debian's Chromium, driven through its own driver.
//!
//! With `ENGINE_SCREENSHOTS` set to a folder, pictures of every page are left there.

mod audit;
mod chromium;

use crate::{
    builder::Test,
    served::Served,
    web::{PAGES, shop},
};
use audit::AUDIT;
use chromium::{Chromium, Look};

const LOOKS: [Look; 4] = [
    Look { width: 1280, dark: false },
    Look { width: 1280, dark: true },
    Look { width: 360, dark: false },
    Look { width: 360, dark: true },
];

/// A model that takes long, and makes one row.
fn slow(name: &str) -> (String, String) {
    let digits = "d as (select column1 as x from (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)))";
    let tables: Vec<String> = (0..8).map(|i| format!("d as t{i}")).collect();
    let text = format!("with {digits}\nselect sum(t0.x * t7.x) as n from {}", tables.join(" cross join "));
    (format!("project/models/{name}.sql"), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_reads_well_in_every_look() {
    let (_test, served, _) = shop();
    let mut page = Chromium::start(&served.url, true).await;
    page.look(LOOKS[0]).await;
    page.open("/").await;
    page.audit(AUDIT, "login").await;
    page.sign_in("admin", &served.password).await;
    let run = page.text("#runs tbody a.id").await;
    assert!(run.contains('…'), "{run}");
    page.click("#runs tbody a.id").await;
    let run = page.path().await;
    let mut all: Vec<String> = PAGES.iter().map(ToString::to_string).collect();
    all.extend(
        ["overview", "data", "sql", "lineage", "runs", "snapshot"]
            .map(|tab| format!("/models/mart_average_check?tab={tab}")),
    );
    all.extend(["/models/orders".to_owned(), "/nowhere-but-here".to_owned(), run]);
    for look in LOOKS {
        page.look(look).await;
        for path in &all {
            if path == "/nowhere-but-here" {
                continue;
            }
            page.open(path).await;
            page.audit(AUDIT, path).await;
            page.picture(path, look).await;
        }
    }
    page.clean(&served.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_begun_watched_and_retried_without_loading_the_page_again() {
    let (path, text) = slow("slow");
    let test = crate::runs::chain()
        .file(&path, &text)
        .file("project/schedules.toml", "[s]\ncron = \"0 0 1 1 *\"\nselect = [\"+a+\"]\n");
    test.write("project/models/a.sql", "select 1 / (count(*) - 3) as n from {{ ref(\"s\") }}");
    let served = Served::start(&test, &[]);
    let mut page = Chromium::start(&served.url, true).await;
    page.look(LOOKS[0]).await;
    page.open("/").await;
    page.sign_in("admin", &served.password).await;
    page.shows("Nothing ran yet").await;
    page.open("/models/slow").await;
    page.shows("never ran").await;
    page.mark().await;
    page.click(".head .actions button").await;
    // On a busy machine it may have run before anybody looks.
    page.sees("#standing .s-running, #standing .s-succeeded").await;
    page.sees("#standing .s-succeeded").await;
    assert!(page.marked().await, "the page was loaded again");

    page.open("/schedules").await;
    page.mark().await;
    page.press("Run now").await;
    page.sees("#s-s .q-failed").await;
    page.press("Pause").await;
    page.shows("paused by admin").await;
    page.press("Resume").await;
    page.sees("#s-s .s-ok").await;
    assert!(page.marked().await, "the page was loaded again");

    page.open("/").await;
    page.sees("#failing li").await;
    page.click("#failing li a.id").await;
    page.shows("ivision by zero").await;
    page.mark().await;
    test.write("project/models/a.sql", "select count(*) as n from {{ ref(\"s\") }}");
    page.shows("Retry what is left").await;
    read_again(&served, 1).await;
    page.press("Retry what is left").await;
    assert!(page.marked().await, "the page was loaded again");
    page.open("/runs").await;
    page.sees("#runs .s-succeeded").await;

    // What was not changed is reused at once; this takes a hundred times as long.
    test.write(&path, &(text + " cross join d as t8 cross join d as t9"));
    read_again(&served, 2).await;
    page.open("/models/slow").await;
    page.press("Run").await;
    page.sees("#standing .s-running").await;
    page.open("/runs").await;
    page.sees("#working li").await;
    page.click("#working a.id").await;
    page.sees(".gantt .q-running").await;
    page.mark().await;
    page.press("Cancel").await;
    page.sees("#standing .s-cancelled").await;
    assert!(page.marked().await, "the page was loaded again");
    page.clean(&served.url).await;
}

/// Waits until the project was read again so often.
async fn read_again(served: &Served, times: usize) {
    while served.said().matches("Reloaded").count() < times {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_grows_while_it_is_read_and_is_filtered() {
    let test = Test::small()
        .file(
            "project/models/warns.sql",
            "{{ config(checks = [expression(\"n > 7\", severity = \"warn\")]) }}\nselect 1 as n",
        )
        .file("project/schedules.toml", "[s]\ncron = \"0 0 1 1 *\"\n");
    let (path, text) = slow("z_slow");
    test.write(&path, &(text + "\n-- {{ ref(\"warns\") }}"));
    test.run(&["run", "warns"]).code(0);
    let served = Served::start(&test, &[]);
    let mut page = Chromium::start(&served.url, true).await;
    page.look(LOOKS[0]).await;
    page.open("/").await;
    page.sign_in("admin", &served.password).await;
    page.click("#runs tbody a.id").await;
    page.mark().await;
    let run = page.path().await.rsplit('/').next().unwrap().to_owned();
    let db = rusqlite::Connection::open(test.path(".engine/state.db")).unwrap();
    for (level, message) in [("info", "the first line"), ("warn", "<b>the second</b>"), ("error", "the third")] {
        db.execute("insert into logs values (?1, 0, ?2, 'model.warns', ?3)", [&run, level, message]).unwrap();
        page.shows(message).await;
    }
    assert!(page.marked().await, "the page was loaded again");
    page.write("#log-filter", "second").await;
    let shown =
        page.run("return [...document.querySelectorAll('#log .line')].filter(line => !line.hidden).length").await;
    assert_eq!(shown, 1);
    page.clean(&served.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_is_walked_by_keys() {
    let (_test, served, _) = shop();
    let mut page = Chromium::start(&served.url, true).await;
    page.look(LOOKS[0]).await;
    page.open("/graph?select=%2Bmart_average_check").await;
    page.sign_in("admin", &served.password).await;
    let focus = "return document.activeElement.id";
    page.run("document.querySelector('[data-graph] a').focus()").await;
    let first = page.run(focus).await;
    for (key, moves) in [("ArrowRight", true), ("ArrowLeft", true), ("ArrowDown", true), ("ArrowUp", true)] {
        let before = page.run(focus).await;
        page.key(key).await;
        assert_eq!(page.run(focus).await != before, moves, "{key} from {before}");
    }
    page.run("document.getElementById('n-model-mart_average_check').focus()").await;
    assert_ne!(page.run(focus).await, first);
    page.key("Enter").await;
    page.shows("Average order value").await;
    assert_eq!(page.path().await, "/models/mart_average_check");
    page.open("/").await;
    page.key("Tab").await;
    assert_eq!(page.run("return document.activeElement.textContent").await, "Skip to the page");
    page.key("Enter").await;
    page.sees("#main:focus").await;
    page.clean(&served.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_without_script() {
    let (_test, served, _) = shop();
    let mut page = Chromium::start(&served.url, false).await;
    page.look(LOOKS[2]).await;
    page.open("/schedules").await;
    page.sign_in("admin", &served.password).await;
    assert_eq!(page.path().await, "/schedules", "led on to where it wanted to go");
    page.press("Pause marts").await;
    page.shows("paused by admin").await;
    page.press("Resume marts").await;
    page.press("Run now marts").await;
    page.open("/runs").await;
    page.click("details.box summary").await;
    page.write("#select", "mart_average_check").await;
    page.press("Run").await;
    assert_eq!(page.path().await, "/runs");
    for path in PAGES {
        page.open(path).await;
        page.sees("main h1").await;
    }
    page.open("/runs").await;
    page.click("#runs tbody a.id").await;
    page.sees("#nodes tbody tr").await;
    page.press("Sign out").await;
    page.sees("#password").await;
    assert_eq!(page.path().await, "/login");
    page.clean(&served.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tabs_share_one_stream() {
    let test = crate::runs::chain();
    let served = Served::start(&test, &[]);
    let mut page = Chromium::start(&served.url, true).await;
    page.look(LOOKS[0]).await;
    page.open("/").await;
    page.sign_in("admin", &served.password).await;
    page.sees("#live:not([hidden])").await;
    for path in ["/runs", "/models", "/grid", "/checks", "/schedules", "/sources", "/graph", "/audit"] {
        page.tab(path).await;
        page.sees("#live:not([hidden])").await;
    }
    // A browser has six connections to a server: with a stream each, the last tabs would wait for ever.
    page.open("/runs").await;
    page.mark().await;
    let mut admin = served.admin();
    let numbers = admin.get("/metrics").text;
    let streams = numbers
        .lines()
        .find_map(|line| line.strip_prefix("engine_http_requests_total{path=\"/events\",status=\"200\"} "));
    assert_eq!(streams, Some("1"), "{numbers}");
    // What happens is seen in the tab that is open.
    test.run(&["run"]).code(0);
    page.shows("in a terminal").await;
    assert!(page.marked().await);
    page.clean(&served.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_sent_once_whatever_the_page_behind_it_does() {
    let test = crate::runs::chain().file("project/schedules.toml", "[s]\ncron = \"0 0 1 1 *\"\n");
    let served = Served::start(&test, &[]);
    let mut page = Chromium::start(&served.url, true).await;
    page.look(LOOKS[0]).await;
    page.open("/").await;
    page.sign_in("admin", &served.password).await;
    page.open("/schedules").await;
    page.run(
        "window.sent = 0; const real = window.fetch; \
         window.fetch = async (url, how) => { \
           if (how && how.method === 'POST') window.sent++; \
           const answer = await real(url, how); \
           return answer.type === 'opaqueredirect' ? answer : new Response('', { status: 500 }); }; \
         HTMLFormElement.prototype.submit = () => { window.sent++; };",
    )
    .await;
    page.press("Pause s").await;
    let mut admin = served.admin();
    crate::served::until("it is paused", || {
        let schedules = admin.get("/schedules.json").json();
        (schedules["schedules"][0]["state"] == "paused").then_some(())
    });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(page.run("return window.sent").await, serde_json::json!(1));
}
