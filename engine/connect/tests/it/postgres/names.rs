//! What stands in staging carries its names; what is published does not.

use super::Place;
use datafusion::arrow::{
    array::{Int64Array, RecordBatch},
    datatypes::{DataType, Field, Schema},
};
use engine_connect::hub::publication::{Commit, Mode, PublishRequest, Target, Writers};
use engine_language::{
    column::ColumnType,
    table::{Column, Index, RowCheck, TableDefinition},
};
use std::sync::Arc;

#[tokio::test]
async fn nothing_of_a_published_table_is_named_after_staging() {
    let place = Place::with("").await;
    let schema =
        Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("n", DataType::Int64, false)]));
    let column = |name: &str| Column { nullable: false, ..Column::new(name, ColumnType::BigInt) };
    let definition = TableDefinition {
        columns: vec![column("id"), column("n")],
        key: vec!["id".into()],
        unique: vec![vec!["n".into()]],
        indexes: vec![Index { name: "t_both".into(), columns: vec!["n".into(), "id".into()] }],
        checks: vec![RowCheck { name: None, sql: "n > 0".into() }, RowCheck { name: None, sql: "id > 0".into() }],
        ..TableDefinition::default()
    };
    for run in ["first", "second"] {
        let target = Target {
            table: "t".into(),
            schema: schema.clone(),
            definition: definition.clone(),
            mode: Mode::Replace,
            declared: None,
        };
        let publication = PublishRequest { run: run.into(), tables: vec![target], pipeline: None };
        let publisher = place.connection.writable().unwrap().begin(publication).await.unwrap();
        let mut writer = publisher.writer(&"t".into(), Writers::Several).await.unwrap();
        let column = || Arc::new(Int64Array::from(vec![1, 2]));
        writer.write(RecordBatch::try_new(schema.clone(), vec![column(), column()]).unwrap()).await.unwrap();
        writer.finish().await.unwrap();
        publisher.commit(Commit::default()).await.unwrap();
        let rules = format!(
            "select string_agg(conname::text, ' ' order by conname::text collate \"C\") from pg_constraint \
             where conrelid = '\"{}\".t'::regclass and contype <> 'n'",
            place.schema
        );
        assert_eq!(place.value(&rules).await, "t_id_check t_n_check t_n_key t_pkey", "{run}");
        let staged = format!(
            "select count(*) from pg_class where relnamespace = '\"{}\"'::regnamespace and relname like 'engine\\_stage%'",
            place.schema
        );
        assert_eq!(place.value(&staged).await, "0", "{run}");
    }
}
