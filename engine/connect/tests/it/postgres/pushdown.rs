//! What is left to the server comes to the same as what is done here.

use super::{Place, connect, shown};
use datafusion::{arrow::util::pretty::pretty_format_batches, prelude::SessionContext};
use engine_connect::{
    hub::{
        connection::Connection,
        source::{ReadRequest, TableRequest},
    },
    sql::aggregate::PushAggregates,
};
use proptest::{
    prelude::*,
    sample::select,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use std::sync::Arc;

const TABLE: &str = "
    create collation if not exists ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    create type mood as enum ('so so', 'Happy', 'happy');
    create table mixed (id int primary key, small smallint, big bigint, n numeric(10,2), wide numeric(50,3), f float8,
        flag boolean, day date, at timestamp, tz timestamptz, plain text, ci text collate ci, short varchar(10),
        padded char(6), u uuid, m mood, j json, raw bytea);
    insert into mixed select i, (i % 7 - 3)::smallint, (i % 11)::bigint * 1000000007, (i % 13 - 6) * 1.25, i * 1e30, i / 3.0,
        i % 2 = 0, date '2024-02-25' + i % 9, timestamp '2024-01-01' + i % 5 * interval '0.5 s',
        timestamptz '2024-06-01 00:00+00' + i % 4 * interval '1 h',
        (array['a', 'A', 'a ', ' a', 'ä', '', 'b', '%'])[i % 8 + 1], (array['a', 'A', 'a ', 'Ä', 'ä', 'b'])[i % 6 + 1],
        (array['x', 'X', 'x '])[i % 3 + 1], (array['p', 'P', 'p '])[i % 3 + 1],
        ('00000000-0000-0000-0000-00000000000' || i % 5)::uuid, (array['so so', 'Happy', 'happy'])[i % 3 + 1]::mood,
        '{}', decode(lpad(to_hex(i % 4), 2, '0'), 'hex')
    from generate_series(1, 300) i;
    update mixed set (small, big, n, f, flag, day, at, tz, plain, ci, short, padded, u, m) =
        (null, null, null, null, null, null, null, null, null, null, null, null, null, null) where id % 17 = 0;";

/// Conditions on one column.
fn simple() -> impl Strategy<Value = String> {
    let order = || select(vec!["=", "<>", "<", "<=", ">", ">="]);
    let of = |column: &'static str, values: Vec<&'static str>| {
        (order(), select(values.clone()), select(values)).prop_flat_map(move |(op, a, b)| {
            select(vec![
                format!("{column} {op} {a}"),
                format!("{a} {op} {column}"),
                format!("{column} in ({a}, {b})"),
                format!("{column} not in ({a}, {b})"),
                format!("{column} between {a} and {b}"),
                format!("{column} is null"),
                format!("{column} is not null"),
            ])
        })
    };
    let texts = vec![
        "'a'", "'A'", "'a '", "' a'", "'ä'", "''", "'b'", "'x'", "'X'", "'x '", "'p'", "'p     '", "'Happy'", "'%'",
    ];
    let text = |column: &'static str| {
        let like = select(vec!["like 'a%'", "ilike 'A'", "not like 'a'", "= upper('a')", "|| 'z' = 'az'"]);
        prop_oneof![4 => of(column, texts.clone()), 1 => like.prop_map(move |like| format!("{column} {like}"))]
    };
    prop_oneof![
        of("id", vec!["1", "150", "-1", "299"]),
        of("small", vec!["-3", "0", "2"]),
        of("big", vec!["0", "5000000035", "1000000007"]),
        of("n", vec!["1.25", "-7.5", "0", "2.499"]),
        of("f", vec!["1", "33.333333333333336", "0.1"]),
        of("flag", vec!["true", "false"]),
        of("day", vec!["date '2024-02-29'", "date '2024-03-01'", "date '1900-01-01'"]),
        of("at", vec!["timestamp '2024-01-01T00:00:00.5'", "timestamp '2024-01-01T00:00:01'"]),
        of("tz", vec!["timestamp '2024-06-01T01:00:00Z'", "timestamp '2024-06-01T02:00:00'"]),
        text("plain"),
        text("ci"),
        text("short"),
        text("padded"),
        text("m"),
        of("u", vec!["'00000000-0000-0000-0000-000000000003'"]),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    simple().prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

/// Queries over `t` whose rows have one order.
fn sql() -> impl Strategy<Value = String> {
    let rows = condition().prop_map(|condition| format!("select id, plain, ci from t where {condition} order by id"));
    let limited = condition().prop_map(|c| format!("select count(*) from (select id from t where {c} limit 7)"));
    let groups = select(vec![
        "flag", "day", "plain", "ci", "short", "padded", "u", "m", "small", "n", "at, flag", "raw", "wide",
    ]);
    let measures = select(vec![
        "count(*)",
        "count(n)",
        "sum(small)",
        "sum(id)",
        "sum(big)",
        "sum(n)",
        "min(n)",
        "max(n)",
        "min(day)",
        "max(at)",
        "max(tz)",
        "min(plain)",
        "max(ci)",
        "avg(n)",
        "count(distinct plain)",
        "sum(f)",
        "max(wide)",
        "sum(n) filter (where flag)",
        "sum(n + 1)",
    ]);
    let all = (proptest::collection::vec(measures, 1..4), condition()).boxed();
    let grouped = (groups, all.clone()).prop_map(|(group, (measures, condition))| {
        format!(
            "select {group}, {} from t as o where {condition} group by {group} order by {group}",
            measures.join(", ")
        )
    });
    let whole =
        all.prop_map(|(measures, condition)| format!("select {} from t where {condition}", measures.join(", ")));
    prop_oneof![3 => rows, 1 => limited, 3 => grouped, 2 => whole]
}

/// What a query gives, or why it gives nothing.
async fn answer(connection: &Arc<dyn Connection>, sql: &str) -> Result<String, String> {
    let reading =
        connection.readable().unwrap().open(ReadRequest { tables: vec![TableRequest::all("mixed")] }).await.unwrap();
    let context = SessionContext::new();
    context.add_optimizer_rule(Arc::new(PushAggregates));
    context.register_table("t", reading.tables[0].provider.clone()).unwrap();
    let frame = context.sql(sql).await.map_err(|error| error.to_string())?;
    let types = frame.schema().fields().iter().map(|field| field.data_type().to_string()).collect::<Vec<_>>().join(" ");
    let batches = frame.collect().await.map_err(|error| error.to_string())?;
    Ok(format!("{types}\n{}", pretty_format_batches(&batches).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn random_queries_come_to_the_same() {
    let place = Place::with(TABLE).await;
    let none = connect(&place.schema, "pushdown = \"none\"");
    let (mut queries, mut answered) = (vec![], 0);
    let mut runner = TestRunner::new(Config { cases: 1, ..Config::default() });
    for _ in 0..120 {
        queries.push(sql().new_tree(&mut runner).unwrap().current());
    }
    let both = async |query: &String| (answer(&place.connection, query).await, answer(&none, query).await);
    for few in queries.chunks(4) {
        let answers = futures::future::join_all(few.iter().map(both)).await;
        for (query, (pushed, here)) in few.iter().zip(answers) {
            assert_eq!(pushed, here, "{query}");
            answered += usize::from(here.is_ok());
        }
    }
    assert!(answered > 90, "only {answered} queries were right");
}

/// The plan of a query, to see what went down.
async fn plan(place: &Place, sql: &str) -> String {
    let context = SessionContext::new();
    context.add_optimizer_rule(Arc::new(PushAggregates));
    context.register_table("t", place.provider("mixed").await).unwrap();
    let frame = context.sql(sql).await.unwrap();
    frame.into_optimized_plan().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_safe_goes_down_and_the_rest_stays() {
    let place = Place::with(TABLE).await;
    for (sql, down) in [
        ("select plain, count(*), sum(n) from t where day = date '2024-02-29' group by plain", true),
        ("select max(at) from t as o", true),
        ("select ci, count(*) from t group by ci", false),
        ("select padded, count(*) from t group by padded", false),
        ("select min(plain) from t", false),
        ("select sum(f) from t", false),
        ("select sum(n) from t where upper(plain) = 'A'", false),
    ] {
        let plan = plan(&place, sql).await;
        assert_eq!(plan.contains("engine_aggregated"), down, "{sql}\n{plan}");
    }
    for (sql, down) in
        [("plain = 'a'", true), ("ci = 'a'", false), ("padded = 'p'", false), ("plain > 'a'", false), ("n > 1", true)]
    {
        let plan = plan(&place, &format!("select id from t where {sql}")).await;
        assert_eq!(plan.contains("Filter:"), !down, "{sql}\n{plan}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aggregates_over_changed_rows_are_of_the_same_instant() {
    let place = Place::with("create table mixed (id int); insert into mixed select generate_series(1, 10)").await;
    let context = SessionContext::new();
    context.add_optimizer_rule(Arc::new(PushAggregates));
    context.register_table("t", place.provider("mixed").await).unwrap();
    place.run("insert into mixed select generate_series(11, 20)").await;
    let rows = context.sql("select count(*), sum(id) from t").await.unwrap().collect().await.unwrap();
    assert_eq!(shown(&rows), "10 55");
}
