//! `engine watch`, with somebody who edits.

use crate::{builder::Test, runs::chain};
use std::{
    io::Read,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// The command at work, and what it has said so far.
struct Watched {
    child: Child,
    said: Arc<Mutex<String>>,
    heard: usize,
}

impl Watched {
    fn start(test: &Test, args: &[&str]) -> Self {
        let mut child = test.command(args).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let saying = said.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut buffer) {
                saying.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
        });
        Self { child, said, heard: 0 }
    }

    /// Waits until it says something that it had not said before; answers all up to there.
    #[track_caller]
    fn hears(&mut self, part: &str) -> String {
        let started = Instant::now();
        loop {
            let said = self.said.lock().unwrap().clone();
            if let Some(at) = said[self.heard..].find(part) {
                let end = self.heard + at + part.len();
                let text = said[self.heard..end].to_owned();
                self.heard = end;
                return text;
            }
            assert!(started.elapsed() < Duration::from_secs(15), "`{part}` was not said in\n{}", &said[self.heard..]);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_save_is_checked_then_built_and_a_mistake_keeps_the_last_good() {
    let test = chain();
    let mut watched = Watched::start(&test, &["watch"]);
    watched.hears("3 succeeded");
    test.write("project/models/b.sql", "select n + 2 as m from {{ ref(\"a\") }}");
    watched.hears("Saved project/models/b.sql");
    watched.hears("Checked");
    let built = watched.hears("1 succeeded");
    assert!(built.contains("Succeeded b") && !built.contains(" a "), "{built}");
    test.write("project/models/b.sql", "select n + 2 as m from {{ ref(\"aa\") }}");
    watched.hears("error[E0420]");
    watched.hears("Kept");
    test.run(&["show", "b", "--output", "csv"]).code(1);
    test.write("project/models/b.sql", "select n + 3 as m from {{ ref(\"a\") }}");
    watched.hears("1 succeeded");
    test.run(&["show", "b", "--output", "csv"]).code(0).stdout("m\n6\n");
    test.write("project/seeds/s.csv", "id,name\n1,b\n2,c\n3,d\n");
    let built = watched.hears("reused");
    assert!(built.contains("Seeded s") && built.contains("same data, stopped here"), "{built}");
}

#[test]
fn ctrl_c_ends_watching_with_130() {
    let test = chain();
    let mut watched = Watched::start(&test, &["watch", "--poll"]);
    watched.hears("3 succeeded");
    let pressed = Instant::now();
    Command::new("kill").args(["-INT", &watched.child.id().to_string()]).status().unwrap();
    let status = watched.child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(pressed.elapsed() < Duration::from_secs(2));
}

/// A query that takes minutes.
fn slow() -> String {
    let digits = "(values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))";
    let tables: Vec<String> = (0..9).map(|i| format!("{digits} as t{i}(x{i})")).collect();
    format!("select sum(x0 + x8) as m from {}", tables.join(" cross join "))
}

#[test]
fn a_newer_save_overtakes() {
    let test = chain();
    let mut watched = Watched::start(&test, &["watch"]);
    watched.hears("3 succeeded");
    test.write("project/models/b.sql", &slow());
    watched.hears("Checked");
    thread::sleep(Duration::from_millis(300));
    test.write("project/models/b.sql", "select 7 as m");
    watched.hears("Saved");
    let saved = Instant::now();
    watched.hears("1 succeeded");
    assert!(saved.elapsed() < Duration::from_secs(5), "{:?}", saved.elapsed());
    test.run(&["show", "b", "--output", "csv"]).code(0).stdout("m\n7\n");
}

#[test]
fn a_saved_test_is_run_again() {
    let test = chain();
    let unit =
        |m: u32| format!("[one_more]\nmodel = \"b\"\ngiven = {{ a = [{{ n = 1 }}] }}\nexpect = [{{ m = {m} }}]\n");
    test.write("project/tests/b.toml", &unit(2));
    test.run(&["test", "b", "--accept"]).code(0);
    let mut watched = Watched::start(&test, &["watch"]);
    watched.hears("3 succeeded");
    test.write("project/tests/b.toml", &unit(3));
    watched.hears("Failed unit test b.one_more");
}

#[test]
fn a_saved_model_or_macro_runs_its_tests_again() {
    let unit = "[one_more]\nmodel = \"b\"\ngiven = { a = [{ n = 1 }] }\nexpect = [{ m = 2 }]\n";
    let test = chain()
        .file("project/tests/b.toml", unit)
        .file("project/macros/more.sql", "{% macro more() %}1{% endmacro %}")
        .file("project/models/b.sql", "select n + {{ more() }} as m from {{ ref(\"a\") }}");
    test.run(&["test", "b", "--accept"]).code(0);
    let mut watched = Watched::start(&test, &["watch"]);
    watched.hears("3 succeeded");
    test.write("project/macros/more.sql", "{% macro more() %}2{% endmacro %}");
    watched.hears("Failed unit test b.one_more");
    watched.hears("Failed snapshot b");
    watched.hears("Failed 2 of");
    test.write("project/macros/more.sql", "{% macro more() %}1{% endmacro %}");
    watched.hears("Passed");
    test.write("project/models/b.sql", "select n + {{ more() }} + 1 as m from {{ ref(\"a\") }}");
    watched.hears("Failed unit test b.one_more");
}

#[test]
fn tests_that_a_newer_save_overtakes_are_run_after_it() {
    let test = chain();
    let unit = |m: u32| format!("[t]\nmodel = \"b\"\ngiven = {{ a = [{{ n = 1 }}] }}\nexpect = [{{ m = {m} }}]\n");
    test.write("project/tests/b.toml", &unit(2));
    test.write("project/models/c.sql", "select 1 as x");
    let mut watched = Watched::start(&test, &["watch"]);
    watched.hears("4 succeeded");
    test.write("project/models/c.sql", &slow());
    watched.hears("Checked");
    thread::sleep(Duration::from_millis(200));
    test.write("project/tests/b.toml", &unit(3));
    watched.hears("Checked");
    thread::sleep(Duration::from_millis(200));
    test.write("project/models/c.sql", "select 2 as x");
    watched.hears("1 succeeded");
    watched.hears("Failed unit test b.t");
}
