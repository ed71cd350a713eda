//! What attackers try: to lead elsewhere, to pretend to be another machine, to exhaust the service, to use what is old.

use crate::{
    builder::Test,
    runs::chain,
    served::{Browser, PATIENCE, Served, form, until},
};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

const HOST: &str = "engine.example";

fn project() -> Test {
    chain().file("project/schedules.toml", "[s]\ncron = \"0 0 1 1 *\"\n")
}

#[test]
fn no_way_of_writing_it_leads_to_another_place() {
    let test = project();
    let served = Served::start(&test, &[]);
    for next in [
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        "/\u{b}/evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "//evil.example",
        "///evil.example",
        "http:evil.example",
        "javascript:alert(1)",
    ] {
        let mut browser = served.stranger();
        let signed = browser.send("/login", &[("name", "admin"), ("password", &served.password), ("next", next)]);
        assert_eq!((signed.status, signed.header("location")), (303, "/"), "{next:?}");
        let query = form(&[("next", next)]);
        assert_eq!(browser.get(&format!("/login?{query}")).header("location"), "/", "{next:?}, signed in");
        let paused = browser.send("/schedules/s/pause", &[("next", next)]);
        assert!(["/", "/schedules"].contains(&paused.header("location")), "{next:?}: {:?}", paused.headers);
    }
}

/// Somebody behind a proxy, who says where they are.
struct Far<'a> {
    served: &'a Served,
    address: &'a str,
    cookie: String,
}

impl Far<'_> {
    fn of<'a>(served: &'a Served, address: &'a str) -> Far<'a> {
        Far { served, address, cookie: String::new() }
    }

    /// Status and text of an answer.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut line = TcpStream::connect(self.served.url.trim_start_matches("http://")).unwrap();
        line.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {HOST}\r\norigin: http://{HOST}\r\nx-forwarded-for: {}\r\ncookie: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            self.cookie,
            body.len(),
        );
        line.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        line.read_to_string(&mut text).unwrap();
        for cookie in text.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        (text.split(' ').nth(1).unwrap().parse().unwrap(), text)
    }

    fn sign_in(&mut self, name: &str, password: &str) -> (u16, String) {
        let (_, page) = self.ask("GET", "/login", "");
        let token = page.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
        self.ask("POST", "/login", &form(&[("csrf", &token), ("name", name), ("password", password)]))
    }
}

#[test]
fn nobody_is_another_machine_by_saying_so() {
    let test = project();
    let url = format!("http://{HOST}");
    let served = Served::start(&test, &["--url", &url]);
    let guess = |i: u8| Far::of(&served, &format!("203.0.113.{i}")).sign_in("admin", "a wrong guess").0;
    assert_eq!((0..6).map(guess).collect::<Vec<_>>(), [401, 401, 401, 401, 401, 429], "one address, whatever it says");
}

#[test]
fn a_trusted_proxy_says_who_asks() {
    let test = project();
    let url = format!("http://{HOST}");
    let served = Served::start(&test, &["--url", &url, "--trusted-proxy", "127.0.0.1"]);
    let guess = |address: &str| Far::of(&served, address).sign_in("anna", "a wrong guess").0;
    for _ in 0..5 {
        assert_eq!(guess("203.0.113.1"), 401);
    }
    assert_eq!((guess("203.0.113.1"), guess("203.0.113.2")), (429, 401));
    assert_eq!(guess("203.0.113.9, 203.0.113.1"), 429, "what comes before the proxy's own word is not believed");
}

#[test]
fn a_first_password_is_for_this_machine_whenever_it_was_made() {
    let test = project();
    let url = format!("http://{HOST}");
    let served = Served::start(&test, &["--url", &url, "--trusted-proxy", "127.0.0.1"]);
    let (status, said) = Far::of(&served, "203.0.113.1").sign_in("admin", &served.password);
    assert_eq!(status, 403, "{said}");
    assert!(said.contains("the password that was made for you"), "{said}");
    let mut here = Far::of(&served, "127.0.0.1");
    assert_eq!(here.sign_in("admin", &served.password).0, 303);
    assert_eq!(here.ask("GET", "/", "").0, 200);
    here.address = "203.0.113.1";
    assert_eq!(here.ask("GET", "/runs.json", "").0, 403, "nor with a session from here");
    // Made while the service is at work.
    let made = test.run(&["user", "add", "anna", "--role", "viewer"]).code(0).stdout.trim().to_owned();
    let mut far = Far::of(&served, "203.0.113.2");
    assert_eq!(far.sign_in("anna", &made).0, 303);
    let (status, led) = far.ask("GET", "/", "");
    assert!(status == 303 && led.contains("location: /password\r\n"), "{led}");
    assert_eq!(far.ask("GET", "/runs.json", "").0, 403);
    let (status, page) = far.ask("GET", "/password", "");
    assert_eq!(status, 200);
    let token = page.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let fields = [("csrf", token.as_str()), ("old", &made), ("new", "correct horse"), ("again", "correct horse")];
    assert_eq!(far.ask("POST", "/password", &form(&fields)).0, 303);
    assert_eq!(far.ask("GET", "/", "").0, 200, "changed, it is one's own");
}

#[test]
fn a_password_typed_as_a_name_is_not_kept() {
    let test = project();
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    assert_eq!(served.stranger().sign_in("hunter2-is-my-password", "admin").status, 401);
    assert_eq!(served.stranger().sign_in("admin", "wrong password").status, 401);
    let deeds = admin.get("/audit.json").text;
    assert!(!deeds.contains("hunter2") && deeds.contains("failed to sign in"), "{deeds}");
    assert!(deeds.contains("\"who\":\"admin\""), "{deeds}");
    nothing_holds(&test.path(".engine"), "hunter2");
}

/// No file below a folder holds the text.
pub fn nothing_holds(folder: &Path, text: &str) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nothing_holds(&path, text);
        } else if let Ok(bytes) = fs::read(&path) {
            let holds = String::from_utf8_lossy(&bytes).to_lowercase().contains(&text.to_lowercase());
            assert!(!holds, "{} holds `{text}`", path.display());
        }
    }
}

#[test]
fn keys_expire() {
    let test = project();
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    let made = admin.send("/keys", &[("name", "ci"), ("role", "viewer"), ("days", "3")]).text;
    let key = made.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let mut ci = Browser { key, cookie: String::new(), ..admin.clone() };
    assert_eq!(ci.get("/api/v1/runs").status, 200);
    let users = admin.get("/users.json").json();
    let (from, to) = (&users["machines"][0]["created_us"], &users["machines"][0]["expires_us"]);
    assert_eq!(to.as_i64().unwrap() - from.as_i64().unwrap(), 3 * 86_400_000_000, "{users}");
    for days in ["0", "367", "-1", "x"] {
        assert_eq!(admin.send("/keys", &[("name", "other"), ("role", "viewer"), ("days", days)]).status, 400, "{days}");
    }
    assert_eq!(admin.send("/keys", &[("name", "usual"), ("role", "viewer")]).status, 200);
    let db = rusqlite::Connection::open(test.path(".engine/state.db")).unwrap();
    let never: i64 =
        db.query_row("select count(*) from machines where expires_us is null", [], |row| row.get(0)).unwrap();
    assert_eq!(never, 0, "no key is for ever");
    db.execute("update machines set expires_us = created_us where name = 'ci'", []).unwrap();
    assert_eq!(ci.get("/api/v1/runs").status, 401);
    assert!(admin.get("/users").text.contains("expired"));
}

#[test]
fn slow_and_many_connections_keep_nobody_out() {
    let test = project();
    let served = Served::start(&test, &[]);
    let host = served.url.trim_start_matches("http://").to_owned();
    let begun = Instant::now();
    let mut slow: Vec<TcpStream> = (0..160)
        .filter_map(|_| {
            let mut line = TcpStream::connect(&host).ok()?;
            line.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            // Whoever has too many is cut off, and may be already.
            let _ = line.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ");
            Some(line)
        })
        .collect();
    let ended = |line: &mut TcpStream| {
        let mut text = vec![];
        let _ = line.read_to_end(&mut text);
        begun.elapsed()
    };
    let last = slow.pop().map(|mut line| ended(&mut line)).unwrap();
    assert!(last < Duration::from_secs(5), "one address has so many connections: the last was there for {last:?}");
    let first = ended(&mut slow[0]);
    assert!(first < Duration::from_secs(20), "a head that does not come ends the connection, after {first:?}");
    until("others are served again", || {
        let mut line = TcpStream::connect(&host).ok()?;
        line.set_read_timeout(Some(PATIENCE)).unwrap();
        line.write_all(format!("GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())
            .ok()?;
        let mut text = String::new();
        line.read_to_string(&mut text).ok()?;
        text.starts_with("HTTP/1.1 200").then_some(())
    });
}

#[test]
fn an_env_file_is_never_quoted_and_its_dollars_are_kept() {
    let test = chain().file(".env", "GOOD=p@ss$word\n# sesame-1\nBAD=open sesame-2\n");
    let told = test.run(&["check"]).code(1).says("line 3 of `.env`").says(".env:3:1");
    let whole = format!("{}{}", told.stdout, told.stderr);
    assert!(!whole.contains("sesame") && !whole.contains("p@ss"), "{whole}");
    let json = test.run(&["check", "--output", "json"]).stdout;
    assert!(json.contains("\"line\":3") && !json.contains("sesame"), "{json}");
    test.write(".env", "GOOD=p@ss$word\n");
    test.write("project/models/e.sql", "select '{{ env_var(\"GOOD\") }}' as p");
    test.run(&["run", "e"]).code(0);
    let shown = test.run(&["show", "e"]).code(0);
    assert!(shown.stdout.contains("p@ss$word"), "{}", shown.stdout);
}

#[test]
fn a_check_that_is_gone_breaks_nothing() {
    let test = project();
    test.write(
        "project/models/a.sql",
        "{{ config(checks = [expression(\"n > 7\")]) }}\nselect count(*) as n from {{ ref(\"s\") }}",
    );
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    assert_eq!(admin.send("/runs", &[("select", "+a")]).status, 303);
    until("it breaks", || (admin.get("/checks.json").json()["failing"] == 1).then_some(()));
    let failing = |admin: &mut Browser| {
        let text = admin.get("/metrics").text;
        text.lines().find_map(|line| line.strip_prefix("engine_checks_failing ")?.parse::<f64>().ok()).unwrap()
    };
    assert!((failing(&mut admin) - 1.0).abs() < 0.1);
    let reloads = served.said().matches("Reloaded").count();
    test.write(
        "project/models/a.sql",
        "{{ config(checks = [expression(\"n > 1\")]) }}\nselect count(*) as n from {{ ref(\"s\") }}",
    );
    until("the project is read again", || (served.said().matches("Reloaded").count() > reloads).then_some(()));
    let checks = admin.get("/checks.json").json();
    assert_eq!((checks["failing"].as_u64(), checks["never"].as_u64()), (Some(0), Some(1)), "another check: {checks}");
    assert_eq!(admin.send("/runs", &[("select", "+a")]).status, 303);
    until("it passes", || (admin.get("/checks.json").json()["passed"] == 1).then_some(()));
    assert!(failing(&mut admin) < 0.1);
    assert_eq!(admin.get("/models/a.json").json()["checks"].as_array().unwrap().len(), 1);
    let reloads = served.said().matches("Reloaded").count();
    fs::remove_file(test.path("project/models/a.sql")).unwrap();
    fs::remove_file(test.path("project/models/b.sql")).unwrap();
    let _ = fs::remove_file(test.path("project/models/c.sql"));
    until("the project is read again", || (served.said().matches("Reloaded").count() > reloads).then_some(()));
    let checks = admin.get("/api/v1/checks").json();
    assert_eq!(checks["checks"].as_array().map(Vec::len), Some(0), "{checks}");
}
