//! Who may not, cannot: no login, the wrong role, no token, another origin; and what must never be seen.

use crate::{
    builder::Test,
    runs::chain,
    served::{Browser, PATIENCE, Served, escaped, form, until},
    web::crawl,
};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

/// Routes that change something, with plausible parameters, each with the role that it needs.
fn changing(admin: &mut Browser) -> Vec<(String, Option<String>)> {
    let described = admin.get("/api/v1/openapi.json").json();
    let paths = described["paths"].as_object().unwrap().iter();
    let posts = paths.filter_map(|(path, operations)| {
        let role = operations.get("post")?["x-role"].as_str().map(str::to_owned);
        Some((path.replace("{name}", "s").replace("{id}", "1"), role))
    });
    let posts: Vec<_> = posts.collect();
    assert!(posts.len() > 20, "{posts:?}");
    posts
}

fn project() -> Test {
    chain().file("project/schedules.toml", "[s]\ncron = \"0 0 1 1 *\"\n")
}

fn add(test: &Test, name: &str, role: &str) -> String {
    test.run(&["user", "add", name, "--role", role]).code(0).stdout.trim().to_owned()
}

#[test]
fn nothing_is_changed_without_login_role_token_and_origin() {
    let test = project();
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    let routes = changing(&mut admin);
    let (viewer, operator) = (add(&test, "viewer", "viewer"), add(&test, "operator", "operator"));
    let mut viewer = served.signed_in("viewer", &viewer);
    let mut operator = served.signed_in("operator", &operator);
    let (url, token) = (served.url.clone(), admin.token());
    let other = viewer.token();
    assert_ne!(token, other);
    for (path, role) in &routes {
        let body = form(&[("csrf", &token), ("name", "x"), ("role", "viewer")]);
        let mut nobody = served.stranger();
        if role.is_some() {
            assert_eq!(nobody.post(path, &body, &[("origin", &url)]).status, 401, "{path} without login");
            nobody.get("/login");
            assert_eq!(nobody.post(path, &body, &[("origin", &url)]).status, 401, "{path} with a cookie and no login");
            let mut wrong = Browser { key: "engine_0000".into(), ..served.stranger() };
            assert_eq!(wrong.post(path, "", &[]).status, 401, "{path} with a wrong key");
        } else {
            assert_eq!(nobody.post(path, &body, &[("origin", &url)]).status, 403, "{path} without a cookie");
        }
        for (body, why) in
            [("", "no token"), ("csrf=", "an empty token"), (&*form(&[("csrf", &other)]), "another's token")]
        {
            assert_eq!(admin.post(path, body, &[("origin", &url)]).status, 403, "{path} with {why}");
        }
        for origin in ["http://evil.example", "null", "https://127.0.0.1", &format!("{url}.evil.example")] {
            assert_eq!(admin.post(path, &body, &[("origin", origin)]).status, 403, "{path} from {origin}");
        }
        assert_eq!(admin.post(path, &body, &[]).status, 403, "{path} without an origin");
        let evil = admin.post(path, &body, &[("origin", &url), ("host", "evil.example")]);
        assert!([400, 403].contains(&evil.status), "{path} by another name: {}", evil.status);
        let refused = |browser: &mut Browser, role: &str| {
            let token = browser.token();
            let body = form(&[("csrf", &token), ("name", "x"), ("role", "viewer")]);
            assert_eq!(browser.post(path, &body, &[("origin", &url)]).status, 403, "{path} as {role}");
        };
        if matches!(role.as_deref(), Some("operator" | "admin")) {
            refused(&mut viewer, "viewer");
        }
        if role.as_deref() == Some("admin") {
            refused(&mut operator, "operator");
        }
    }
    for path in ["/users", "/audit"] {
        assert_eq!((viewer.get(path).status, operator.get(path).status), (403, 403), "{path}");
        assert_eq!(served.stranger().get(path).header("location"), format!("/login?next=%2F{}", &path[1..]));
    }
    for path in ["/", "/models", "/events", "/metrics", "/api/v1/runs", "/runs.json"] {
        assert!([303, 401].contains(&served.stranger().get(path).status), "{path}");
    }
    assert_eq!(admin.get("/users.json").json()["users"].as_array().unwrap().len(), 3, "nobody was added");
    assert_eq!(admin.get("/runs.json").json()["runs"].as_array().unwrap().len(), 0, "nothing ran");
}

#[test]
fn a_key_in_a_browser_of_another_origin_is_refused() {
    let test = project();
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    let made = admin.send("/keys", &[("name", "ci"), ("role", "operator")]).text;
    let key = made.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let mut ci = Browser { key, ..served.stranger() };
    assert_eq!(ci.post("/api/v1/schedules/s/pause", "", &[("origin", "http://evil.example")]).status, 403);
    assert_eq!(ci.post("/api/v1/schedules/s/pause", "", &[]).status, 200);
    let db = fs::read(test.path(".engine/state.db")).unwrap();
    let wal = fs::read(test.path(".engine/state.db-wal")).unwrap_or_default();
    for (name, secret) in
        [("key", &ci.key), ("password", &served.password), ("cookie", &admin.cookie.replace("engine=", ""))]
    {
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!holds(&db) && !holds(&wal), "only a digest of the {name} is kept");
    }
}

#[test]
fn a_session_is_new_at_login_and_ends_with_it() {
    let test = project();
    let served = Served::start(&test, &[]);
    let mut victim = served.stranger();
    victim.cookie = format!("engine={}", "a".repeat(64));
    let fixed = victim.cookie.clone();
    let signed = victim.sign_in("admin", &served.password);
    assert_eq!(signed.status, 303);
    let set = signed.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    assert_ne!(victim.cookie, fixed);
    let mut attacker = Browser { cookie: fixed, ..served.stranger() };
    assert_eq!(attacker.get("/").status, 303, "the cookie from before is worth nothing");
    let first = victim.cookie.clone();
    assert_eq!(victim.sign_in("admin", &served.password).status, 303, "signed in already: a new session");
    let mut old = Browser { cookie: first, ..served.stranger() };
    assert_eq!(old.get("/").status, 303, "which ends the one before");
    let before = victim.cookie.clone();
    let mut second = served.admin();
    assert_eq!(second.send("/logout", &[]).status, 303);
    let mut stolen = Browser { cookie: before.clone(), ..served.stranger() };
    assert_eq!(stolen.get("/").status, 200, "another session goes on");
    let changed =
        victim.send("/password", &[("old", &served.password), ("new", "correct horse"), ("again", "correct horse")]);
    assert_eq!((changed.status, victim.get("/").status), (303, 200), "{}", changed.text);
    let mut third = served.signed_in("admin", "correct horse");
    for (old, new, again, status) in [
        ("wrong", "another horse", "another horse", 403),
        ("correct horse", "short", "short", 400),
        ("correct horse", "another horse", "a different one", 400),
        ("correct horse", "correct horse", "correct horse", 400),
    ] {
        assert_eq!(third.send("/password", &[("old", old), ("new", new), ("again", again)]).status, status, "{new}");
    }
    assert_eq!(
        third
            .send("/password", &[("old", "correct horse"), ("new", "battery staple"), ("again", "battery staple")])
            .status,
        303
    );
    assert_eq!((victim.get("/").status, third.get("/").status), (303, 200), "a new password ends the other sessions");
    let next = served.stranger().post("/login", &form(&[("next", "//evil.example")]), &[]);
    assert_eq!(next.status, 403);
    let mut led = served.stranger();
    let led = led.send("/login", &[("name", "admin"), ("password", "battery staple"), ("next", "//evil.example/")]);
    assert_eq!((led.status, led.header("location")), (303, "/"));
}

#[test]
fn guessing_passwords_is_slowed_down() {
    let test = project();
    let served = Served::start(&test, &[]);
    add(&test, "anna", "viewer");
    let mut guesser = served.stranger();
    for i in 0..5 {
        let answer = guesser.sign_in("anna", &format!("guess number {i}"));
        assert_eq!(answer.status, 401, "{}", answer.text);
        assert!(answer.text.contains("name or password is wrong"));
    }
    let refused = guesser.sign_in("anna", "guess number 6");
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 200, "{:?}", refused.headers);
    let unknown = guesser.sign_in("nobody", "guess number 1");
    assert!(unknown.status == 401 && unknown.text.contains("name or password is wrong"), "no telling who is there");
    served.signed_in("admin", &served.password).get("/audit");
}

#[test]
fn nothing_of_the_users_becomes_html() {
    const EVIL: &str = "<img src=x onerror=alert(1)>";
    let test = Test::small()
        .file(&format!("project/models/{EVIL}.sql"), &format!("{{{{ config(description = \"{EVIL}\", checks = [expression(\"x <> '{EVIL}'\", severity = \"warn\")]) }}}}\nselect '{EVIL}' as x, '\"><script>alert(2)</script>' as \"<b onclick=alert(3)>\""))
        .file("project/models/bad.sql", &format!("select cast('{EVIL}' || n as int) as n from {{{{ ref(\"one\") }}}}"))
        .file("project/models/one.sql", "select 'x' as n")
        .file("project/schedules.toml", &format!("[\"{EVIL}\"]\ncron = \"0 0 1 1 *\"\n"));
    let mut served = Served::start(&test, &[]);
    let mut admin = served.admin();
    assert_eq!(admin.send("/runs", &[("select", "")]).status, 303);
    served.hears("Failed asked for by admin");
    let mut pages = crawl(&mut admin);
    for path in [
        "/login?next=%22%3E%3Cscript%3E",
        "/models?q=%22%3E%3Cscript%3Ealert(4)%3C/script%3E",
        "/graph?select=%3Cscript%3E",
        "/runs?state=%22%3E%3Cimg%20src=x",
    ] {
        pages.insert(path.to_owned(), served.stranger().get(path).text + &admin.get(path).text);
    }
    let name = escaped(EVIL);
    for tab in ["overview", "data", "sql", "lineage", "runs"] {
        let answer = admin.get(&format!("/models/{name}?tab={tab}"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.text.contains("&#60;img") || answer.text.contains("&lt;img"), "{tab}: {}", answer.text);
        pages.insert(tab.to_owned(), answer.text);
    }
    assert!(pages.values().any(|text| text.contains("alert(2)")) && pages.len() > 20);
    // What is no HTML is not read as such, either.
    let is_html = |path: &String| ![".dot", ".mmd"].iter().any(|ending| path.contains(ending));
    for (path, text) in pages.into_iter().filter(|(path, _)| is_html(path)) {
        for part in ["<img", "<script>", "<b onclick", "\"><script"] {
            assert!(!text.contains(part), "{path} holds `{part}`:\n{text}");
        }
        assert!(!text.contains(" style=\"") && !text.contains("javascript:"), "{path}");
    }
}

#[test]
fn paths_lead_nowhere_else() {
    let test = project();
    let served = Served::start(&test, &[]);
    let mut admin = served.admin();
    for path in [
        "/assets/x/..%2f..%2f..%2fCargo.toml",
        "/assets/x/..%2Fmod.rs",
        "/assets/x/%2e%2e%2f%2e%2e%2fserve.rs",
        "/assets/x/%2Fetc%2Fpasswd",
        "/graph/..%2f..%2fsources.toml",
        "/models/..%2f..%2fproject%2fsources.toml?tab=snapshot",
        "/models/..%2F..%2F..%2F..%2Fetc%2Fpasswd?tab=sql",
        "/runs/..%2f..%2fstate.db",
        "/runs/%00",
        "/.env",
        "/project/sources.toml",
        "//etc/passwd",
    ] {
        let answer = admin.get(path);
        assert!([400, 404].contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
        assert!(!answer.text.contains("root:") && !answer.text.contains("[connections"), "{path}");
    }
    for path in ["/", "/login", "/healthz", "/nowhere", "/runs.json", "/assets/x/engine.css"] {
        let answer = admin.get(path);
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(
            (answer.header("x-content-type-options"), answer.header("x-frame-options")),
            ("nosniff", "DENY"),
            "{path}"
        );
    }
    let answer = served.stranger().post("/healthz", "", &[]);
    assert!([404, 405].contains(&answer.status));
    let huge = format!("csrf={}", "x".repeat(100_000));
    assert_eq!(admin.post("/runs", &huge, &[("origin", &served.url)]).status, 400);
}

/// A project that has a secret wherever one may stand.
fn with_secret(secret: &str) -> Test {
    let sources = format!(
        "default_sink = \"out\"\n[limits]\nwait = \"1s\"\n[vars]\nfrom_env = \"${{SECRET}}\"\n[connections.out]\ntype = \"sqlite\"\npath = \".engine/out.db\"\n[sinks.out]\nconnection = \"out\"\n\
         [connections.far]\ntype = \"postgres\"\nhost = \"127.0.0.1\"\nport = 1\ndatabase = \"d\"\nuser = \"u\"\npassword = \"${{SECRET}}\"\n[sources.far]\nconnection = \"far\"\n[sources.far.tables.t]\ncolumns = {{ n = \"int\" }}\nfreshness = {{ column = \"n\", warn = \"1d\" }}\n# {}\n",
        "none"
    );
    Test::new()
        .file("project/sources.toml", &sources)
        .file("project/models/a.sql", "select cast('{{ env_var(\"SECRET\") }}' as int) as n, '{{ var(\"from_env\") }}' as v")
        .file("project/models/b.sql", "{{ config(checks = [expression(\"'\" ~ env_var(\"SECRET\") ~ \"' <> 'x'\")]) }}select length('{{ env_var(\"SECRET\") }}') as n, length('{{ var(\"from_env\") | upper }}') as m")
        .file("project/models/c.sql", "select n from {{ source(\"far\", \"t\") }}")
        .file("project/schedules.toml", "[s]\nevery = \"1d\"\nretries = { times = 1, wait = \"50ms\" }\non_failure = { webhook = \"http://127.0.0.1:1/${SECRET}\" }\n")
        .env("SECRET", secret)
}

/// A secret that stands wherever a project may have one is in no page, answer, line, number or record.
#[test]
fn a_secret_is_never_seen() {
    const SECRET: &str = "sentinel-4f1c9d";
    let test = with_secret(SECRET);
    let (collector, traced) = crate::serve::webhook();
    let mut served = Served::start_with(&test, &["-vv"], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector)]);
    served.hears("Failed s");
    let mut admin = served.admin();
    assert_eq!(admin.send("/sources/far/test", &[]).status, 303);
    admin.get("/sources");
    until("sources are looked at", || admin.get("/sources.json").text.contains("unknown").then_some(()));
    let made = admin.send("/keys", &[("name", "ci"), ("role", "admin")]).text;
    let key = made.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let mut pages = crawl(&mut admin);
    let paths: Vec<String> = pages.keys().cloned().collect();
    for path in paths.iter().filter(|path| !path.starts_with("/api/") && !path.starts_with("/graph/")) {
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let bare = if bare == "/" { "/index" } else { bare };
        pages.insert(format!("{bare}.json?{query}"), admin.get(&format!("{bare}.json?{query}")).text);
    }
    let mut ci = Browser { key, cookie: String::new(), ..admin.clone() };
    let run = admin.get("/runs.json").json()["runs"][0]["id"].as_str().unwrap().to_owned();
    for path in [
        "/api/v1/nodes",
        "/api/v1/nodes/a",
        "/api/v1/runs",
        "/api/v1/jobs/1",
        "/api/v1/schedules",
        "/api/v1/checks",
        "/metrics",
        &format!("/api/v1/runs/{run}"),
        &format!("/api/v1/runs/{run}/log"),
    ] {
        pages.insert(path.to_owned(), ci.get(path).text);
    }
    assert!(pages.keys().filter(|path| path.starts_with("/models/b")).count() >= 4, "{:?}", pages.keys());
    let sql = pages
        .iter()
        .find(|(path, _)| path.starts_with("/models/b") && path.contains("json") && path.contains("tab=sql"))
        .unwrap()
        .1;
    assert!(sql.contains("***"), "{sql}");
    let traces: Vec<String> = (0..2).map(|_| traced.recv_timeout(PATIENCE).unwrap()).collect();
    assert!(traces.iter().all(|text| text.contains("model.a")), "{traces:?}");
    pages.insert("traces".into(), traces.join("\n"));
    pages.insert("stderr".into(), served.said());
    for (path, text) in pages {
        let text = text.to_lowercase();
        assert!(!text.contains(SECRET), "{path} holds the secret:\n{text}");
    }
    drop(served);
    // What the user's own tables hold is theirs.
    let _ = fs::remove_file(test.path(".engine/out.db"));
    assert!(test.path(".engine/artifacts/run_results.json").is_file());
    crate::web_attacks::nothing_holds(&test.path(".engine"), SECRET);
    test.run(&["run"]).code(1);
    let _ = fs::remove_file(test.path(".engine/out.db"));
    for file in ["manifest.json", "run_results.json", "catalog.json", "events.jsonl"] {
        assert!(test.path(".engine/artifacts").join(file).is_file(), "{file}");
    }
    crate::web_attacks::nothing_holds(&test.path(".engine"), SECRET);
}

#[test]
fn a_refused_form_leaves_its_connection_for_the_next() {
    let test = project();
    let served = Served::start(&test, &[]);
    let host = served.url.trim_start_matches("http://");
    let mut line = BufReader::new(TcpStream::connect(host).unwrap());
    line.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..3 {
        let head = format!("POST /login HTTP/1.1\r\nhost: {host}\r\norigin: http://evil.example\r\n");
        line.get_mut().write_all(format!("{head}content-length: 6\r\n\r\n").as_bytes()).unwrap();
        // What a form holds may come behind its header.
        thread::sleep(Duration::from_millis(100));
        line.get_mut().write_all(b"name=x").unwrap();
        let head = answered(&mut line);
        assert!(head.starts_with("HTTP/1.1 403"), "{head}");
        assert!(!head.contains("connection: close"), "{head}");
    }
    // What is more than a form is not read to its end: the connection is done with.
    line.get_mut().write_all(format!("POST /login HTTP/1.1\r\nhost: {host}\r\n").as_bytes()).unwrap();
    line.get_mut().write_all(b"content-length: 9000000\r\n\r\n").unwrap();
    line.get_mut().write_all(&vec![b'x'; 100_000]).unwrap();
    let head = answered(&mut line);
    assert!(head.contains("connection: close"), "{head}");
}

/// The head of the next answer on a connection; its body is passed over.
fn answered(line: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(line.read_line(&mut head).unwrap() > 0, "it was closed after `{head}`");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    line.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
    head
}
