//! Bad input: said with its place and a next step, and nothing is touched.

use crate::builder::{Done, Test};
use rusqlite::Connection;
use std::{fs, os::unix::fs::symlink, process::Command};

/// A project whose table `m` holds the row 1, and `more` as the model from then on.
fn once_good(more: &str) -> Test {
    let test = Test::small().file("project/models/m.sql", "select 1 as n");
    test.run(&["run"]).code(0);
    test.write("project/models/m.sql", more);
    test
}

/// The table `m` is still what it was.
fn untouched(test: &Test) {
    let database = Connection::open(test.path(".engine/out.db")).unwrap();
    assert_eq!(database.query_row("select n from m", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

/// Every line `key = value` of a file, by its number.
fn keys(text: &str) -> Vec<(usize, String)> {
    let key = |line: &str| {
        let (key, _) = line.split_once('=')?;
        let key = key.trim();
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        plain.then(|| key.to_owned())
    };
    text.lines().enumerate().filter_map(|(number, line)| Some((number, key(line)?))).collect()
}

/// The text with another line in the place of one.
fn with_line(text: &str, number: usize, line: &str) -> String {
    let lines = text.lines().enumerate();
    let mut lines: Vec<&str> = lines.map(|(i, old)| if i == number { line } else { old }).collect();
    lines.push("");
    lines.join("\n")
}

/// Checks the target that a line belongs to: a connection is read when its target is chosen.
fn checked(test: &Test, text: &str, line: usize) -> Done {
    let before: Vec<&str> = text.lines().take(line + 1).collect();
    let table = before.iter().rev().find(|line| line.starts_with('[')).copied().unwrap_or_default();
    let args: &[&str] = if table.ends_with(".stack]") { &["check", "-t", "stack"] } else { &["check"] };
    test.run(args).code(1)
}

/// A value that no key takes is refused at every key of every file, at its line.
#[test]
fn a_wrong_value_at_any_key_is_said_at_its_line() {
    let test = Test::shop();
    for file in ["project/sources.toml", "project/generators.toml", "project/schedules.toml"] {
        let good = test.read(file);
        let keys = keys(&good);
        assert!(keys.len() >= 5, "{file} has {} keys", keys.len());
        for (number, key) in keys {
            test.write(file, &with_line(&good, number, &format!("{key} = [[{{ zzz = 1 }}]]")));
            let done = checked(&test, &good, number);
            let place = format!("{file}:{}:", number + 1);
            assert!(done.stderr.contains(&place), "`{key}` of {place}\n{}", done.stderr);
        }
        test.write(file, &good);
    }
    test.run(&["check"]).code(0);
}

/// A key with a letter too many is never taken for nothing.
#[test]
fn an_unknown_key_of_any_table_is_said_at_its_line() {
    let test = Test::shop();
    for file in ["project/sources.toml", "project/schedules.toml"] {
        let good = test.read(file);
        for (number, line) in good.lines().enumerate().filter(|(_, line)| line.starts_with('[')) {
            let vars = ["vars]", "columns]"].iter().any(|free| line.ends_with(free));
            if vars || line.ends_with("s]") && line.matches('.').count() == 0 {
                continue;
            }
            test.write(file, &with_line(&good, number, &format!("{line}\nzzz = 1")));
            let done = checked(&test, &good, number);
            let place = format!("{file}:{}:", number + 2);
            assert!(done.stderr.contains(&place) && done.stderr.contains("zzz"), "{line} at {place}\n{}", done.stderr);
        }
        test.write(file, &good);
    }
}

#[test]
fn a_key_that_stands_twice_is_said_at_its_place() {
    let test = Test::small();
    let twice = test.read("project/sources.toml").replace("type = \"sqlite\"", "type = \"sqlite\"\ntype = \"log\"");
    test.write("project/sources.toml", &twice);
    test.run(&["check"]).code(1).says("project/sources.toml:4:1").says("duplicate key");
}

#[test]
fn what_is_not_utf_8_is_said_by_its_file() {
    for file in ["project/sources.toml", "project/models/m.sql", "project/macros/x.sql", "project/seeds/s.csv", ".env"]
    {
        let test = Test::small().file("project/models/m.sql", "select 1 as n");
        test.write(file, "");
        fs::write(test.path(file), b"a = \"\xff\"\n").unwrap();
        test.run(&["check"]).code(1).says(file).says("UTF-8");
    }
}

#[test]
fn templates_without_end_are_stopped() {
    for endless in [
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %} select 1 as n",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }} select 1 as n",
        "{% include 'models/m.sql' %}",
    ] {
        let test = once_good(endless);
        test.run(&["run"]).code(1).says("error[E0105]").says("project/models/m.sql:1:");
        untouched(&test);
    }
}

#[test]
fn templates_do_not_reach_outside() {
    for path in ["../../etc/passwd", "/etc/passwd", "../../../../../../../../etc/passwd", "macros/../../../etc/passwd"]
    {
        let test = once_good(&format!("{{% include '{path}' %}}"));
        let done = test.run(&["run"]).code(1).says("error[E0106]").says("project/models/m.sql:1:");
        assert!(!done.stderr.contains("root:"), "{}", done.stderr);
        untouched(&test);
    }
    let test = once_good("{% include 'macros/link.sql' %}");
    fs::create_dir_all(test.path("project/macros")).unwrap();
    symlink("/etc/passwd", test.path("project/macros/link.sql")).unwrap();
    let done = test.run(&["run"]).code(1);
    assert!(!done.stderr.contains("root:") && done.stderr.contains("link.sql"), "{}", done.stderr);
    untouched(&test);
}

#[test]
fn names_may_be_anything_that_a_file_can_be_named() {
    let long = "n".repeat(64);
    let names = ["select", "a b", "it's", "say \"hi\"", "semi;colon", "Ünï", "日本", "1st", "100%", &long];
    let mut test = Test::small();
    for (i, name) in names.iter().enumerate() {
        test = test.file(&format!("project/models/{name}.sql"), &format!("select {i} as n"));
    }
    let all: Vec<String> =
        names.iter().map(|name| format!("select n from {{{{ ref(\"{}\") }}}}", name.replace('"', "\\\""))).collect();
    let test = test.file("project/models/all.sql", &all.join("\nunion all\n"));
    test.run(&["run"]).code(0);
    test.run(&["show", "--sql", "select sum(n) as n from {{ ref('all') }}", "--output", "csv"])
        .code(0)
        .prints("n\n45\n");
}

#[test]
fn a_thousand_models_are_no_burden() {
    let mut test = Test::small().file("project/models/m0.sql", "select 1 as n");
    for i in 1..1000 {
        let sql = format!("select n + 1 as n from {{{{ ref('m{}') }}}}", i / 2);
        test = test.file(&format!("project/models/m{i}.sql"), &sql);
    }
    test.run(&["check"]).code(0).says("Checked 1,000 models");
    test.run(&["run", "-s", "+m999"]).code(0).says("11 succeeded");
    test.run(&["show", "m999", "--output", "csv"]).code(0).stdout("n\n11\n");
    test.write("project/models/m7.sql", "select k as n from {{ ref('m3') }}");
    test.run(&["check"]).code(1).says("project/models/m7.sql:1:8");
}

#[test]
fn a_value_that_the_target_cannot_hold_leaves_the_old_table() {
    let test = once_good("select interval '1 month' as n");
    test.run(&["run"]).code(1).says("m").says("interval");
    untouched(&test);
    let test = once_good("select cast(x as int) as n from (values ('1'), ('one')) as t (x)");
    test.run(&["run"]).code(1).says("project/models/m.sql:1:").says("one");
    untouched(&test);
}

#[test]
fn rows_of_one_key_leave_the_old_table() {
    let test = once_good("{{ config(key = ['n']) }} select column1 as n from (values (1), (1)) as t");
    test.run(&["run"]).code(1).says("m").says("1");
    untouched(&test);
}

#[test]
fn a_csv_without_a_column_leaves_the_old_table() {
    let test = once_good("select n from {{ source('files', 't') }}");
    let sources = test.read("project/sources.toml")
        + "[connections.files]\ntype = \"files\"\npath = \"data\"\n[sources.files]\nconnection = \"files\"\n\
           [sources.files.tables.t]\ncolumns = { n = \"int\", more = \"text\" }\n";
    test.write("project/sources.toml", &sources);
    test.write("data/t.csv", "m,more\n1,a\n");
    test.run(&["run"]).code(1).says("no column is named `n`; there are m, more").says("data/t.csv:1");
    untouched(&test);
    test.write("data/t.csv", "n,more\n1,a\nx,b\n");
    test.run(&["run"]).code(1).says("data/t.csv:3").says("\"x\" is no int");
    untouched(&test);
}

/// Runs with a limit on what a file may hold: to a database it is the same as a full disk.
fn short_of_room(test: &Test, kib: u32) -> Done {
    let engine = test.command(&["run"]);
    let mut command = Command::new("bash");
    let limited = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    command.arg("-c").arg(limited).arg(engine.get_program()).args(engine.get_args());
    command.current_dir(engine.get_current_dir().unwrap()).env_clear();
    command.envs(engine.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Done::of(command.output().unwrap())
}

#[test]
fn a_full_disk_leaves_the_old_table() {
    let digits = "(values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))";
    let many = format!(
        "select a.column1 * 1000 + b.column1 * 100 + c.column1 * 10 + d.column1 as n, repeat('x', 400) as t\n\
         from {digits} a, {digits} b, {digits} c, {digits} d"
    );
    let test = once_good(&many);
    short_of_room(&test, 1024).code(1).says("m");
    untouched(&test);
    test.run(&["run"]).code(0).says("10,000 rows");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let done = test.command(&["show", "m", "--output", "csv", "--limit", "0"]).stdout(full).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(2), "{said}");
    assert!(said.contains("No space left") && said.contains("help: free some room"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let test = Test::small().file("project/models/m.sql", "select 1 as n");
    let elsewhere = test.read("project/sources.toml").replace(".engine/out.db", "/proc/out/out.db");
    let good = test.read("project/sources.toml");
    test.write("project/sources.toml", &elsewhere);
    test.run(&["run"]).code(1).says("/proc/out").says("help");
    test.write("project/sources.toml", &good);
    fs::remove_dir_all(test.path(".engine")).unwrap();
    test.write(".engine", "a file, where a folder should be");
    test.run(&["run"]).code(2).says("making the folder `.engine`").says("help: something else stands there");
    test.run(&["check"]).code(0);
}

/// A secret is given in every place that takes one, and every command is run: nothing of it comes out or stays.
#[test]
fn secrets_stay_inside() {
    let test = Test::small()
        .file("project/models/m.sql", "select 1 as n")
        .file("project/models/p.sql", "{{ config(sink = 'away') }} select * from {{ source('away', 't') }}")
        .file(".env", "AWAY_PASSWORD=open-sesame\n");
    let sources = test.read("project/sources.toml")
        + "[connections.away]\ntype = \"postgres\"\nhost = \"127.0.0.1\"\nport = 1\nuser = \"u\"\npassword = \"${AWAY_PASSWORD}\"\n\
           [connections.url]\ntype = \"postgres\"\nurl = \"postgres://u:open-sesame@127.0.0.1:1/db\"\n\
           [sources.away]\nconnection = \"away\"\n[sources.url]\nconnection = \"url\"\n[sinks.away]\nconnection = \"url\"\n";
    test.write("project/sources.toml", &sources);
    for args in [
        &["check"][..],
        &["check", "--output", "json"],
        &["check", "--online"],
        &["plan"],
        &["run", "-vv"],
        &["run", "--output", "json"],
        &["retry"],
        &["doctor", "-vv"],
        &["ls", "--output", "json"],
        &["graph", "--output", "json"],
        &["show", "away.t"],
        &["show", "m"],
        &["test"],
        &["logs"],
        &["logs", "--output", "json"],
    ] {
        let done = test.run(args);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(!said.contains("sesame"), "engine {}\n{said}", args.join(" "));
    }
    let good = test.read("project/sources.toml");
    for (from, to) in
        [("port = 1", "port = \"x\""), ("password = ", "pasword = "), ("127.0.0.1:1/db", "127.0.0.1:x/db")]
    {
        test.write("project/sources.toml", &good.replace(from, to));
        // A line of the user's own file is shown with what stands there in clear; what a variable holds never is.
        let done = test.run(&["check"]).code(1);
        let shown = done.stderr.replace("open-sesame@", "");
        assert!(!shown.contains("sesame"), "{}", done.stderr);
    }
    let mut kept = vec![test.path(".engine")];
    while let Some(path) = kept.pop() {
        if path.is_dir() {
            kept.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(6).any(|part| part == b"sesame"), "{}", path.display());
        }
    }
}
