//! The tables, and how both systems get them.

use datafusion::{
    arrow::datatypes::{DataType, Field, Schema, TimeUnit},
    datasource::MemTable,
};
use engine_run::sql::session::{Session, Sessions};
use std::{fmt::Write as _, sync::Arc};

/// A table as text.
pub struct Table {
    pub name: String,
    /// Name and type, in PostgreSQL's words.
    pub columns: Vec<(String, &'static str)>,
    /// The cells; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

/// A table whose rows are lines, and whose cells are parted by `|`; `~` is NULL.
fn table(name: &str, columns: &[(&str, &'static str)], rows: &str) -> Table {
    let cell = |text: &str| (text != "~").then(|| text.to_owned());
    let rows = rows.lines().map(str::trim).filter(|line| !line.is_empty());
    Table {
        name: name.to_owned(),
        columns: columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
        rows: rows.map(|line| line.split('|').map(cell).collect()).collect(),
    }
}

/// Customers, orders, items and a few tables that are full of NULLs and twins.
pub fn shop() -> Vec<Table> {
    [trade(), twins()].into_iter().flatten().collect()
}

/// Customers, orders and items.
fn trade() -> Vec<Table> {
    let customers = [("id", "int"), ("name", "text"), ("city", "text"), ("credit", "numeric(10,2)"), ("since", "date")];
    let orders = [
        ("id", "int"),
        ("customer_id", "int"),
        ("status", "text"),
        ("amount", "numeric(10,2)"),
        ("placed", "timestamp"),
        ("note", "text"),
    ];
    let items =
        [("order_id", "int"), ("line", "int"), ("product", "text"), ("quantity", "int"), ("price", "numeric(10,2)")];
    let products = [("product", "text"), ("category", "text"), ("weight", "float8")];
    vec![
        table(
            "customers",
            &customers,
            "1|Ann|Berlin|100.00|2020-01-01
             2|Bob|Paris|0.00|2020-02-15
             3|Cid|Berlin|~|2021-03-01
             4|Dee|~|55.50|~
             5|Eve|Rome|-20.25|2022-12-31
             7|Fay|Paris|1000.00|2019-06-30",
        ),
        table(
            "orders",
            &orders,
            "10|1|paid|20.00|2024-01-01 10:00:00|first
             11|1|open|35.50|2024-01-05 11:30:00|~
             12|2|paid|12.25|2024-01-05 11:30:00|gift
             13|3|void|0.00|2024-02-10 00:00:00|~
             14|9|paid|99.99|2024-02-11 23:59:59|lost
             15|~|open|5.00|2024-03-01 08:00:00|~
             16|4|~|45.10|~|late
             17|2|paid|12.25|2024-03-15 12:00:00|gift",
        ),
        table(
            "items",
            &items,
            "10|1|apple|2|5.00
             10|2|pear|1|10.00
             11|1|apple|3|5.00
             11|2|fig|1|20.50
             12|1|pear|1|12.25
             14|1|kiwi|9|11.11
             16|1|apple|~|5.00
             16|2|~|2|20.05
             99|1|apple|1|1.00",
        ),
        table(
            "products",
            &products,
            "apple|fruit|0.2
             pear|fruit|0.25
             fig|dry|0.05
             nut|dry|~
             ~|fruit|1.5",
        ),
    ]
}

/// Tables that are full of NULLs and twins.
fn twins() -> Vec<Table> {
    let pairs = [("id", "int"), ("x", "int"), ("y", "int"), ("s", "text"), ("b", "boolean")];
    vec![
        table(
            "a",
            &pairs,
            "1|1|10|one|true
             2|2|~|two|false
             3|~|30|~|~
             4|2|20|two|true
             5|5|50|five|false
             6|~|~|six|true",
        ),
        table(
            "b",
            &pairs,
            "1|1|11|one|true
             3|2|~|zwei|~
             4|~|20|two|false
             6|7|70|~|true
             8|2|20|two|true",
        ),
        table(
            "c",
            &pairs,
            "1|~|1|one|~
             4|4|4|four|true
             8|8|8|eight|false
             9|9|~|nine|~",
        ),
        table("empty", &pairs, ""),
    ]
}

/// What makes the tables in PostgreSQL.
pub fn script(tables: &[Table], schema: &str) -> String {
    let mut script =
        format!("drop schema if exists {schema} cascade; create schema {schema}; set search_path = {schema};");
    script.push_str("set timezone = 'UTC'; set extra_float_digits = 3; set jit = off; set statement_timeout = '20s';");
    for table in tables {
        let columns: Vec<String> = table.columns.iter().map(|(name, kind)| format!("\"{name}\" {kind}")).collect();
        write!(script, "create table {} ({});", table.name, columns.join(", ")).unwrap();
        if !table.rows.is_empty() {
            write!(script, "insert into {} values {};", table.name, values(table)).unwrap();
        }
        write!(script, "analyze {};", table.name).unwrap();
    }
    script
}

fn values(table: &Table) -> String {
    let cell = |cell: &Option<String>| match cell {
        Some(text) => format!("'{}'", text.replace('\'', "''")),
        None => "null".to_owned(),
    };
    let row = |row: &Vec<Option<String>>| format!("({})", row.iter().map(cell).collect::<Vec<_>>().join(", "));
    table.rows.iter().map(row).collect::<Vec<_>>().join(", ")
}

fn kind(word: &str) -> DataType {
    match word {
        "int" => DataType::Int32,
        "bigint" => DataType::Int64,
        "text" => DataType::Utf8,
        "boolean" => DataType::Boolean,
        "float8" => DataType::Float64,
        "numeric(10,2)" => DataType::Decimal128(10, 2),
        "numeric(15,2)" => DataType::Decimal128(15, 2),
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        other => panic!("no type {other}"),
    }
}

/// A session with the tables in memory, each in more than one batch and partition.
pub fn session(tables: &[Table]) -> Session {
    let session = Sessions::that_plan().unwrap().open();
    for table in tables {
        let fields: Vec<Field> = table.columns.iter().map(|(name, word)| Field::new(name, kind(word), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let columns: Vec<_> = (0..table.columns.len())
            .map(|at| {
                let cells: datafusion::arrow::array::StringArray =
                    table.rows.iter().map(|row| row[at].clone()).collect();
                let options = datafusion::arrow::compute::CastOptions { safe: false, ..Default::default() };
                datafusion::arrow::compute::cast_with_options(&cells, schema.field(at).data_type(), &options).unwrap()
            })
            .collect();
        let batch = datafusion::arrow::array::RecordBatch::try_new(schema.clone(), columns).unwrap();
        let half = batch.num_rows() / 2;
        let parts = vec![vec![batch.slice(0, half)], vec![batch.slice(half, batch.num_rows() - half)]];
        let provider = Arc::new(MemTable::try_new(schema, parts).unwrap());
        session.register("models", &table.name, provider).unwrap();
    }
    session
}
