//! Seeds: small tables kept with the code.

use crate::builder::Test;

const SUM: &str = "select zip, sum(amount) as total from {{ ref(\"places\") }} group by zip order by zip";

#[test]
fn a_seed_keeps_every_digit() {
    let test = Test::small()
        .file(
            "project/seeds/places.csv",
            "zip,amount,at,big\n01067,0.10,2026-01-01 00:00:00 ,18446744073709551616\n99999,null,,1\n",
        )
        .file("project/models/sums.sql", SUM);
    test.run(&["run"]).code(0).says("Seeded places").says("2 rows");
    test.run(&["show", "sums", "--output", "csv"]).code(0).stdout("zip,total\n01067,0.10\n99999,\n");
    let rows = test.run(&["show", "places", "--output", "csv"]).code(0).stdout;
    assert_eq!(rows, "zip,amount,at,big\n01067,0.10,2026-01-01T00:00:00,18446744073709551616\n99999,,,1\n");
}

#[test]
fn types_of_a_seed_are_declared() {
    let test = Test::small().file("project/seeds/places.csv", "code,n\n1,2\n2,3\n");
    let sources = test.read("project/sources.toml");
    test.run(&["run"]).code(0);
    test.write("project/sources.toml", &format!("{sources}[seeds.places]\ncolumns = {{ code = \"text\" }}\n"));
    test.run(&["run"]).code(0).says("Seeded places");
    test.run(&["show", "--sql", "select code || 'x' as c from {{ ref('places') }} order by 1", "--output", "csv"])
        .code(0)
        .stdout("c\n1x\n2x\n");
    test.write("project/sources.toml", &format!("{sources}[seeds.place]\ncolumns = {{ code = \"text\" }}\n"));
    test.run(&["check"]).code(1).says("there is no seed `place`").says("`places`");
    test.write("project/sources.toml", &format!("{sources}[seeds.places]\ncolumns = {{ cod = \"text\" }}\n"));
    test.run(&["check"]).code(1).says("error[E0311]").says("no column is named `cod`; there are code, n");
}

#[test]
fn what_is_wrong_with_a_seed_is_said_with_its_line() {
    let test = Test::small().file("project/seeds/s.csv", "a,b\n1,2\n3\n");
    test.run(&["check"]).code(1).says("line 3: 1 values instead of 2").says("project/seeds/s.csv:3");
    test.write("project/seeds/s.csv", "");
    test.run(&["check"]).code(1).says("nothing in it names its columns");
}
