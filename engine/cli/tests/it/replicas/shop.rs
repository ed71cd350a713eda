//! The shop on three servers: what its marts hold is what PostgreSQL makes of the same SQL, in the types that they always had.

use super::{Server, database::Database};
use crate::{builder::Test, mysql_url};
use url::Url;

/// Columns, with what MySQL calls their types.
type Columns = &'static [(&'static str, &'static str)];

/// Each mart, its key, and its columns.
const MARTS: [(&str, &str, Columns); 4] = [
    (
        "mart_user_activity",
        "user_id, status",
        &[
            ("user_id", "int"),
            ("first_name", "varchar(100)"),
            ("last_name", "varchar(100)"),
            ("status", "varchar(20)"),
            ("order_count", "bigint"),
            ("total_spent", "decimal(20,2)"),
        ],
    ),
    ("mart_product_rating", "product_id", &[("product_id", "int"), ("name", "varchar(100)"), ("rating", "double")]),
    (
        "mart_user_loyalty_points",
        "user_id",
        &[
            ("user_id", "int"),
            ("first_name", "varchar(100)"),
            ("last_name", "varchar(100)"),
            ("loyalty_status", "varchar(20)"),
            ("total_loyalty_points", "bigint"),
        ],
    ),
    (
        "mart_average_check",
        "status, loyalty_status",
        &[("status", "varchar(20)"), ("loyalty_status", "varchar(20)"), ("average_check", "decimal(14,6)")],
    ),
];

/// The shop that `engine init` writes, told where the servers are.
fn shop(server: &Server, database: &Database) -> Test {
    let mut test = Test::shop();
    let servers = [("POSTGRES", "DB", super::url()), ("MYSQL", "", mysql_url())];
    for (system, place, url) in servers {
        let url = Url::parse(&url).unwrap();
        let said = [
            ("HOST", url.host_str().unwrap().to_owned()),
            ("PORT", url.port().unwrap().to_string()),
            ("USER", url.username().to_owned()),
            ("PASSWORD", url.password().unwrap_or_default().to_owned()),
            (place, url.path().trim_start_matches('/').to_owned()),
        ];
        for (name, value) in said.iter().filter(|(name, _)| !name.is_empty()) {
            test = test.env(&format!("{system}_{name}"), value);
        }
    }
    let brokers = std::env::var("ENGINE_TEST_KAFKA").expect("ENGINE_TEST_KAFKA is not set: `scripts/services up`");
    test.env("POSTGRES_SCHEMA", &server.from)
        .env("MYSQL_DB", &database.name)
        .env("KAFKA_BROKERS", &brokers)
        .env("KAFKA_TOPIC_NAME", &format!("users-{}", server.from))
}

/// A model's SQL, over the tables that the replicas are copies of.
fn inside(test: &Test, mart: &str) -> String {
    let text = test.read(&format!("project/models/{mart}.sql"));
    let (_, sql) = text.split_once(") }}\n").expect("a model begins with its config");
    sql.replace("{{ ref(\"replica.", "FROM.").replace("\") }}", "")
}

#[test]
fn the_shop_on_three_servers_holds_what_postgres_makes_of_the_same_sql() {
    let (server, database) = (Server::with(""), Database::new());
    let test = shop(&server, &database);
    test.run(&["generate", "user_events", "--rows", "2000", "-t", "stack"]).code(0);
    test.run(&["run", "-t", "stack"]).code(0);
    assert_eq!(
        server.value("select count(*) || ' ' || count(distinct email) from FROM.users"),
        database.value("select concat(count(*), ' ', count(distinct email)) from DB.users"),
    );
    for (mart, key, columns) in MARTS {
        let types = "select group_concat(concat(column_name, ' ', replace(replace(column_type, 'int(11)', 'int'), 'bigint(20)', 'bigint')) \
                     order by ordinal_position separator ', ') from information_schema.columns where table_schema = 'HERE' and table_name = 'MART'";
        let expected: Vec<String> = columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        let types = database.value(&types.replace("HERE", &database.name).replace("MART", mart));
        assert_eq!(types, expected.join(", "), "{mart}");
        let keys = "select group_concat(column_name order by seq_in_index separator ', ') from information_schema.statistics \
                    where table_schema = 'HERE' and table_name = 'MART' and non_unique = 0";
        assert_eq!(database.value(&keys.replace("HERE", &database.name).replace("MART", mart)), key, "{mart}");
        // A digest that does not depend on order, nor on what either system thinks of a text.
        let shown = |kind: &str, name: &str, theirs: bool| match (kind, theirs) {
            ("double", true) => format!("cast(round({name} * 1000000) as char)"),
            ("double", false) => format!("round({name} * 1000000)::bigint"),
            ("decimal(14,6)", false) => format!("{name}::numeric(14,6)"),
            _ => name.to_owned(),
        };
        let row = |theirs| -> String {
            let cells: Vec<String> = columns.iter().map(|(name, kind)| shown(kind, name, theirs)).collect();
            format!("md5(concat_ws('|', {}))", cells.join(", "))
        };
        let sum = "concat(count(*), ' ', sum(";
        let there = format!("select {sum}cast(conv(left({}, 8), 16, 10) as unsigned))) from DB.{mart}", row(true));
        let here = format!(
            "select {sum}('x' || left({}, 8))::bit(32)::bigint)) from ({}) mart",
            row(false),
            inside(&test, mart)
        );
        assert_eq!(database.value(&there), server.value(&here), "{mart}");
    }
    test.run(&["run", "-t", "stack"]).code(0).says("24 reused");
}
