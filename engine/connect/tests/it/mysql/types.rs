//! Values at the ends of MySQL's types: there and back exactly, or an error that names them.

use super::{Place, shown};
use crate::contract::subject::{query, target};
use datafusion::arrow::{
    array::{ArrayRef, Date32Array, Float32Array, Float64Array, RecordBatch, StringArray},
    compute::cast,
};
use engine_connect::{
    arrow::types,
    hub::{
        error::Blame,
        publication::{Mode, Target},
        source::TableRequest,
    },
};
use engine_language::{
    column::ColumnType,
    table::{Column, TableDefinition},
};
use std::sync::Arc;

/// Declarations, SQL literals, and what they are in words of the language and of Arrow.
const CARRIED: &[(&str, &[&str], &str, &[&str])] = &[
    ("tinyint", &["-128", "127"], "smallint", &["-128", "127"]),
    ("tinyint unsigned", &["255"], "smallint", &["255"]),
    ("tinyint(1)", &["7", "-1"], "smallint", &["7", "-1"]),
    ("smallint", &["-32768"], "smallint", &["-32768"]),
    ("smallint unsigned", &["65535"], "int", &["65535"]),
    ("mediumint", &["-8388608", "8388607"], "int", &["-8388608", "8388607"]),
    ("mediumint unsigned", &["16777215"], "int", &["16777215"]),
    ("int", &["-2147483648"], "int", &["-2147483648"]),
    ("int unsigned", &["4294967295"], "bigint", &["4294967295"]),
    ("int(3) zerofill", &["7"], "bigint", &["7"]),
    ("bigint", &["-9223372036854775808"], "bigint", &["-9223372036854775808"]),
    ("bigint unsigned", &["18446744073709551615", "0"], "ubigint", &["18446744073709551615", "0"]),
    (
        "decimal(65,30)",
        &[DECIMAL_65, "-0.000000000000000000000000000001"],
        "decimal(65,30)",
        &[DECIMAL_65, "-0.000000000000000000000000000001"],
    ),
    ("decimal(10,0) unsigned", &["9999999999"], "decimal(10,0)", &["9999999999"]),
    ("float", &["0.1", "-3.40282346e38", "1e-45"], "float", &["0.1", "-3.4028235e38", "1e-45"]),
    ("double", &["1.7976931348623157e308", "5e-324"], "double", &["1.7976931348623157e308", "5e-324"]),
    ("bit(1)", &["b'1'", "b'0'"], "bool", &["true", "false"]),
    ("bit(9)", &["b'100000001'"], "ubigint", &["257"]),
    ("bit(64)", &["18446744073709551615"], "ubigint", &["18446744073709551615"]),
    ("year", &["1901", "2155", "0"], "smallint", &["1901", "2155", "0"]),
    ("date", &["'0001-01-01'", "'1000-01-01'", "'9999-12-31'"], "date", &["0001-01-01", "1000-01-01", "9999-12-31"]),
    ("time", &["'00:00:00'", "'23:59:59'"], "time", &["00:00:00", "23:59:59"]),
    ("time(6)", &["'23:59:59.999999'", "'00:00:00.000001'"], "time", &["23:59:59.999999", "00:00:00.000001"]),
    ("datetime", &["'9999-12-31 23:59:59'"], "timestamp", &["9999-12-31T23:59:59"]),
    ("datetime(3)", &["'2026-02-03 04:05:06.789'"], "timestamp", &["2026-02-03T04:05:06.789"]),
    (
        "datetime(6)",
        &["'0001-01-01'", "'1969-12-31 23:59:59.999999'"],
        "timestamp",
        &["0001-01-01T00:00:00", "1969-12-31T23:59:59.999999"],
    ),
    (
        "timestamp(6)",
        &["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07.999999'"],
        "timestamptz",
        &["1970-01-01T00:00:01Z", "2038-01-19T03:14:07.999999Z"],
    ),
    ("char(5)", &["'ab'", "''"], "text(5)", &["ab", ""]),
    ("varchar(5) character set latin1", &["'é ÿ '"], "text(5)", &["é ÿ "]),
    ("varchar(5) character set utf8mb3", &["'日本'"], "text(5)", &["日本"]),
    ("tinytext character set utf8mb4", &["'🦀'"], "text", &["🦀"]),
    ("longtext character set utf8mb4", &["''", "'a\\0b'", "' \\\\ \\' \" '"], "text", &["", "a\0b", " \\ ' \" "]),
    ("enum('Gold','it''s','a,b','')", &["'Gold'", "'it''s'", "'a,b'", "''"], "text", &["Gold", "it's", "a,b", ""]),
    ("set('a','b','c')", &["'c,a'", "''"], "text", &["a,c", ""]),
    ("binary(4)", &["x'00ff'"], "bytes", &["\\x00ff0000"]),
    ("varbinary(4)", &["x'ff00'", "''"], "bytes", &["\\xff00", "\\x"]),
    ("tinyblob", &["x'c328'"], "bytes", &["\\xc328"]),
    ("longblob", &["repeat(x'80', 70000)"], "bytes", &["\\x80*70000"]),
    ("json", &["'{\"b\": [1, null]}'"], "json", &["{\"b\": [1, null]}"]),
    ("point", &["point(1, 2)"], "bytes", &["\\x000000000101000000000000000000f03f0000000000000040"]),
];

/// Sixty-five digits.
const DECIMAL_65: &str = "99999999999999999999999999999999999.999999999999999999999999999999";

/// Texts as a column of a type.
fn column(kind: &ColumnType, values: &[&str]) -> ArrayRef {
    if *kind == ColumnType::Date && values.iter().all(|days| days.parse::<i32>().is_ok()) {
        return Arc::new(values.iter().map(|days| days.parse::<i32>().ok()).collect::<Date32Array>());
    }
    if *kind != ColumnType::Bytes {
        return cast(&(Arc::new(StringArray::from(values.to_vec())) as ArrayRef), &types::arrow_type(kind)).unwrap();
    }
    let bytes = |text: &&str| {
        let (digits, times) = text[2..].split_once('*').unwrap_or((&text[2..], "1"));
        let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(pair).collect::<Vec<u8>>().repeat(times.parse().unwrap())
    };
    Arc::new(datafusion::arrow::array::BinaryArray::from_iter_values(values.iter().map(bytes)))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_read_exactly_and_copied_as_it_is_declared() {
    let mut place = Place::new().await;
    for (number, (declared, literals, word, values)) in CARRIED.iter().enumerate() {
        let table = format!("t{number}");
        place.run(&format!("create table {table} (n int not null primary key, v {declared} null)")).await;
        for (n, literal) in literals.iter().enumerate() {
            place.run(&format!("insert into {table} values ({n}, {literal})")).await;
        }
        place.run(&format!("insert into {table} values (99, null)")).await;
        let kind: ColumnType = word.parse().unwrap();
        let opened = place.open(&table).await;
        assert_eq!(opened.definition.column("v").unwrap().kind, kind, "{declared}");
        let found = query(opened.provider.clone(), "select v from t where n < 99 order by n").await;
        assert_eq!(found[0].column(0), &column(&kind, values), "{declared}");
        let nulls = query(opened.provider.clone(), "select count(*) - count(v) as nulls from t").await;
        assert_eq!(shown(&nulls), ["1"], "{declared}");

        let rows = query(opened.provider.clone(), "select * from t order by n").await;
        let copy =
            Target { schema: types::schema(&opened.definition), ..target("copy", &opened.definition, Mode::Replace) };
        place.publish(copy, rows[0].clone().with_schema(types::schema(&opened.definition)).unwrap()).await.unwrap();
        let copied = place.open("copy").await;
        assert_eq!(copied.definition.columns, opened.definition.columns, "{declared}");
        let again = query(copied.provider, "select v from t where n < 99 order by n").await;
        assert_eq!(again[0].column(0), found[0].column(0), "{declared}");
        let differ = format!("select count(*) from {table} a join copy b using (n) where not (a.v <=> b.v)");
        assert_eq!(place.one(&differ).await, "0", "{declared}");
        let sql = "select count(distinct column_type, coalesce(collation_name, '')) from information_schema.columns \
                   where table_schema = database() and column_name = 'v'";
        let same = format!("{sql} and table_name in ('copy', '{table}')");
        assert_eq!(place.one(&same).await, "1", "{declared} is declared the same");
    }
}

/// What cannot be carried, where it stands, and the key of `types` that makes NULL of it.
const UNCARRIED: &[(&str, &str, &str, &str)] = &[
    ("date", "'0000-00-00'", "column `v` of the row with n = 5: 0000-00-00 is no date", "zero_date"),
    ("date", "'2026-00-01'", "2026-00-01 is no date", "zero_date"),
    ("datetime", "'0000-00-00 00:00:00'", "0000-00-00 is no date", "zero_date"),
    ("timestamp", "'0000-00-00 00:00:00'", "0000-00-00 is no date", "zero_date"),
    ("time", "'838:59:59'", "838:59:59 is no time of a day", "range"),
    ("time(6)", "'-00:00:00.000001'", "-00:00:00 is no time of a day", "range"),
    ("time", "'24:00:00'", "24:00:00 is no time of a day", "range"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_carried_is_an_error_or_counted() {
    for (declared, literal, why, key) in UNCARRIED {
        let mut place = Place::new().await;
        place.run(&format!("create table t (n int primary key, v {declared} null)")).await;
        place.run(&format!("set sql_mode = ''; insert into t values (1, null), (5, {literal})")).await;
        let error = place.unread("t").await;
        assert_eq!(error.blame, Blame::Data, "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.hint.unwrap().contains(&format!("types = {{ {key} = \"null\" }}")), "{declared}");

        let mut lenient = Place::with(&format!("types = {{ {key} = \"null\" }}")).await;
        lenient.run(&format!("create table t (n int primary key, v {declared} not null)")).await;
        lenient.run(&format!("set sql_mode = ''; insert into t values (5, {literal})")).await;
        let opened = lenient.open("t").await;
        assert_eq!(shown(&query(opened.provider, "select n, v is null from t").await), ["5 true"]);
        let counted: Vec<String> = opened.rejected.replaced.all().iter().map(ToString::to_string).collect();
        assert_eq!(counted, [format!("1 value of `v` became NULL (`{key}`)")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_is_carried_as_the_user_says() {
    let mut place =
        Place::with("types = { columns = { \"t.d\" = { as = \"text\" }, \"t.b\" = { as = \"bool\" } } }").await;
    place.run("create table t (d time null, b tinyint(1))").await;
    place.run("insert into t values ('838:59:59', 1), ('-01:00:00', 0)").await;
    assert_eq!(place.rows("t").await, ["-01:00:00 false", "838:59:59 true"]);
    place.run("insert into t values (null, 7)").await;
    let error = place.unread("t").await;
    assert!(error.to_string().contains("column `b` of row 3: 7 is no boolean"), "{error}");
}

/// What the server would mend without an error, or refuse: a declaration, the language's type, the value, and the reason.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("tinyint", "smallint", "128", "Out of range value for column 'v' at row 3"),
    ("int unsigned", "int", "-1", "Out of range value for column 'v' at row 3"),
    ("year", "smallint", "50", "50 is no year"),
    ("decimal(5,2)", "decimal(10,3)", "1.005", "column `v`: "),
    ("varchar(3)", "text", "abc ", "column 'v' at row 3"),
    ("varchar(3) character set latin1", "text", "Ω", "column"),
    ("char(3)", "text", "a ", "`a ` would lose the spaces at its end"),
    ("enum('a','b')", "text", "2", "`2` is none of a, b"),
    ("enum('Gold','Silver')", "text", "gold", "`gold` is none of Gold, Silver"),
    ("set('a','b')", "text", "b,a", "`b,a` is not in the order of a, b"),
    ("set('a','b')", "text", "A", "`A` is no set of a, b"),
    ("datetime", "timestamp", "2026-01-01T00:00:00.5", "finer than the column"),
    ("time(3)", "time", "00:00:00.000001", "finer than the column"),
    ("timestamp null", "timestamptz", "2039-01-01T00:00:00Z", "`v` at row 3"),
    ("date", "date", "3700000", "is not of the years 1 to 9999"),
    ("json", "json", "{", "v"),
    ("float(7,2)", "float", "1.005", "rounds its numbers"),
    ("int as (n + 1)", "int", "1", "is computed by the server"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_server_mends_no_value() {
    for (declared, word, value, why) in REFUSED {
        let mut place = Place::new().await;
        place.run(&format!("create table t (n int primary key, v {declared})")).await;
        let kind: ColumnType = word.parse().unwrap();
        let columns = vec![Column::new("n", ColumnType::Int), Column::new("v", kind.clone())];
        let definition = TableDefinition { columns, ..TableDefinition::default() };
        let value = column(&kind, &[value]);
        let nulls = datafusion::arrow::array::new_null_array(value.data_type(), 2);
        let values = datafusion::arrow::compute::concat(&[&nulls, &value]).unwrap();
        let numbers = column(&ColumnType::Int, &["1", "2", "3"]);
        let batch = RecordBatch::try_new(types::schema(&definition), vec![numbers, values]).unwrap();
        let written = place.publish(target("t", &definition, Mode::Append), batch).await;
        let error = written.err().unwrap_or_else(|| panic!("{declared} takes {value:?}"));
        assert!(error.to_string().contains(why), "{declared}: {error}");
        assert!([Blame::Data, Blame::User].contains(&error.blame), "{declared}: {error}");
        assert_eq!(place.one("select count(*) from t").await, "0", "{declared}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_the_target_does_not_have_become_null_if_asked() {
    let mut place = Place::with("types = { nan = \"null\", range = \"null\" }").await;
    let columns = vec![Column::new("x", ColumnType::Double), Column::new("d", ColumnType::Date)];
    let definition = TableDefinition { columns, ..TableDefinition::default() };
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.5, f64::NAN, f64::INFINITY]));
    let days = column(&ColumnType::Date, &["20000", "3700000", "20001"]);
    let batch = RecordBatch::try_new(types::schema(&definition), vec![numbers, days]).unwrap();
    place.publish(target("t", &definition, Mode::Append), batch).await.unwrap();
    assert_eq!(
        place.one("select group_concat(coalesce(x, 'NULL') order by d is null, d) from t").await,
        "1.5,NULL,NULL"
    );
    assert_eq!(place.one("select count(*) from t where d is null").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn views_and_wide_rows_are_read() {
    let mut place = Place::new().await;
    place.run("create table t (n int primary key, v mediumtext)").await;
    place.run("insert into t values (1, repeat('x', 3000000)), (2, 'y')").await;
    place.run("create view w as select n + 1 as m, concat(v, '!') as v from t").await;
    let rows = query(place.open("w").await.provider, "select m, length(v) from t order by m").await;
    assert_eq!(shown(&rows), ["2 3000001", "3 2"]);
    let tables: Vec<String> = place.connection.tables().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(tables, ["t", "w"]);
    place.run("create table m (n int) engine = myisam").await;
    let request = engine_connect::hub::source::ReadRequest { tables: vec![TableRequest::all("m")] };
    let error = place.connection.readable().unwrap().open(request).await.err().unwrap();
    assert!(error.to_string().contains("`m` is a MyISAM table"), "{error}");
    assert_eq!(error.blame, Blame::User);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zero_keeps_its_sign_or_is_refused() {
    let mut place = Place::new().await;
    let mariadb = place.one("select version()").await.contains("MariaDB");
    let zeros: [ArrayRef; 2] =
        [Arc::new(Float64Array::from(vec![0.0, -0.0])), Arc::new(Float32Array::from(vec![0.0, -0.0]))];
    for (kind, zeros) in [ColumnType::Double, ColumnType::Float].into_iter().zip(zeros) {
        let definition = TableDefinition { columns: vec![Column::new("x", kind)], ..TableDefinition::default() };
        let batch = RecordBatch::try_new(types::schema(&definition), vec![zeros]).unwrap();
        match place.publish(target("t", &definition, Mode::Replace), batch.clone()).await {
            Ok(_) => assert_eq!(query(place.open("t").await.provider, "select * from t").await, [batch]),
            Err(error) => {
                assert!(mariadb && error.to_string().contains("column `x` of row 2: -0.0 would become 0.0"), "{error}");
            }
        }
    }
}
