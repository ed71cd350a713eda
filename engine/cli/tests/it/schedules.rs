//! `engine schedules` and `engine user`.

use crate::builder::Test;
use serde_json::Value;

fn project() -> Test {
    Test::small().file("project/models/m.sql", "select 1 as n").file(
        "project/schedules.toml",
        "[nightly]\ncron = \"30 2 * * *\"\ntimezone = \"Europe/Berlin\"\nselect = [\"m\"]\n\
         [often]\nevery = \"10m\"\n[then]\nafter = \"often\"\n[stream]\ncontinuous = true\nselect = [\"m\"]\n",
    )
}

#[test]
fn schedules_are_told_in_words_and_times() {
    let test = project();
    let text = test.run(&["schedules", "--next", "3"]).code(0).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("nightly   every day at 02:30, Europe/Berlin"), "{text}");
    assert!(lines[1].starts_with("often     every 10 minutes") && lines[1].matches(':').count() >= 3, "{text}");
    assert_eq!((lines[2], lines[3]), ("stream    all the time", "then      after `often`"));
    let json = test.run(&["schedules", "--next", "10", "--output", "json"]).code(0).stdout;
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), lines[0]["next"].as_array().unwrap().len()), (4, 10));
    assert!(!test.path(".engine").exists(), "asking makes nothing");
}

#[test]
fn a_day_is_simulated_without_running_anything() {
    let test = project();
    let done = test.run(&["schedules", "--simulate", "24h"]).code(0).says("nothing was run");
    let line = |name: &str| -> Vec<String> {
        let line = done.stdout.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect()
    };
    assert!(["144", "145"].contains(&line("often")[1].as_str()), "{}", done.stdout);
    assert_eq!((line("nightly")[1].as_str(), line("stream")[1].as_str()), ("1", "always"), "{}", done.stdout);
    assert_eq!(line("then")[1], line("often")[1], "{}", done.stdout);
    let json = test.run(&["schedules", "--simulate", "1h", "--output", "json"]).code(0).stdout;
    let runs: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(runs.iter().any(|run| run["schedule"] == "often" && run["due_at"].is_string()), "{json}");
    assert!(!test.path(".engine").exists());
}

#[test]
fn mistakes_are_told() {
    let test = Test::small();
    test.run(&["schedules"]).code(2).says("the project has no schedules");
    test.run(&["schedules", "--simulate", "soon"]).code(2).says("it is a duration");
    test.run(&["serve", "--url", "https://x/y"]).code(2).says("an address without a path");
    test.run(&["serve", "--listen", "here"]).code(2);
    let broken = Test::small().file("project/models/m.sql", "select nothing from");
    broken.run(&["serve", "--listen", "127.0.0.1:0"]).code(1).says("Refused");
}

#[test]
fn users_are_added_listed_and_removed() {
    let test = project();
    let made = test.run(&["user", "add", "anna", "--role", "admin"]).code(0).says("it is not shown again").stdout;
    assert_eq!(made.trim().len(), 23, "{made}");
    test.run(&["user", "add", "anna"]).code(2).says("there is a user `anna` already");
    test.run(&["user", "add", "a b"]).code(2).says("cannot be a name");
    test.run(&["user", "add", "bert", "--role", "operator"]).code(0);
    let text = test.run(&["user", "ls"]).code(0).stdout;
    assert!(text.contains("anna") && text.contains("admin") && text.contains("first password"), "{text}");
    let json = test.run(&["user", "ls", "--output", "json"]).code(0).stdout;
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), lines[1]["role"].as_str()), (2, Some("operator")));
    assert!(!json.contains("argon2"));
    test.run(&["user", "rm", "anna"]).code(2).says("is the last admin");
    test.run(&["user", "rm", "bert"]).code(0);
    test.run(&["user", "rm", "bert"]).code(2).says("there is no user `bert`");
    test.run(&["user", "passwd", "carl"]).code(2).says("there is no user `carl`");
    let again = test.run(&["user", "passwd", "anna"]).code(0).stdout;
    assert_ne!(again, made);
}
