//! Values, types, names and rules: there and back exactly, or an error.

use super::subject::{Subject, appended, pairs, pairs_definition, query, request, target};
use datafusion::arrow::{
    array::{ArrayRef, Float64Array, RecordBatch, StringArray, new_null_array},
    compute::{cast, concat},
};
use datafusion::prelude::SessionContext;
use engine_connect::{
    arrow::types,
    hub::{error::Blame, publication::Mode, source::TableRequest},
};
use engine_language::{
    column::ColumnType,
    name::Name,
    table::{Column, ForeignKey, Index, RowCheck, TableDefinition},
};
use std::sync::Arc;

/// Types, and values at their ends.
const EXTREMES: &[(&str, &[&str])] = &[
    ("bool", &["true", "false"]),
    ("smallint", &["-32768", "32767"]),
    ("int", &["-2147483648", "2147483647"]),
    ("bigint", &["-9223372036854775808", "9223372036854775807", "9007199254740993"]),
    ("ubigint", &["0", "18446744073709551615"]),
    ("float", &["0.1", "3.4028235e38", "1e-45", "-0.5"]),
    ("double", &["0.1", "1.7976931348623157e308", "5e-324", "0.30000000000000004"]),
    ("decimal(10,2)", &["-99999999.99", "0.01", "0.10"]),
    ("decimal(15,15)", &["0.999999999999999", "-0.000000000000001"]),
    ("decimal(15,0)", &["999999999999999"]),
    ("decimal(38,18)", &["99999999999999999999.999999999999999999", "-0.000000000000000001"]),
    ("decimal(76,0)", &["9999999999999999999999999999999999999999999999999999999999999999999999999999"]),
    ("text", &["", " a ", "NULL", "'\"\\\n", "Ωß🦀"]),
    ("text(3)", &["abc"]),
    ("bytes", &["", "a\u{0}b"]),
    ("date", &["0001-01-01", "1969-12-31", "9999-12-31"]),
    ("time", &["00:00:00", "23:59:59.999999"]),
    ("timestamp", &["0001-01-01T00:00:00", "1969-12-31T23:59:59.999999", "2026-02-03T04:05:06.5"]),
    ("timestamptz", &["1969-12-31T23:59:59.000001Z", "9999-12-31T23:59:59Z"]),
    ("json", &["{\"b\": 1, \"a\": [null]}"]),
    ("uuid", &["00000000-0000-0000-0000-00000000000f"]),
    ("interval", &["1 month 2 days"]),
    ("list(int)", &["1", "-2"]),
];

/// A column of a type: its extremes and a NULL.
fn extremes(kind: &ColumnType, values: &[&str]) -> ArrayRef {
    let data_type = types::arrow_type(kind);
    let null = new_null_array(&data_type, 1);
    let text = StringArray::from_iter_values(values);
    let column = cast(&text, &data_type).unwrap();
    assert_eq!(column.null_count(), 0, "{kind}: the test's own values fit");
    concat(&[&column, &null]).unwrap()
}

pub async fn every_type_there_and_back(it: Subject) {
    for (number, (word, values)) in EXTREMES.iter().enumerate() {
        let table = format!("t{number}");
        let kind: ColumnType = word.parse().unwrap();
        let columns = vec![Column::new("n", ColumnType::BigInt), Column::new("v", kind.clone())];
        let definition = TableDefinition { columns, ..TableDefinition::default() };
        let column = extremes(&kind, values);
        let order: ArrayRef =
            Arc::new((0..).take(column.len()).map(Some).collect::<datafusion::arrow::array::Int64Array>());
        let batch = RecordBatch::try_new(types::schema(&definition), vec![order, column.clone()]).unwrap();
        let written = it.publish(target(&table, &definition, Mode::Append), batch).await;
        if it.refused.contains(word) {
            let refused = match written {
                Err(error) => error.blame == Blame::Data,
                Ok(_) => reading_fails(&it, request(&table, &definition)).await,
            };
            assert!(refused, "{word} is neither exact nor an error");
            continue;
        }
        written.unwrap_or_else(|error| panic!("{word}: {error}"));
        let described =
            it.connection.readable().unwrap().describe(&request(&table, &definition)).await.unwrap().unwrap();
        assert_eq!(described.column("v").unwrap().kind, kind, "{word}");
        let opened = it.open_tables(vec![request(&table, &definition)]).await.unwrap();
        let found = query(opened[0].provider.clone(), "select v from t order by n").await;
        let found: Vec<&dyn datafusion::arrow::array::Array> = found.iter().map(|b| b.column(0).as_ref()).collect();
        let found = concat(&found).unwrap();
        if kind == ColumnType::Json {
            assert_eq!(parsed(&found), parsed(&column), "{word}");
        } else {
            assert_eq!(&found, &column, "{word}");
        }
    }
}

/// What texts are as JSON: systems put spaces and keys where they like.
fn parsed(texts: &ArrayRef) -> Vec<Option<serde_json::Value>> {
    let texts = texts.as_any().downcast_ref::<StringArray>().unwrap();
    texts.iter().map(|text| text.map(|text| serde_json::from_str(text).unwrap())).collect()
}

/// Whether the rows cannot be read, and the data is to blame.
async fn reading_fails(it: &Subject, table: TableRequest) -> bool {
    let opened = it.open_tables(vec![table]).await.unwrap();
    let context = SessionContext::new();
    let rows = context.read_table(opened[0].provider.clone()).unwrap().collect().await;
    rows.is_err_and(|error| format!("{error:?}").contains("blame: Data"))
}

pub async fn hostile_texts(it: Subject) {
    let texts = ["'); drop table words; --", "\"", "`", "${HOME}", "{{ x }}", "\u{202e}abc", "\r\n", "a\u{0}b"];
    let texts = if it.nul { &texts[..] } else { &texts[..texts.len() - 1] };
    if !it.nul {
        let error = it.publish(appended("words"), pairs(&[(1, "a\u{0}b")])).await.unwrap_err();
        assert_eq!(error.blame, Blame::Data, "{error}");
    }
    let rows: Vec<(i64, &str)> = (0..).zip(texts.iter().copied()).collect();
    it.publish(appended("words"), pairs(&rows)).await.unwrap();
    let opened = it.open_tables(vec![request("words", &pairs_definition())]).await.unwrap();
    let found = query(opened[0].provider.clone(), "select word from t order by id").await;
    assert_eq!(
        found[0].column(0).as_ref(),
        &StringArray::from_iter_values(texts) as &dyn datafusion::arrow::array::Array
    );
    // NaN comes back, or is an error: never NULL.
    let definition =
        TableDefinition { columns: vec![Column::new("x", ColumnType::Double)], ..TableDefinition::default() };
    let nan: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
    let batch = RecordBatch::try_new(types::schema(&definition), vec![nan]).unwrap();
    if it.connection.abilities().write {
        match it.publish(target("numbers", &definition, Mode::Append), batch.clone()).await {
            Ok(_) => {
                let opened = it.open_tables(vec![request("numbers", &definition)]).await.unwrap();
                assert_eq!(query(opened[0].provider.clone(), "select x from t").await[0].column(0), batch.column(0));
            }
            Err(error) => {
                assert_eq!(error.blame, Blame::Data, "{error}");
                assert!(error.to_string().contains("`x`"), "{error}");
            }
        }
    }
}

pub async fn hostile_names(it: Subject) {
    let long = "n".repeat(it.longest_name);
    let names = ["select", "a b", "it's", "say \"hi\"", "semi;colon", "Ünï", "日本", "a.b", "1st", "%_", &long];
    let mut tables: Vec<Name> = vec![];
    for (number, name) in names.into_iter().enumerate() {
        let columns = vec![Column::new("id", ColumnType::BigInt), Column::new(name, ColumnType::Text(None))];
        let definition = TableDefinition { columns, ..TableDefinition::default() };
        let rows = pairs(&[(1, name)]);
        let batch = RecordBatch::try_new(types::schema(&definition), rows.columns().to_vec()).unwrap();
        // A name that a table cannot have may still be a column's.
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        let table = if plain || !it.plain_names { name.to_owned() } else { format!("plain{number}") };
        if table != name {
            let refused = it.publish(target(name, &definition, Mode::Append), batch.clone()).await.unwrap_err();
            assert_eq!(refused.blame, Blame::User, "{refused}");
        }
        it.publish(target(&table, &definition, Mode::Append), batch).await.unwrap();
        let opened = it.open_tables(vec![request(&table, &definition)]).await.unwrap();
        let sql = format!("select \"{}\" from t", name.replace('"', "\"\""));
        let found = query(opened[0].provider.clone(), &sql).await;
        assert_eq!(found[0].column(0).as_ref(), rows.column(1).as_ref(), "{name}");
        tables.push(table.into());
    }
    tables.sort();
    assert_eq!(it.connection.tables().await.unwrap(), tables);
}

pub async fn definitions_come_back(it: Subject) {
    if !it.connection.abilities().replace {
        return;
    }
    let mut definition = pairs_definition();
    definition.columns[0].nullable = false;
    definition.columns[1].default = Some("'none'".into());
    definition.columns.push(Column::new("parent", ColumnType::BigInt));
    definition.key = vec!["id".into()];
    definition.unique = vec![vec!["word".into(), "parent".into()]];
    definition.foreign_keys =
        vec![ForeignKey { columns: vec!["parent".into()], table: "words".into(), to: vec!["id".into()] }];
    definition.checks = vec![RowCheck { name: Some("positive".into()), sql: "id > 0".into() }];
    definition.indexes = vec![Index { name: "by_word".into(), columns: vec!["word".into()] }];
    // Twice: the second replacement must not lose what the first one made.
    for _ in 0..2 {
        let batch = RecordBatch::new_empty(types::schema(&definition));
        it.publish(target("words", &definition, Mode::Replace), batch).await.unwrap();
        let mut found = it.connection.readable().unwrap().describe(&TableRequest::all("words")).await.unwrap().unwrap();
        found.columns[1].default = found.columns[1].default.take().map(|text| text.trim_matches(['(', ')']).into());
        assert_eq!(found, definition);
    }
}
