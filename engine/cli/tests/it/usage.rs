//! Exit codes, wrong use, colour, and that stdout is data only.

use crate::builder::Test;

#[test]
fn wrong_use_exits_2_and_says_what_to_type() {
    let test = Test::new();
    test.run(&["nope"]).code(2).stdout("").says("unrecognized subcommand 'nope'");
    test.run(&["ls", "--output", "yaml"]).code(2).says("possible values: text, json");
    test.run(&["run", "--var", "novalue"]).code(2).says("NAME=VALUE");
    test.run(&["check"]).code(2).stdout("").says("no project here").says("`engine init NAME` writes one");
    test.run(&["check", "-C", "nowhere"]).code(2).says("cannot open the folder `nowhere`");
    test.run(&["run", "--rows-scale", "-1"]).code(2);
    test.run(&["run", "--rows-scale", "0"]).code(2).says("a number above 0");
}

#[test]
fn every_command_has_help_with_two_examples() {
    let test = Test::new();
    let help = test.run(&["--help"]).code(0).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() >= 14, "{commands:?}");
    for command in commands.iter().filter(|command| **command != "help") {
        let help = test.run(&[command, "--help"]).code(0).stdout;
        let examples = help.lines().filter(|line| line.starts_with("  engine ")).count();
        assert_eq!(examples, 2, "{command}\n{help}");
    }
}

#[test]
fn the_project_is_found_from_below_and_paths_lead_there() {
    let project =
        Test::small().file("project/models/sub/a.sql", "select 1 as a").file("project/models/b.sql", "select {{");
    let below = project.command(&["check"]).current_dir(project.path("project/models/sub")).output().unwrap();
    let said = String::from_utf8(below.stderr).unwrap();
    assert!(said.contains("--> ../b.sql:1:") || said.contains("--> ../../../project/models/b.sql:1:"), "{said}");
    project.run(&["check", "-C", "project/models"]).code(1).says("--> project/models/b.sql:1:");
}

#[test]
fn colour_follows_the_environment() {
    let broken = || Test::small().file("project/models/b.sql", "select {{");
    let plain = |test: Test, args: &[&str]| !test.run(args).stderr.contains('\x1b');
    assert!(plain(broken(), &["check"]), "no terminal");
    assert!(!plain(broken(), &["check", "--color", "always"]), "asked for");
    assert!(!plain(broken().env("CLICOLOR_FORCE", "1"), &["check"]), "forced");
    assert!(plain(broken().env("CLICOLOR_FORCE", "0"), &["check"]), "not forced");
    assert!(plain(broken().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"), &["check"]), "NO_COLOR wins");
    assert!(plain(broken().env("CLICOLOR_FORCE", "1"), &["check", "--color", "never"]), "the user wins");
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let test = Test::new();
    let shell = format!("{} explain | head -n 1 >/dev/null; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_engine"));
    let output = std::process::Command::new("bash").args(["-c", &shell]).current_dir(test.path("")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "0\n", "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
