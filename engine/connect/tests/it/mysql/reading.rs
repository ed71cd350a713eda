//! Scans that share an instant: together, dropped early, and while others write.

use super::{Place, shown};
use crate::contract::subject::{appended, query};
use datafusion::{
    arrow::array::{Int64Array, RecordBatch, StringArray},
    prelude::{SessionConfig, SessionContext},
};
use engine_connect::{
    arrow::types,
    hub::{
        error::{Blame, Retry},
        publication::Mode,
        source::{ReadRequest, TableRequest},
    },
};
use futures::StreamExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// Many pairs.
fn many(count: i64) -> RecordBatch {
    let words = StringArray::from_iter_values((0..count).map(|id| format!("word {id} of many words")));
    let columns: Vec<datafusion::arrow::array::ArrayRef> =
        vec![Arc::new((0..count).map(Some).collect::<Int64Array>()), Arc::new(words)];
    RecordBatch::try_new(types::schema(&crate::contract::subject::pairs_definition()), columns).unwrap()
}

async fn tables(place: &Place, names: &[&str]) -> engine_connect::hub::source::Snapshot {
    let tables = names.iter().map(|name| TableRequest::all(*name)).collect();
    place.connection.readable().unwrap().open(ReadRequest { tables }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_over_one_connection_ends() {
    let place = Place::new().await;
    for table in ["a", "b", "c"] {
        place.publish(appended(table), many(100_000)).await.unwrap();
    }
    let reading = tables(&place, &["a", "b", "c"]).await;
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(4));
    for (name, open) in ["a", "b", "c"].into_iter().zip(&reading.tables) {
        context.register_table(name, open.provider.clone()).unwrap();
    }
    let sql = "select count(*), count(distinct a.word) from a join b on b.id = a.id join c on c.id = b.id \
               join a as d on d.id = c.id";
    let rows = context.sql(sql).await.unwrap().collect();
    let rows = tokio::time::timeout(Duration::from_mins(1), rows).await.expect("no scan waits for ever").unwrap();
    assert_eq!(shown(&rows), ["100000 100000"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_nobody_takes_from_lets_others_pass() {
    let place = Place::new().await;
    place.publish(appended("a"), many(100_000)).await.unwrap();
    place.publish(appended("b"), many(1000)).await.unwrap();
    let reading = tables(&place, &["a", "b"]).await;
    let context = SessionContext::new();
    let frame = context.read_table(reading.tables[0].provider.clone()).unwrap();
    let mut first = frame.execute_stream().await.unwrap();
    let mut count = first.next().await.unwrap().unwrap().num_rows();
    let other = query(reading.tables[1].provider.clone(), "select count(*), max(id) from t");
    let other = tokio::time::timeout(Duration::from_mins(1), other).await.expect("the other scan has its turn");
    assert_eq!(shown(&other), ["1000 999"]);
    while let Some(batch) = first.next().await {
        let batch = batch.unwrap();
        let ids = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
        assert_eq!(ids.value(0), i64::try_from(count).unwrap(), "rows keep their order");
        count += batch.num_rows();
    }
    assert_eq!(count, 100_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_dropped_early_leave_nothing() {
    let mut place = Place::new().await;
    place.publish(appended("words"), many(50_000)).await.unwrap();
    let context = SessionContext::new();
    for round in 0..100 {
        let reading = tables(&place, &["words"]).await;
        let mut stream =
            context.read_table(reading.tables[0].provider.clone()).unwrap().execute_stream().await.unwrap();
        if round % 2 == 0 {
            stream.next().await.unwrap().unwrap();
        }
        drop(stream);
        // The instant goes on for who still has it.
        if round % 10 == 0 {
            let rows = query(reading.tables[0].provider.clone(), "select count(*) from t where id >= 0").await;
            assert_eq!(shown(&rows), ["50000"]);
        }
    }
    let sql = "select concat(count(*) <= 4, ' ', coalesce(group_concat(if(command = 'Sleep' and state = '', null, info)), '')) \
               from information_schema.processlist where db = database() and id <> connection_id()";
    for _ in 0..200 {
        if place.one(sql).await == "1 " {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(place.one(sql).await, "1 ", "no query goes on, and connections of short statements are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_killed_in_the_midst_of_a_scan_fails_it() {
    let mut place = Place::new().await;
    place.run("create table wide (id int auto_increment primary key, filler text)").await;
    place.run("insert into wide (filler) values (repeat('x', 2000))").await;
    for _ in 0..16 {
        place.run("insert into wide (filler) select filler from wide").await;
    }
    let open = place.open("wide").await;
    let mut rows = SessionContext::new().read_table(open.provider).unwrap().execute_stream().await.unwrap();
    rows.next().await.unwrap().unwrap();
    let reader = "select id from information_schema.processlist where db = database() and id <> connection_id() \
                  and info like '%from%wide%'";
    let reader = place.one(reader).await;
    place.run(&format!("kill {reader}")).await;
    let (mut count, mut failed) = (0, None);
    while let Some(batch) = rows.next().await {
        match batch {
            Ok(batch) => count += batch.num_rows(),
            Err(error) => failed = Some(error),
        }
    }
    let error = super::ours(failed.unwrap_or_else(|| panic!("{count} more rows came, and no error")));
    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
    drop(rows);
    assert_eq!(shown(&query(place.open("wide").await.provider, "select count(*) from t").await), ["65536"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_are_seen_whole() {
    for (keys, rounds) in [("", 100), ("parallel = 3", 50)] {
        let mut place = Place::with(keys).await;
        for table in ["a", "b"] {
            place.run(&format!("create table {table} (id int primary key, amount bigint)")).await;
            place
                .run(&format!(
                    "insert into {table} select seq, 100 from (select 1 as seq union select 2 union select 3 \
                                union select 4 union select 5 union select 6 union select 7 union select 8) s"
                ))
                .await;
        }
        let over = Arc::new(AtomicBool::new(false));
        let writer = {
            let (mut place, over) = (Place::at(place.database.clone(), "").await, over.clone());
            tokio::spawn(async move {
                let mut round = 0_u32;
                while !over.load(Ordering::Relaxed) {
                    let (from, to) = if round.is_multiple_of(2) { ("a", "b") } else { ("b", "a") };
                    let id = round % 8 + 1;
                    place
                        .run(&format!(
                            "begin; update {from} set amount = amount - 7 where id = {id}; \
                                        update {to} set amount = amount + 7 where id = {id}; commit"
                        ))
                        .await;
                    round += 1;
                }
                round
            })
        };
        for _ in 0..rounds {
            let reading = tables(&place, &["a", "b"]).await;
            let mut sum = 0;
            for open in &reading.tables {
                let rows = query(open.provider.clone(), "select sum(amount) from t").await;
                sum += shown(&rows)[0].parse::<i64>().unwrap();
            }
            assert_eq!(sum, 1600, "{keys}");
        }
        over.store(true, Ordering::Relaxed);
        assert!(writer.await.unwrap() > 10, "the writer went on meanwhile");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_all_rows_once() {
    let mut place = Place::with("parallel = 4").await;
    place.run("create table t (id bigint primary key, v int)").await;
    for ids in ["", "(-9223372036854775808, 1), (9223372036854775807, 2), (0, 3)", "(1, 4), (2, 5), (7, 6), (1000, 7)"]
    {
        if !ids.is_empty() {
            place.run(&format!("insert into t values {ids}")).await;
        }
        let expected = place.one("select concat(count(*), ' ', coalesce(sum(v), 0)) from t").await;
        let rows = query(place.open("t").await.provider, "select count(*), coalesce(sum(v), 0) from t").await;
        assert_eq!(shown(&rows), [expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn larger_tables_say_so() {
    let mut place = Place::new().await;
    place.run("create table few (id int primary key, v varchar(200))").await;
    place.run("create table many (id int primary key, v varchar(200))").await;
    place.run("insert into many with recursive n (i) as (select 1 union all select i + 1 from n where i < 999) select i, repeat('x', 200) from n").await;
    place.run("analyze table few, many").await;
    let sizes = (place.open("few").await.size_bytes, place.open("many").await.size_bytes);
    assert!(sizes.0.is_some() && sizes.0 < sizes.1, "{sizes:?}");
    place.run("create view v as select * from many").await;
    assert_eq!(place.open("v").await.size_bytes, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_replaces_tables_waits_for_their_readers() {
    let place = Arc::new(Place::new().await);
    let replaced = |table: &str| {
        crate::contract::subject::target(table, &crate::contract::subject::pairs_definition(), Mode::Replace)
    };
    for table in ["a", "b"] {
        place.publish(replaced(table), many(20_000)).await.unwrap();
    }
    let reading = tables(&place, &["a", "b"]).await;
    let publishing = {
        let place = place.clone();
        tokio::spawn(async move { place.publish(replaced("b"), many(1)).await })
    };
    tokio::time::sleep(Duration::from_millis(1500)).await;
    // The reader goes on to a table that the other waits for, and holds up nobody.
    for open in &reading.tables {
        assert_eq!(shown(&query(open.provider.clone(), "select count(*) from t").await), ["20000"]);
    }
    assert!(!publishing.is_finished());
    drop(reading);
    publishing.await.unwrap().unwrap();
    assert_eq!(place.rows("b").await.len(), 1);
}

/// Random conditions, once pushed down and once answered here.
#[tokio::test(flavor = "multi_thread")]
async fn filters_answer_as_we_would() {
    let mut place = Place::new().await;
    place.run("create table t (n int primary key, i int, u bigint unsigned, d decimal(6,2), t varchar(10) \
               character set utf8mb4 collate utf8mb4_general_ci, e varchar(10) character set latin1, day date, at datetime(6))").await;
    place.run("insert into t values (1, -5, 0, -1.50, 'a', 'a', '2020-01-01', '2020-01-01 00:00:00.000001'), \
               (2, 5, 18446744073709551615, 1.50, 'A', 'B', '1969-12-31', '1969-12-31 23:59:59'), \
               (3, null, null, null, null, null, null, null), (4, 0, 5, 0.00, 'a ', 'é', '9999-12-31', '9999-12-31'), \
               (5, 5, 9223372036854775808, 1.51, 'ä', 'é ', '2020-01-02', '2020-01-02 12:00:00'), (6, 7, 7, 0.01, '', '', null, null)").await;
    let conditions = [
        "i = 5",
        "i <> 5",
        "i > -5 and i < 7",
        "i in (5, 7)",
        "i is null",
        "i is not null",
        "not (i = 5)",
        "u = 18446744073709551615",
        "u > 5",
        "u >= 9223372036854775808",
        "d = 1.50",
        "d < 0.01",
        "d <> 0.00",
        "t = 'a'",
        "t <> 'a'",
        "t in ('a', 'Ä')",
        "t = 'A' or i = 7",
        "t > 'a'",
        "t = 'a' and n > 1",
        "t = ''",
        "t like 'a%'",
        "t is null",
        "e = 'é'",
        "e = 'b'",
        "e = '🦀'",
        "day = date '2020-01-01'",
        "day > date '1969-12-31'",
        "day is null",
        "at = timestamp '2020-01-01 00:00:00.000001'",
        "at < timestamp '2020-01-02 12:00:00'",
        "(i = 5 or t = 'a') and (d > 0.00 or u is null)",
        "not (t = 'a' or i = 5)",
    ];
    let context = SessionContext::new();
    let all = context.read_table(place.open("t").await.provider).unwrap().collect().await.unwrap();
    let here = datafusion::datasource::MemTable::try_new(all[0].schema(), vec![all]).unwrap();
    let here: Arc<dyn datafusion::catalog::TableProvider> = Arc::new(here);
    for condition in conditions {
        let sql = format!("select n from t where {condition} order by n");
        let limited = format!("select count(*) from (select n from t where {condition} limit 2)");
        for sql in [sql, limited] {
            let pushed = shown(&query(place.open("t").await.provider, &sql).await);
            assert_eq!(pushed, shown(&query(here.clone(), &sql).await), "{sql}");
        }
    }
}
