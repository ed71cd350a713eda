//! Mistakes in TOML files, each at its place.

use crate::support::{check_problems, draw, project};
use std::fmt::Write;

/// A project with one connection, source and sink, and more.
fn with(more: &str) -> String {
    let base = "//- project/sources.toml\ndefault_sink = \"marts\"\n[connections.db]\ntype = \"memory\"\n\
                [sources.shop]\nconnection = \"db\"\n[sinks.marts]\nconnection = \"db\"\n";
    format!("{base}{more}")
}

#[track_caller]
fn check(fixture: &str, expect: &str) {
    check_problems(fixture, expect);
}

#[test]
fn a_good_project_has_no_complaints() {
    check(&with(""), "");
    check("//- readme.md\n", "");
}

#[test]
fn each_mistake_is_told_at_its_place() {
    let mut drawn = String::new();
    for more in [
        "[sinks.more]\nconection = \"db\"\n",
        "[sinks.more]\nconnection = \"bd\"\n",
        "[sinks.more]\nconnection = 1\nfoo = 2\n",
        "[sourcs.more]\n",
        "[limits]\nsteps = \"many\"\nmemory = \"x\"\nstep = 1\n",
        "[sources.x]\nconnection = \"db\"\n[sources.x.tables.t]\ncolumns = { a = \"txt\", b = \"decimal\" }\nbad_rows = \"dead\"\n",
        "[replications.r]\nfrom = \"shp\"\nto = \"db\"\ntables = [\"*\"]\nmode = \"ful\"\n",
        "[connections.x]\npath = \"${HOME_OF}\"\ntype = \"memory\"\n",
        "[connections.y]\ntype = \"memory\npath = 3\n",
        "//- project/schedules.toml\n[a]\nevery = \"10x\"\n[b]\ncron = \"* *\"\n[c]\n[d]\nafter = \"e\"\n[f]\ncron = \"0 0 * * *\"\ntimezone = \"Europe/Brlin\"\n",
        "//- project/schedules.toml\n[a]\nafter = \"b\"\n[b]\nafter = \"c\"\n[c]\nafter = \"a\"\n[d]\nafter = \"a\"\n[e]\nafter = \"e\"\n",
        "[limits]\nruns = 2\nconnections = { db = 1, bd = 1 }\n[history]\nruns = 5\nage = \"1x\"\n",
        "//- project/generators.toml\nseed = \"x\"\n[users]\ninto = \"shop\"\n[users.columns]\nid = { }\nname = { fake = \"a\", value = 1 }\nr = { references = \"usrs.id\" }\n[t]\nrows = 3\ninto = \"sho.t\"\n[t.columns]\nx = { between = [1] }\ny = { one_of = [1,2], weights = [1] }\nz = { references = \"users.nope\" }\n",
        "//- project/tests/a.toml\n[t]\nmodl = \"x\"\n[u]\nmodel = \"m\"\ngiven = { a = 3 }\n",
        "//- .env\nA=b\nthis is not it\n",
        "//- project/schema.lock\n[\"shop.orders\"]\ncolumns = [{ name = \"a\", type = \"in\" }]\n",
    ] {
        let (project, problems) = project(&with(more));
        writeln!(drawn, "--- {more}{}", draw(&project, &problems)).unwrap();
    }
    insta::assert_snapshot!(drawn);
}

#[test]
fn a_secret_is_never_shown() {
    let fixture = with(
        "[connections.x]\ntype = \"memory\"\npassword = \"a ${SENTINEL}\"\n[limits]\nsteps = \"${SENTINEL}\"\n//- .env\nSENTINEL=open-sesame\n",
    );
    let (project, problems) = project(&fixture);
    assert!(problems.has_errors());
    assert!(!format!("{:?}{:?}", project.connections, problems).contains("open-sesame"));
    assert!(!draw(&project, &problems).contains("open-sesame"));
}
