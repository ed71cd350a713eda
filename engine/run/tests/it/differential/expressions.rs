//! Expressions made of every operator and function with values of every type it takes.

use super::{Counts, Differential, Stated, values::Outcome};

/// Values of a type: what PostgreSQL and we are both given.
const VALUES: &[(&str, &[&str])] = &[
    ("smallint", &["0", "1", "-7", "32767", "-32768", "null"]),
    ("int", &["0", "1", "-7", "2147483647", "-2147483648", "null"]),
    ("bigint", &["0", "3", "-7", "9223372036854775807", "-9223372036854775808", "null"]),
    ("numeric(10,2)", &["0", "0.01", "-7.25", "99999999.99", "2.50", "null"]),
    ("numeric(38,10)", &["0", "-1.0000000001", "1234567890123456789012345678.5", "3", "null"]),
    ("real", &["0", "1.5", "-2.25", "1e30", "'nan'", "null"]),
    ("double precision", &["0", "2.5", "-7.125", "1e300", "'-infinity'", "null"]),
];

fn value(kind: &str, value: &str) -> String {
    format!("cast({} as {kind})", if value.starts_with('-') { format!("'{value}'") } else { value.to_owned() })
}

/// Each expression as it stands, and over columns.
pub async fn compare(expressions: Vec<String>, name: &str, at_least: usize, stated: &[Stated]) {
    let mut both = Differential::open().await;
    let mut counts = Counts::default();
    let pairs: Vec<(String, String)> = expressions.iter().map(|sql| (sql.clone(), sql.clone())).collect();
    both.compare(&pairs, "", stated, &mut counts).await;
    counts.finish(name, at_least);
}

/// The same over columns: `{a}` and `{b}` are columns of a row.
pub async fn over_columns(templates: Vec<(String, Vec<String>)>, name: &str, at_least: usize, stated: &[Stated]) {
    let mut both = Differential::open().await;
    let mut counts = Counts::default();
    let mut literals: Vec<String> = templates.iter().flat_map(|(_, values)| values.clone()).collect();
    literals.sort();
    literals.dedup();
    let columns: Vec<String> = (0..literals.len()).map(|at| format!("v{at}")).collect();
    let from = format!("from (values ({})) as v({})", literals.join(", "), columns.join(", "));
    let mut pairs = vec![];
    for (template, values) in &templates {
        let (mut theirs, mut ours) = (template.clone(), template.clone());
        for (place, value) in ["{a}", "{b}", "{c}"].iter().zip(values) {
            let at = literals.binary_search(value).unwrap();
            theirs = theirs.replace(place, value);
            ours = ours.replace(place, &columns[at]);
        }
        pairs.push((theirs, ours));
    }
    both.compare(&pairs, &from, stated, &mut counts).await;
    counts.finish(name, at_least);
}

fn digits_behind(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, part)| part.len())
}

fn both(expected: &Outcome, found: &Outcome) -> Option<(String, String)> {
    match (expected, found) {
        (Outcome::Value { text: Some(expected), .. }, Outcome::Value { text: Some(found), .. }) => {
            Some((expected.clone(), found.clone()))
        }
        _ => None,
    }
}

/// Differences that `docs/sql.md` states.
pub const STATED: &[Stated] = &[
    Stated {
        applies: |_, expected, found| {
            both(expected, found).is_some_and(|(expected, found)| {
                digits_behind(&expected) > 28
                    && digits_behind(&found) == 28
                    && expected.starts_with(&found[..found.len() - 1])
            })
        },
        reason: "a quotient below 0.000000000001 has 28 digits behind its point, and more in PostgreSQL",
    },
    Stated {
        applies: |_, _, found| matches!(found, Outcome::Error(error) if error.contains("numeric field overflow") || error.contains("76 digits") || error.contains("digits behind its point")),
        reason: "a numeric with more digits than 38, or 76 where it has many behind its point, is an error here",
    },
    Stated {
        applies: |_, expected, found| {
            matches!(expected, Outcome::Value { text: Some(text), kind } if kind == "numeric" && (text == "NaN" || text.ends_with("Infinity")))
                && matches!(found, Outcome::Error(_))
        },
        reason: "a numeric that is NaN or infinite is an error here",
    },
    Stated {
        applies: |_, expected, _| matches!(expected, Outcome::Error(error) if error.contains("is not unique")),
        reason: "where several functions would do, PostgreSQL asks for a cast, and the widest is taken here",
    },
    Stated {
        applies: |sql, _, found| {
            sql.contains("string_agg(cast(x as text)")
                && matches!(found, Outcome::Value { text: Some(text), .. } if text.starts_with("-0.50,"))
        },
        reason: "a column of numerics has one scale, which its texts show",
    },
    Stated {
        applies: |sql, _, found| sql.contains("0x") && matches!(found, Outcome::Error(_)),
        reason: "a float's text in hexadecimal digits is an error here",
    },
];

fn pairs() -> Vec<(String, String)> {
    let mut pairs = vec![];
    for (left, lefts) in VALUES {
        for (right, rights) in VALUES {
            for a in *lefts {
                for b in *rights {
                    pairs.push((value(left, a), value(right, b)));
                }
            }
        }
    }
    pairs
}

#[tokio::test]
async fn arithmetic_of_literals() {
    let expressions = pairs().into_iter().flat_map(|(a, b)| ["+", "-", "*", "/"].map(|sign| format!("{a} {sign} {b}")));
    compare(expressions.collect(), "arithmetic-literals", 3000, STATED).await;
}

#[tokio::test]
async fn arithmetic_of_columns() {
    let templates = pairs().into_iter().flat_map(|(a, b)| {
        ["+", "-", "*", "/", "%", "^"].map(|sign| (format!("{{a}} {sign} {{b}}"), vec![a.clone(), b.clone()]))
    });
    over_columns(templates.collect(), "arithmetic-columns", 5000, STATED).await;
}

#[tokio::test]
async fn functions_of_numbers() {
    let one = [
        "abs({a})",
        "round({a})",
        "trunc({a})",
        "ceil({a})",
        "floor({a})",
        "sign({a})",
        "sqrt({a})",
        "exp({a})",
        "ln({a})",
        "log({a})",
        "cbrt({a})",
        "-{a}",
        "round({a}, 1)",
        "round({a}, -1)",
        "trunc({a}, 1)",
        "degrees({a})",
        "radians({a})",
        "sin({a})",
        "atan({a})",
        "asin({a})",
        "{a} & 6",
        "{a} | 6",
        "{a} # 6",
        "{a} << 2",
        "{a} >> 1",
    ];
    let two = [
        "mod({a}, {b})",
        "power({a}, {b})",
        "gcd({a}, {b})",
        "lcm({a}, {b})",
        "div({a}, {b})",
        "log({a}, {b})",
        "width_bucket({a}, 0, {b}, 5)",
    ];
    let mut templates = vec![];
    for (kind, values) in VALUES {
        for a in *values {
            templates.extend(one.map(|each| (each.to_owned(), vec![value(kind, a)])));
            for b in *values {
                templates.extend(two.map(|each| (each.to_owned(), vec![value(kind, a), value(kind, b)])));
            }
        }
    }
    over_columns(templates, "functions-of-numbers", 2000, STATED).await;
}

#[tokio::test]
async fn casts_of_numbers_and_texts() {
    let kinds = [
        "smallint",
        "int",
        "bigint",
        "numeric",
        "numeric(5,1)",
        "numeric(38,10)",
        "real",
        "double precision",
        "text",
        "varchar(3)",
        "boolean",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "interval",
    ];
    let texts = [
        "''",
        "' 12 '",
        "'1.5'",
        "'1e3'",
        "'-0'",
        "'abc'",
        "'t'",
        "'off'",
        "'2026-02-28'",
        "'2026-02-30'",
        "'9999-12-31'",
        "'2026-02-28 12:34:56.789'",
        "'2026-02-28T12:34:56+02'",
        "'12:34:56.5'",
        "'1 day 02:00:00'",
        "'1.5 months'",
        "'-1-2'",
        "'32768'",
        "'2147483648'",
        "'9223372036854775808'",
        "'nan'",
        "'0x1F'",
        "'1_000'",
        "null",
    ];
    let mut templates = vec![];
    for to in kinds {
        for text in texts {
            templates.push((format!("cast({{a}} as {to})"), vec![format!("cast({text} as text)")]));
        }
        for (kind, values) in VALUES {
            for each in *values {
                templates.push((format!("cast({{a}} as {to})"), vec![value(kind, each)]));
            }
        }
    }
    over_columns(templates, "casts", 700, STATED).await;
}

#[tokio::test]
async fn moments_and_intervals() {
    let dates =
        ["date '2024-02-29'", "date '2026-01-31'", "date '1969-12-31'", "date '9999-12-31'", "cast(null as date)"];
    let stamps = [
        "timestamp '2024-02-29 23:59:59.999999'",
        "timestamp '2026-01-31 00:00:00'",
        "timestamp '1969-12-31 12:00:00.5'",
        "timestamp '9999-12-31 00:00:00'",
        "cast(null as timestamp)",
    ];
    let zoned = [
        "timestamptz '2026-03-29 01:30:00+00'",
        "timestamptz '2024-02-29 12:00:00+05:30'",
        "cast(null as timestamptz)",
    ];
    let intervals = [
        "interval '1 month'",
        "interval '-1 year 2 days'",
        "interval '36:15:30.25'",
        "interval '1 day -00:00:01'",
        "interval '0'",
        "cast(null as interval)",
    ];
    let times = ["time '23:30:00'", "time '00:00:00.000001'", "cast(null as time)"];
    let numbers = ["2", "-3", "cast(1.5 as double precision)", "0", "cast(null as int)"];
    let groups: [&[&str]; 6] = [&dates, &stamps, &zoned, &intervals, &times, &numbers];
    let mut templates = vec![];
    for left in groups {
        for right in groups {
            for a in left {
                for b in right {
                    for sign in ["+", "-", "*", "/"] {
                        templates.push((format!("{{a}} {sign} {{b}}"), vec![(*a).to_owned(), (*b).to_owned()]));
                    }
                }
            }
        }
    }
    for kind in ["date", "time", "timestamp", "timestamptz", "interval", "text"] {
        for a in groups[..5].iter().flat_map(|group| group.iter()) {
            templates.push((format!("cast({{a}} as {kind})"), vec![(*a).to_owned()]));
        }
    }
    over_columns(templates, "moments", 2000, STATED).await;
}
