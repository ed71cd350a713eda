//! Values that cannot be carried, or written: said, or replaced as the user chose.

use super::{Place, shown};
use crate::contract::subject::{keyed_definition, pairs, query, target};
use datafusion::prelude::SessionContext;
use engine_connect::hub::{
    error::{Blame, Error},
    publication::{Commit, Mode, PublishRequest, Writers},
};
use engine_language::{
    column::ColumnType,
    table::{Column, TableDefinition},
};

/// Reads one column of values, and answers what came or why nothing did.
async fn read(kind: &str, value: &str, keys: &str) -> std::result::Result<String, Error> {
    let place = Place::set(
        keys,
        &format!("create table readings (id bigint primary key, v {kind}); insert into readings values (7, '{value}')"),
    )
    .await;
    let frame = SessionContext::new().read_table(place.provider("readings").await).unwrap();
    match frame.collect().await {
        Ok(_) => Ok(place.query("readings", "select v from t").await),
        Err(datafusion::error::DataFusionError::External(error)) => Err(*error.downcast().unwrap()),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_carried_names_table_column_and_row() {
    for (kind, value, why) in [
        ("numeric", "NaN", "NaN cannot be carried as a decimal"),
        ("numeric", "-Infinity", "-Infinity cannot be carried as a decimal"),
        ("numeric", "1e30", "the number 1000000000000000000000000000000 does not fit into decimal(38,18)"),
        ("numeric", "0.12345678901234567891", "the number 0.12345678901234567891 does not fit into decimal(38,18)"),
        ("timestamptz", "294276-12-31 23:59:59+00", "the timestamp is too far away"),
        ("date", "infinity", "an infinite date cannot be carried"),
        ("timestamp", "-infinity", "an infinite timestamp cannot be carried"),
        ("time", "24:00:00", "24:00:00 is no time of a day"),
        ("interval", "3000000:00:00", "the interval is too long for nanoseconds"),
        ("int[]", "{{1},{2}}", "an array of 2 dimensions cannot be carried"),
        ("int[]", "[0:0]={1}", "an array that does not begin at 1 cannot be carried"),
    ] {
        let error = read(kind, value, "").await.unwrap_err();
        assert_eq!(error.blame, Blame::Data, "{error}");
        let said = error.to_string();
        assert_eq!(said, format!("it: reading `readings`: column `v` of the row with id = 7: {why}"));
        assert!(error.hint.unwrap().contains("types = { "), "{kind} {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_chose_becomes_null_and_is_counted() {
    let values = [
        ("nan", "numeric", "NaN"),
        ("digits", "numeric", "1e30"),
        ("infinity", "date", "infinity"),
        ("midnight", "time", "24:00:00"),
        ("range", "interval", "3000000:00:00"),
        ("dimensions", "int[]", "{{1},{2}}"),
    ];
    for (key, kind, value) in values {
        assert_eq!(read(kind, value, &format!("types = {{ {key} = \"null\" }}")).await.unwrap(), "", "{key}");
        let other = format!("types = {{ columns.\"readings.other\".{key} = \"null\" }}");
        read(kind, value, &other).await.unwrap_err();
    }
    let place = Place::set(
        "types = { nan = \"null\", columns.\"t.b\".nan = \"fail\" }",
        "create table t (a numeric, b numeric); insert into t values ('NaN', 1), ('Infinity', 2), (3, 3)",
    )
    .await;
    let reading = place.open(&["t"]).await.unwrap();
    let table = &reading.tables[0];
    assert_eq!(
        shown(&query(table.provider.clone(), "select a, b from t order by b").await),
        " 1.000000000000000000 |  2.000000000000000000 | 3.000000000000000000 3.000000000000000000"
    );
    let replaced = table.rejected.replaced.all();
    assert_eq!(replaced.iter().map(ToString::to_string).collect::<Vec<_>>(), ["2 values of `a` became NULL (`nan`)"]);
    assert_eq!(
        place.query("t", "select b from t where a is null").await,
        "1.000000000000000000 | 2.000000000000000000",
        "what became NULL is found as NULL"
    );
    assert_eq!(place.query("t", "select b from t where a > 0").await, "3.000000000000000000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_is_carried_as_the_user_asks() {
    let keys = |kind: &str| format!("types = {{ columns.\"readings.v\".as = \"{kind}\" }}");
    assert_eq!(read("numeric", "1e30", &keys("text")).await.unwrap(), "1000000000000000000000000000000");
    assert_eq!(read("numeric", "NaN", &keys("text")).await.unwrap(), "NaN");
    assert_eq!(read("numeric", "1e30", &keys("decimal(40,2)")).await.unwrap(), "1000000000000000000000000000000.00");
    assert_eq!(read("int[]", "{{1},{2}}", &keys("text")).await.unwrap(), "{{1},{2}}");
    let place = Place::set(&keys("int"), "create table readings (v numeric)").await;
    let error = place.open(&["readings"]).await.err().unwrap();
    assert_eq!(error.blame, Blame::User);
    assert!(error.to_string().contains("`readings.v` is numeric, and cannot be carried as int"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_with_nul_names_its_row_or_becomes_null() {
    let written = async |keys: &str| {
        let place = Place::set(keys, "").await;
        let whole = target("words", &keyed_definition(), Mode::Replace);
        let publication = PublishRequest { run: "run".into(), tables: vec![whole], pipeline: None };
        let publisher = place.connection.writable().unwrap().begin(publication).await.unwrap();
        let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
        writer.write(pairs(&[(1, "a"), (2, "b\u{0}c")])).await?;
        writer.finish().await?;
        let replaced: Vec<String> = publisher.replaced(&"words".into()).iter().map(ToString::to_string).collect();
        publisher.commit(Commit::default()).await?;
        Ok::<_, Error>(format!("{} {}", place.query("words", "select * from t order by id").await, replaced.join(", ")))
    };
    let error = written("").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "it: writing `words`: column `word` of the row with id = 2: PostgreSQL has no texts with a NUL character"
    );
    assert_eq!(written("types = { nul = \"null\" }").await.unwrap(), "1 a | 2  1 value of `word` became NULL (`nul`)");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_column_would_cut_off_is_an_error() {
    let place =
        Place::with("create table words (id bigint, word varchar(3)); create table times (at timestamp(0))").await;
    let definition = TableDefinition {
        columns: vec![Column::new("id", ColumnType::BigInt), Column::new("word", ColumnType::Text(None))],
        ..Default::default()
    };
    let times = TableDefinition { columns: vec![Column::new("at", ColumnType::Timestamp)], ..Default::default() };
    let time = datafusion::arrow::array::TimestampMicrosecondArray::from(vec![1_500_000]);
    let batch = datafusion::arrow::array::RecordBatch::try_new(
        engine_connect::arrow::types::schema(&times),
        vec![std::sync::Arc::new(time)],
    )
    .unwrap();
    for (target, batch, why) in [
        (
            target("words", &definition, Mode::Append),
            pairs(&[(1, "ab  ")]),
            "column `word` of row 1: a text has 4 characters, and the column holds 3",
        ),
        (
            target("times", &times, Mode::Append),
            batch,
            "column `at` of row 1: a time has more digits of a second than the column keeps",
        ),
    ] {
        let table = target.table.clone();
        let publisher = place
            .connection
            .writable()
            .unwrap()
            .begin(PublishRequest { run: "run".into(), tables: vec![target], pipeline: None })
            .await
            .unwrap();
        let error = publisher.writer(&table, Writers::Several).await.unwrap().write(batch).await.unwrap_err();
        assert_eq!((error.blame, error.source.to_string().as_str()), (Blame::Data, why));
    }
}
