//! Every sort of table: all of its rows, once.

use super::Place;
use datafusion::arrow::array::RecordBatch;
use engine_connect::hub::{
    error::Blame,
    source::{ReadRequest, TableRequest},
};

#[tokio::test(flavor = "multi_thread")]
async fn heirs_are_read_with_their_parent() {
    let place = Place::with(
        "create table parent (id int, word text); create table heir (more int) inherits (parent);
         insert into parent values (1, 'a'); insert into heir values (2, 'b', 3)",
    )
    .await;
    assert_eq!(place.query("parent", "select * from t order by id").await, "1 a | 2 b");
    assert_eq!(place.query("heir", "select * from t").await, "2 b 3");
}

const PARTITIONED: &str = "
    create table p (id int, word text) partition by range (id);
    create table p1 partition of p for values from (0) to (10);
    create table p2 (word text, gone int, id int); alter table p2 drop column gone;
    alter table p attach partition p2 for values from (10) to (20);
    create table p3 partition of p for values from (20) to (40) partition by list (word);
    create table p3a partition of p3 for values in ('a'); create table p3b partition of p3 default;
    insert into p select i, case i % 3 when 0 then 'a' else 'b' end from generate_series(0, 39) i;";

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_table_is_all_of_its_leaves() {
    let place = Place::with(PARTITIONED).await;
    let sql = "select count(*), sum(id), count(distinct id), min(word), max(word) from t";
    assert_eq!(place.query("p", sql).await, "40 780 40 a b");
    assert_eq!(place.query("p", "select word from t where id = 12").await, "a");
    assert_eq!(place.connection.tables().await.unwrap(), vec!["p".into()], "leaves are not tables of their own");
}

#[tokio::test(flavor = "multi_thread")]
async fn larger_tables_say_so_and_all_leaves_count() {
    let place =
        Place::with(&format!("{PARTITIONED} create table few (id int); create view v as select * from p")).await;
    let size = async |table: &str| {
        let request = ReadRequest { tables: vec![TableRequest::all(table)] };
        place.connection.readable().unwrap().open(request).await.unwrap().tables[0].size_bytes
    };
    assert_eq!(size("few").await, Some(0));
    assert_eq!(size("p").await, Some(4 * 8192), "a page each");
    assert_eq!(size("v").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_leaf_is_read_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, "40,far\n41,away\n").unwrap();
    std::os::unix::fs::chown(folder.path(), None, None).unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let place = Place::with(
        &format!(
            "{PARTITIONED} create extension if not exists file_fdw schema public;
         create server {{schema}} foreign data wrapper file_fdw;
         create foreign table p4 partition of p for values from (40) to (50)
         server {{schema}} options (filename '{}', format 'csv')",
            path.display()
        )
        .replace("{schema}", &format!("files_{}", std::process::id())),
    )
    .await;
    assert_eq!(place.query("p", "select count(*), sum(id) from t").await, "42 861");
    assert_eq!(place.query("p4", "select * from t order by id").await, "40 far | 41 away");
    place.run(&format!("drop server files_{} cascade", std::process::id())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn views_and_materialized_views_are_read() {
    let place = Place::with(
        "create table t0 (id int, word text); insert into t0 select i, 'w' || i from generate_series(1, 100) i;
         create view v as select id * 2 as id, upper(word) as word from t0;
         create materialized view m as select * from v",
    )
    .await;
    for view in ["v", "m"] {
        assert_eq!(place.query(view, "select count(*), sum(id), max(word) from t").await, "100 10100 W99", "{view}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_many_pages_is_cut_and_nothing_is_lost() {
    let place = Place::with(
        "create table big (id int, filler text);
         insert into big select i, repeat('x', 400) from generate_series(1, 60000) i;
         delete from big where id % 7 = 0",
    )
    .await;
    let pages: i64 = place.value("pg_relation_size('big') / 8192").await.parse().unwrap();
    assert!(pages > 3000, "{pages} pages are several parts");
    let sql = "select count(*), count(distinct id), sum(id) from t";
    assert_eq!(
        place.query("big", sql).await,
        place.value("select concat_ws(' ', count(*), count(distinct id), sum(id)) from big").await
    );
    assert_eq!(place.query("big", "select count(*) from (select id from t limit 100)").await, "100");
    assert_eq!(place.query("big", "select count(*) from t where id <= 700").await, "600");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_columns_has_rows() {
    let place = Place::with("create table nothing (); insert into nothing select from generate_series(1, 5)").await;
    let opened = place.open(&["nothing"]).await.unwrap();
    let frame = datafusion::prelude::SessionContext::new().read_table(opened.tables[0].provider.clone()).unwrap();
    let rows: usize = frame.collect().await.unwrap().iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 5);
}

/// A role that may do no more than it is granted, and the keys of its connection.
async fn role(
    place: &Place,
    name: &str,
    grants: &str,
) -> std::sync::Arc<dyn engine_connect::hub::connection::Connection> {
    let name = format!("{name}_{}", place.schema);
    place
        .run(&format!(
            "create role \"{name}\" login password 'secret'; {}",
            grants.replace("ROLE", &format!("\"{name}\""))
        ))
        .await;
    super::connect(&place.schema, &format!("user = \"{name}\"\npassword = \"secret\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_on_leaves_reads_the_whole() {
    let mut place = Place::with(PARTITIONED).await;
    let grants = format!("grant usage on schema \"{}\" to ROLE; grant select on p to ROLE", place.schema);
    place.connection = role(&place, "reader", &grants).await;
    assert_eq!(place.query("p", "select count(*), sum(id) from t").await, "40 780");
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_choose_rows_of_partitioned_tables_too() {
    let mut place = Place::with(&format!(
        "{PARTITIONED} alter table p enable row level security; create policy few on p using (id < 15)"
    ))
    .await;
    let grants = format!(
        "grant usage on schema \"{0}\" to ROLE; grant select on all tables in schema \"{0}\" to ROLE",
        place.schema
    );
    place.connection = role(&place, "guarded", &grants).await;
    let refused = place.fails("p").await;
    assert!(refused.to_string().contains("row-level security policy for table `p`"), "{refused}");
    let reader = format!("user = \"guarded_{}\"\npassword = \"secret\"\nrow_security = \"filter\"", place.schema);
    place.connection = super::connect(&place.schema, &reader);
    assert_eq!(place.query("p", "select count(*), max(id) from t").await, "15 14");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_right_is_the_users_to_mend() {
    let mut place = Place::with("create table secret (id int)").await;
    let grants = format!("grant usage on schema \"{}\" to ROLE", place.schema);
    place.connection = role(&place, "nobody", &grants).await;
    let error = match place.open(&["secret"]).await {
        Ok(_) => place.fails("secret").await,
        Err(error) => error,
    };
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.to_string().contains("permission denied for table secret"), "{error}");
    assert!(error.hint.unwrap().contains("grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_spans_tables_while_others_write() {
    let place = Place::with(
        "create table a (n int); create table b (n int); insert into a values (1); insert into b values (1)",
    )
    .await;
    let reading = place.open(&["a", "b"]).await.unwrap();
    place.run("begin; update a set n = 2; update b set n = 2; commit").await;
    for table in &reading.tables {
        assert_eq!(
            super::shown(&crate::contract::subject::query(table.provider.clone(), "select n from t").await),
            "1"
        );
    }
}
