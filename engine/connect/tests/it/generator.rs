//! The shop's generators keep the shop's rules.

use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch},
        compute::concat_batches,
        datatypes::Int64Type,
        util::pretty::pretty_format_batches,
    },
    prelude::{SessionConfig, SessionContext},
};
use engine_connect::connectors::generator::Generators;
use engine_language::{
    load::{LoadOptions, load},
    project::Project,
    template::RunInfo,
    world::MemoryWorld,
};
use std::{collections::BTreeMap, sync::Arc};

const NOW: i64 = 1_767_323_045_000_000;

/// A project with these generators and the shop's sources.
fn project(generators: &str) -> Project {
    let mut world = MemoryWorld::default();
    world.files.insert("project/sources.toml".into(), include_str!("../../../../project/sources.toml").into());
    world.files.insert("project/generators.toml".into(), generators.into());
    let run = RunInfo { id: "run".into(), started_at_us: NOW, interval_us: (NOW, NOW + 1) };
    let options = LoadOptions { target: None, vars: BTreeMap::new(), run, discovered: BTreeMap::new() };
    let (project, problems) = load(&world, &options);
    let errors: Vec<&str> = problems.iter().filter(|d| d.code.id.starts_with('E')).map(|d| &*d.message).collect();
    assert!(errors.is_empty(), "{errors:?}");
    project
}

/// Tables of all generators, and the messages of the topic.
fn context(generators: &str, scale: f64, partitions: usize) -> SessionContext {
    let project = project(generators);
    let made = Generators::new(&project.generators, NOW, scale).map_err(|d| d.message).unwrap();
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions));
    for name in project.generators.keys() {
        context.register_table(name.as_str(), made.provider(name)).unwrap();
        context.register_table(format!("{name}_messages"), made.messages(name)).unwrap();
    }
    context
}

fn shop() -> SessionContext {
    context(include_str!("../../../../project/generators.toml"), 1.0, 2)
}

async fn rows(context: &SessionContext, sql: &str) -> RecordBatch {
    let frame = context.sql(sql).await.unwrap();
    let schema = Arc::new(frame.schema().as_arrow().clone());
    concat_batches(&schema, &frame.collect().await.unwrap()).unwrap()
}

fn text(batch: &RecordBatch) -> String {
    pretty_format_batches(std::slice::from_ref(batch)).unwrap().to_string()
}

/// The only number that a query gives.
async fn number(context: &SessionContext, sql: &str) -> i64 {
    let batch = rows(context, sql).await;
    assert_eq!((batch.num_rows(), batch.num_columns()), (1, 1), "{sql}");
    datafusion::arrow::compute::cast(batch.column(0), &datafusion::arrow::datatypes::DataType::Int64)
        .unwrap()
        .as_primitive::<Int64Type>()
        .value(0)
}

/// That no row breaks a rule, and that the rule is about some.
async fn never(context: &SessionContext, from: &str, broken: &str) {
    assert!(number(context, &format!("select count(*) from {from}")).await > 0, "{from} is empty");
    let found = rows(context, &format!("select * from {from} where ({broken}) is not false limit 5")).await;
    assert_eq!(found.num_rows(), 0, "{from}: {broken}\n{}", text(&found));
}

#[tokio::test]
async fn has_the_default_sizes() {
    let shop = shop();
    for (table, count) in [
        ("users", 500),
        ("product_categories", 20),
        ("products", 800),
        ("orders", 3000),
        ("reviews", 2000),
        ("loyalty_points", 3000),
    ] {
        assert_eq!(number(&shop, &format!("select count(*) from {table}")).await, count, "{table}");
    }
}

#[tokio::test]
async fn keys_and_emails_are_unique() {
    let shop = shop();
    for (table, column) in [
        ("users", "user_id"),
        ("users", "email"),
        ("product_categories", "category_id"),
        ("product_categories", "name"),
        ("products", "product_id"),
        ("orders", "order_id"),
        ("order_details", "order_detail_id"),
        ("reviews", "review_id"),
        ("loyalty_points", "loyalty_id"),
    ] {
        let twice = format!("select count(*) - count(distinct {column}) from {table}");
        assert_eq!(number(&shop, &twice).await, 0, "{table}.{column}");
    }
}

#[tokio::test]
async fn references_lead_to_rows() {
    let shop = shop();
    for (table, column, to, key) in [
        ("products", "category_id", "product_categories", "category_id"),
        ("orders", "user_id", "users", "user_id"),
        ("order_details", "order_id", "orders", "order_id"),
        ("order_details", "product_id", "products", "product_id"),
        ("reviews", "user_id", "users", "user_id"),
        ("reviews", "product_id", "products", "product_id"),
        ("loyalty_points", "user_id", "users", "user_id"),
    ] {
        let lost = format!(
            "select count(*) from {table} a left anti join {to} b on a.{column} = b.{key} where a.{column} is not null"
        );
        assert_eq!(number(&shop, &lost).await, 0, "{table}.{column}");
    }
    let lines = "select count(*) from (select o.order_id from orders o left join order_details d using (order_id) group by 1 having count(d.order_id) not between 1 and 10)";
    assert_eq!(number(&shop, lines).await, 0);
    never(
        &shop,
        "(select * from product_categories where parent_category_id is not null)",
        "parent_category_id >= category_id",
    )
    .await;
    let missing = number(&shop, "select count(*) from orders where user_id is null").await;
    assert!((1..150).contains(&missing), "{missing} orders have no user");
}

#[tokio::test]
async fn times_are_in_order() {
    let shop = shop();
    let now = "timestamp '2026-01-02T03:04:05'";
    never(&shop, "orders join users using (user_id)", &format!("order_date < registration_date or order_date > {now}"))
        .await;
    never(
        &shop,
        "reviews join users using (user_id)",
        &format!("created_at < registration_date or created_at > {now}"),
    )
    .await;
    never(&shop, "users", &format!("registration_date > {now} or registration_date < {now} - interval '365 days'"))
        .await;
    never(&shop, "orders", "(delivery_date is not null) <> (status in ('Delivered', 'Returned'))").await;
    never(
        &shop,
        "(select * from orders where delivery_date is not null)",
        &format!(
            "delivery_date < order_date or delivery_date > order_date + interval '30 days' or delivery_date > {now}"
        ),
    )
    .await;
}

#[tokio::test]
async fn money_adds_up() {
    let shop = shop();
    never(&shop, "order_details", "total_price <> quantity * price_per_unit or quantity not between 1 and 5").await;
    never(&shop, "order_details join products using (product_id)", "abs(price_per_unit - price) > price * 0.1").await;
    let totals = "(select o.order_id, o.total_amount, sum(d.total_price) as lines from orders o join order_details d using (order_id) group by 1, 2)";
    never(&shop, totals, "total_amount <> lines").await;
    assert_eq!(number(&shop, &format!("select count(*) from {totals}")).await, 3000);
    never(&shop, "products", "price < 0 or stock_quantity < 0").await;
    never(&shop, "reviews", "rating not between 1 and 5").await;
}

#[tokio::test]
async fn weights_are_kept() {
    // 1 : 3 : 6 over 50 000 rows; the bounds are five standard deviations, so chance never breaks this.
    let shop = context(include_str!("../../../../project/generators.toml"), 100.0, 2);
    for (status, share) in [("Gold", 0.1_f64), ("Silver", 0.3), ("Bronze", 0.6)] {
        let found = number(&shop, &format!("select count(*) from users where loyalty_status = '{status}'")).await;
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let off = (found as f64 - 50_000.0 * share).abs();
        assert!(off < 5.0 * (50_000.0 * share * (1.0 - share)).sqrt(), "{status}: {found}");
    }
}

#[tokio::test]
async fn zipf_is_zipf() {
    let generators = "seed = 1\n[parents]\nrows = 100\n[parents.columns]\nid = { sequence = 1, key = true }\n\
        [rows]\nrows = 100000\n[rows.columns]\nparent = { references = \"parents.id\", skew = \"zipf\" }\n";
    let context = context(generators, 1.0, 2);
    let counts = rows(&context, "select count(*) from rows group by parent order by 1 desc").await;
    let counts: Vec<i64> = counts.column(0).as_primitive::<Int64Type>().values().to_vec();
    // Rank r has the share 1 / (r × H(100)), H(100) = 5.18738.
    for (rank, count) in [(1.0_f64, counts[0]), (2.0, counts[1]), (3.0, counts[2]), (10.0, counts[9])] {
        let expected = 100_000.0 / (rank * 5.187_38);
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let off = (count as f64 - expected).abs() / expected;
        assert!(off < 0.06, "rank {rank}: {count} rows, expected {expected:.0}");
    }
    assert_ne!(number(&context, "select parent from rows group by 1 order by count(*) desc limit 1").await, 1);
}

#[tokio::test]
async fn rows_do_not_depend_on_partitions() {
    let text = include_str!("../../../../project/generators.toml");
    let (one, four) = (context(text, 10.0, 1), context(text, 10.0, 4));
    for (table, key) in
        [("users", "user_id"), ("orders", "order_id"), ("order_details", "order_detail_id"), ("products", "product_id")]
    {
        let sql = format!("select * from {table} order by {key}");
        assert!(rows(&one, &sql).await == rows(&four, &sql).await, "{table}");
    }
}

#[tokio::test]
async fn a_row_needs_no_other_rows() {
    let text = include_str!("../../../../project/generators.toml");
    let more = text.replace("PG_DATAGEN_NUM_LOYALTY_POINTS:-3000", "PG_DATAGEN_NUM_LOYALTY_POINTS:-9");
    let (all, few) = (context(text, 1.0, 2), context(&more, 1.0, 2));
    let sql = "select * from loyalty_points where loyalty_id < 10 order by loyalty_id";
    let (all, few) = (rows(&all, sql).await, rows(&few, sql).await);
    assert_eq!(few.num_rows(), 9);
    assert_eq!(self::text(&all), self::text(&few));
}

/// Rows with gaps below rows with gaps, some of them without any; and references to and from them.
const NESTED: &str = "seed = 5
[tops]
rows = 400
[tops.columns]
id = { sequence = 1, key = true }
[middles]
per = \"tops\"
rows = [0, 3]
[middles.columns]
id = { sequence = 1, key = true }
top = { references = \"tops.id\" }
earlier = { references = \"middles.id\", nullable = true }
[leaves]
per = \"middles\"
rows = [0, 2]
[leaves.columns]
id = { sequence = 1, key = true }
middle = { references = \"middles.id\" }
[notes]
rows = 1000
[notes.columns]
leaf = { references = \"leaves.id\" }
";

#[tokio::test]
async fn rows_of_rows_of_rows_belong_to_rows() {
    let context = context(NESTED, 1.0, 2);
    for (table, column, to) in [
        ("middles", "top", "tops"),
        ("middles", "earlier", "middles"),
        ("leaves", "middle", "middles"),
        ("notes", "leaf", "leaves"),
    ] {
        let lost = format!(
            "select count(*) from {table} a left anti join {to} b on a.{column} = b.id where a.{column} is not null"
        );
        assert_eq!(number(&context, &lost).await, 0, "{table}.{column}");
        assert!(number(&context, &format!("select count({column}) from {table}")).await > 100, "{table}.{column}");
    }
    never(&context, "(select * from middles where earlier is not null)", "earlier >= id").await;
    assert!(number(&context, "select count(*) from tops left anti join middles on middles.top = tops.id").await > 10);
    let messages = number(&context, "select count(*) from leaves_messages").await;
    assert_eq!(messages, number(&context, "select count(*) from leaves").await);
}

const EVENTS: &str = "seed = 7
[events]
rows = 20000
faults = { duplicate = 0.05, late = 0.1, corrupt = 0.02 }
[events.columns]
id = { sequence = 0, key = true }
email = { fake = \"email\", unique = true }
";

#[tokio::test]
async fn faults_are_as_frequent_as_asked() {
    let context = context(EVENTS, 1.0, 2);
    let all = number(&context, "select count(*) from events_messages").await;
    assert_eq!(number(&context, "select count(distinct id) from events_messages").await, 20_000);
    assert!((900..1100).contains(&(all - 20_000)), "{} sent twice", all - 20_000);
    let corrupt = number(&context, "select count(_payload) from events_messages").await;
    assert!((320..480).contains(&corrupt), "{corrupt} corrupt");
    never(&context, "events_messages", "_key is distinct from email").await;
    // A corrupt message is one that no reader of JSON takes.
    let payloads = rows(&context, "select _payload from events_messages where _payload is not null").await;
    for payload in payloads.column(0).as_binary::<i32>().iter().flatten() {
        assert!(serde_json::from_slice::<serde_json::Value>(payload).is_err());
    }
    let sent = rows(&context, "select id from events_messages").await;
    let ids = sent.column(0).as_primitive::<datafusion::arrow::datatypes::Int32Type>();
    let mut newest = -1;
    let mut late = 0;
    for id in ids.values() {
        late += usize::from(*id < newest);
        newest = newest.max(*id);
    }
    assert!((2000..3500).contains(&late), "{late} come after later ones");
    let again = rows(&context, "select id from events_messages").await;
    assert!(again == sent);
}

/// What is wrong with generators.
fn problem(generators: &str) -> String {
    let project = project(generators);
    let problem = Generators::new(&project.generators, NOW, 1.0).unwrap_err();
    let span = problem.span.expect("it has a place");
    let fix = problem.fix.map(|fix| fix.replacement).unwrap_or_default();
    format!("{} {}: {} {fix}", problem.code.id, project.files.slice(span), problem.message)
}

#[test]
fn says_what_cannot_be_made() {
    assert_eq!(
        problem("[a]\nrows = 1\n[a.columns]\nx = { fake = \"emial\" }\n"),
        "E0012 \"emial\": there is no fake `emial` \"email\""
    );
    assert_eq!(
        problem(
            "[a]\nrows = 1\n[a.columns]\nx = { type = \"int\", sql = \"y + 1\" }\ny = { type = \"int\", sql = \"x + 1\" }\n"
        ),
        "E0012 { type = \"int\", sql = \"y + 1\" }: these columns are made from each other: a.x → a.y → a.x "
    );
}

#[tokio::test]
async fn sql_is_exact_or_an_error() {
    let third = |sql: &str| {
        format!(
            "[a]\nrows = 3\n[a.columns]\nn = {{ sequence = 1 }}\nx = {{ type = \"decimal(10,2)\", sql = \"{sql}\" }}\n"
        )
    };
    let inexact = context(&third("n / 3.0"), 1.0, 1).sql("select x from a").await.unwrap().collect().await.unwrap_err();
    assert!(inexact.to_string().contains("do not fit Decimal128(10, 2) exactly"), "{inexact}");
    let exact = context(&third("round(n / 3.0, 2)"), 1.0, 1);
    assert_eq!(number(&exact, "select cast(sum(x) * 100 as bigint) from a").await, 200);
}

#[tokio::test]
async fn bounds_and_values_are_exact_or_an_error() {
    for made in ["between = [0.001, 1]", "one_of = [1.005, 2]", "value = 1.005"] {
        let generators = format!("[a]\nrows = 3\n[a.columns]\nx = {{ type = \"decimal(10,2)\", {made} }}\n");
        let error = context(&generators, 1.0, 1).sql("select x from a").await.unwrap().collect().await.unwrap_err();
        assert!(error.to_string().contains("has more than 2 digits after the point"), "{made}: {error}");
    }
    let cents = "[a]\nrows = 300\n[a.columns]\nx = { type = \"decimal(10,2)\", between = [-0.05, 0.05] }\n";
    let cents = context(cents, 1.0, 1);
    assert_eq!(number(&cents, "select count(distinct x) from a").await, 11);
    never(&cents, "a", "x not between -0.05 and 0.05").await;
}
