//! What is left to the server comes to the same as what is done here.

use super::{Place, shown};
use datafusion::{arrow::util::pretty::pretty_format_batches, prelude::SessionContext};
use engine_connect::sql::aggregate::PushAggregates;
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

const TABLE: &str = "
    create table mixed (id int primary key, tiny tinyint, small smallint unsigned, big bigint, huge bigint unsigned,
        n decimal(10,2), f double, flag bit(1), day date, at datetime(3), tz timestamp(6) null, y year,
        exact varchar(10) character set utf8mb4 collate EXACT,
        loose varchar(10) character set utf8mb4 collate utf8mb4_general_ci, latin varchar(10) character set latin1,
        padded char(6) character set utf8mb4, e enum('b','a','A2'), raw varbinary(4));
    insert into mixed select i, mod(i, 7) - 3, mod(i, 9) * 7000, mod(i, 11) * 1000000007, 18446744073709551615 - mod(i, 3),
        (mod(i, 13) - 6) * 1.25, i / 3e0, mod(i, 2), date '2024-02-25' + interval mod(i, 9) day,
        timestamp '2024-01-01 00:00:00' + interval mod(i, 5) * 500 * 1000 microsecond,
        timestamp '2024-06-01 00:00:00' + interval mod(i, 4) hour, 2000 + mod(i, 3),
        elt(mod(i, 8) + 1, 'a', 'A', 'a ', ' a', 'ä', '', 'b', '%'), elt(mod(i, 8) + 1, 'a', 'A', 'a ', 'Ä', 'ä', '', 'b', '%'),
        elt(mod(i, 3) + 1, 'x', 'X', 'é'), elt(mod(i, 3) + 1, 'p', 'P', 'p '), mod(i, 3) + 1, char(mod(i, 4))
    from (select a.d + 10 * b.d + 1 as i from (DIGITS) a, (DIGITS) b) s;
    update mixed set tiny = null, small = null, big = null, huge = null, n = null, f = null, flag = null, day = null,
        at = null, tz = null, y = null, exact = null, loose = null, latin = null, padded = null, e = null, raw = null
        where mod(id, 17) = 0";

/// Columns, and literals that are compared with them.
const COLUMNS: &[(&str, &[&str])] = &[
    ("id", &["1", "50", "-1", "99"]),
    ("tiny", &["-3", "0", "2", "1.5"]),
    ("small", &["7000", "0", "-1"]),
    ("big", &["0", "5000000035", "1000000007"]),
    ("huge", &["18446744073709551615", "18446744073709551613", "0"]),
    ("n", &["1.25", "-7.5", "0", "2.499"]),
    ("f", &["1", "33.333333333333336", "0.1"]),
    ("flag", &["true", "false"]),
    ("day", &["date '2024-02-29'", "date '2024-03-01'", "date '1900-01-01'"]),
    ("at", &["timestamp '2024-01-01T00:00:00.5'", "timestamp '2024-01-01T00:00:01'"]),
    ("tz", &["timestamp '2024-06-01T01:00:00Z'", "timestamp '2024-06-01T02:00:00Z'"]),
    ("y", &["2001", "0", "1"]),
    ("exact", TEXTS),
    ("loose", TEXTS),
    ("latin", &["'x'", "'X'", "'é'", "'É'", "'🦀'"]),
    ("padded", &["'p'", "'P'", "'p '", "'p     '"]),
    ("e", &["'a'", "'A2'", "'2'", "'a2'", "''"]),
];
const TEXTS: &[&str] = &["'a'", "'A'", "'a '", "' a'", "'ä'", "'Ä'", "''", "'b'", "'%'"];
const MEASURES: &[&str] = &[
    "count(*)",
    "count(n)",
    "sum(tiny)",
    "sum(id)",
    "sum(big)",
    "sum(huge)",
    "sum(small)",
    "sum(n)",
    "min(n)",
    "max(n)",
    "min(day)",
    "max(at)",
    "max(tz)",
    "min(tiny)",
    "max(small)",
    "max(huge)",
    "min(y)",
    "min(exact)",
    "max(loose)",
    "avg(n)",
    "count(distinct loose)",
    "max(f)",
    "sum(n) filter (where flag)",
    "sum(n + 1)",
    "max(e)",
    "count(flag)",
];
const GROUPS: &[&str] = &[
    "flag", "day", "exact", "loose", "latin", "padded", "e", "tiny", "n", "at, flag", "raw", "huge", "y", "tz", "small",
];

fn simple(chance: &mut ChaCha8Rng) -> String {
    let (column, values) = COLUMNS.choose(chance).unwrap();
    let (a, b) = (values.choose(chance).unwrap(), values.choose(chance).unwrap());
    let operator = ["=", "<>", "<", "<=", ">", ">="].choose(chance).unwrap();
    match chance.random_range(0..8) {
        0 => format!("{a} {operator} {column}"),
        1 => format!("{column} in ({a}, {b})"),
        2 => format!("{column} not in ({a}, {b})"),
        3 => format!("{column} between {a} and {b}"),
        4 => format!("{column} is {}null", ["", "not "].choose(chance).unwrap()),
        _ => format!("{column} {operator} {a}"),
    }
}

fn condition(chance: &mut ChaCha8Rng, depth: u32) -> String {
    match chance.random_range(0..6) {
        0 if depth > 0 => format!("({} and {})", condition(chance, depth - 1), condition(chance, depth - 1)),
        1 if depth > 0 => format!("({} or {})", condition(chance, depth - 1), condition(chance, depth - 1)),
        2 if depth > 0 => format!("not ({})", condition(chance, depth - 1)),
        _ => simple(chance),
    }
}

/// A query over `t` whose rows have one order.
fn sql(chance: &mut ChaCha8Rng) -> String {
    let condition = condition(chance, 3);
    let measures = [MEASURES.choose(chance).unwrap(), MEASURES.choose(chance).unwrap()].map(|measure| *measure);
    let measures = format!("{} as m, {} as k", measures[0], measures[1]);
    match chance.random_range(0..9) {
        0..4 => format!("select id, exact, loose from t where {condition} order by id"),
        4 => format!("select count(*) from (select id from t where {condition} limit 7)"),
        5 | 6 => format!("select {measures} from t where {condition}"),
        _ => {
            let group = GROUPS.choose(chance).unwrap();
            format!("select {group}, {measures} from t as o where {condition} group by {group} order by {group}")
        }
    }
}

async fn context(place: &Place) -> SessionContext {
    let context = SessionContext::new();
    context.add_optimizer_rule(std::sync::Arc::new(PushAggregates));
    context.register_table("t", place.open("mixed").await.provider).unwrap();
    context
}

/// What a query gives, or that it gives nothing.
async fn answer(place: &Place, sql: &str) -> Option<String> {
    let frame = context(place).await.sql(sql).await.ok()?;
    let types = frame.schema().fields().iter().map(|field| field.data_type().to_string()).collect::<Vec<_>>().join(" ");
    let batches = frame.collect().await.ok()?;
    Some(format!("{types}\n{}", pretty_format_batches(&batches).unwrap()))
}

async fn mixed() -> Place {
    let mut place = Place::new().await;
    let digits = (0..10).map(|digit| format!("select {digit} as d")).collect::<Vec<_>>().join(" union all ");
    let mariadb = place.one("select version()").await.contains("MariaDB");
    let exact = if mariadb { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" };
    place.run(&TABLE.replace("EXACT", exact).replace("DIGITS", &digits)).await;
    place
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_come_to_the_same() {
    let place = mixed().await;
    let none = Place::at(place.database.clone(), "pushdown = \"none\"").await;
    let mut chance = ChaCha8Rng::seed_from_u64(0);
    let mut answered = 0;
    for _ in 0..200 {
        let query = sql(&mut chance);
        let (pushed, here) = (answer(&place, &query).await, answer(&none, &query).await);
        assert_eq!(pushed, here, "{query}");
        answered += usize::from(here.is_some());
    }
    assert!(answered > 150, "only {answered} queries were right");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_safe_goes_down_and_the_rest_stays() {
    let place = mixed().await;
    let plan =
        async |sql: &str| context(&place).await.sql(sql).await.unwrap().into_optimized_plan().unwrap().to_string();
    for (sql, down) in [
        ("select exact, count(*), sum(n) from t where day = date '2024-02-29' group by exact", true),
        ("select max(at), sum(big) from t as o", true),
        ("select loose, count(*) from t group by loose", false),
        ("select count(*) from t where loose = 'a'", false),
        ("select e, count(*) from t group by e", false),
        ("select min(exact) from t", false),
        ("select sum(f) from t", false),
    ] {
        let plan = plan(sql).await;
        assert_eq!(plan.contains("engine_aggregated"), down, "{sql}\n{plan}");
    }
    for (sql, exact, down) in [
        ("exact = 'a'", true, true),
        ("loose = 'a'", false, true),
        ("loose <> 'a'", false, false),
        ("exact > 'a'", false, false),
        ("e = 'a'", false, false),
        ("n > 1.50", true, true),
        ("day is null", false, false),
    ] {
        let plan = plan(&format!("select id from t where {sql}")).await;
        assert_eq!(plan.contains("Filter:"), !exact, "{sql}\n{plan}");
        assert_eq!(plan.contains("_filters=["), down, "{sql}\n{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_are_of_the_reading_s_instant() {
    let mut place = mixed().await;
    let context = context(&place).await;
    place.run("insert into mixed (id) values (1000)").await;
    let rows = context.sql("select count(*), max(id) from t").await.unwrap().collect().await.unwrap();
    assert_eq!(shown(&rows), ["100 100"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_null_is_compared_here() {
    let mut place = Place::with("types = { zero_date = \"null\" }").await;
    place.run("set sql_mode = ''; create table t (id int primary key, d date not null, at datetime null)").await;
    place.run("insert into t values (1, '0000-00-00', '0000-00-00'), (2, '2019-01-01', '2019-01-01'), (3, '2024-01-01', null)").await;
    for (condition, expected) in [
        ("d < date '2020-01-01'", "2"),
        ("d <> date '2024-01-01'", "2"),
        ("d is null", "1"),
        ("d in (date '2019-01-01') or d < date '2000-01-01'", "2"),
        ("at <= timestamp '2019-01-01'", "2"),
    ] {
        let sql = format!("select id from t where {condition} order by id");
        let rows = shown(&super::query(place.open("t").await.provider, &sql).await);
        assert_eq!(rows, [expected], "{condition}");
    }
    let least = shown(&super::query(place.open("t").await.provider, "select min(d), count(d) from t").await);
    assert_eq!(least, ["2019-01-01 2"]);
}
