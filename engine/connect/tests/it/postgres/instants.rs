//! What becomes of readings whose sessions are killed, that nobody listens to, and under whom rows move.

use super::{Place, shown};
use datafusion::{
    arrow::{array::RecordBatch, error::ArrowError},
    error::DataFusionError,
    execution::SendableRecordBatchStream,
    prelude::SessionContext,
};
use engine_connect::hub::{
    error::{Blame, Error, Retry},
    source::OpenTable,
};
use futures::StreamExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// So wide that a server cannot send all of it before somebody listens.
const WIDE: &str = "create table wide (id int, filler text);
    insert into wide select i, repeat('x', 2000) from generate_series(1, 120000) i";

pub async fn stream(table: &OpenTable) -> SendableRecordBatchStream {
    SessionContext::new().read_table(table.provider.clone()).unwrap().execute_stream().await.unwrap()
}

/// Reads to the end: how many rows there were, or why there is no end.
pub async fn drain(mut rows: SendableRecordBatchStream) -> Result<usize, Error> {
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        count += batch.map_err(ours)?.num_rows();
    }
    Ok(count)
}

fn ours(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(error) => *error.downcast().unwrap(),
        DataFusionError::ArrowError(error, _) => match *error {
            ArrowError::ExternalError(error) => *error.downcast().unwrap(),
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    }
}

/// Ends engine's sessions that do this now, and says how many there were.
async fn kill(place: &Place, what: &str) -> String {
    let sql = format!(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() \
         and application_name = 'engine' and {what}"
    );
    place.value(&sql).await
}

const COPYING: &str = "query ilike 'copy%' and state = 'active'";
const HOLDING: &str = "query not ilike 'copy%' and state = 'idle in transaction'";

#[tokio::test(flavor = "multi_thread")]
async fn a_session_killed_in_the_midst_of_a_scan_fails_it() {
    let place = Place::alone("", WIDE).await;
    let reading = place.open(&["wide"]).await.unwrap();
    let mut rows = stream(&reading.tables[0]).await;
    rows.next().await.unwrap().unwrap();
    // For a moment one may be between two parts, and the other still logging in.
    let mut tries = 0;
    while kill(&place, COPYING).await == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
        tries += 1;
        assert!(tries < 100, "nobody reads");
    }
    let error = drain(rows).await.unwrap_err();
    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
    // The instant stands, and the table can be read again.
    assert_eq!(drain(stream(&reading.tables[0]).await).await.unwrap(), 120_000);
    drop(reading);
    place.no_sessions().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_does_not_outlive_its_instant() {
    let place = Place::alone("", WIDE).await;
    let reading = place.open(&["wide"]).await.unwrap();
    let mut rows = stream(&reading.tables[0]).await;
    rows.next().await.unwrap().unwrap();
    assert_eq!(kill(&place, HOLDING).await, "1");
    for rows in [rows, stream(&reading.tables[0]).await] {
        let error = drain(rows).await.unwrap_err();
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
        assert!(error.to_string().contains("the snapshot that is read is gone"), "{error}");
    }
    drop(reading);
    place.no_sessions().await;
    assert_eq!(place.query("wide", "select count(*) from t").await, "120000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_scans_dropped_early_leave_nothing() {
    // Reading it takes a moment, but all of it is not much.
    let small = WIDE.replace("'x', 2000", "'x', 200").replace("120000", "20000");
    let place = Arc::new(Place::alone("", &small).await);
    let table = Arc::new(place.open(&["wide"]).await.unwrap());
    let mut tasks = vec![];
    for lane in 0..8 {
        let (place, table) = (place.clone(), table.clone());
        tasks.push(tokio::spawn(async move {
            for round in 0..125 {
                let mut rows = stream(&table.tables[0]).await;
                match (lane + round) % 4 {
                    // Before it has connected, while it reads, and with its limit reached.
                    0 => {}
                    1 => drop(tokio::time::timeout(Duration::from_millis(round % 20), rows.next()).await),
                    2 => drop(rows.next().await.unwrap().unwrap()),
                    _ => {
                        let few = "select id from t limit 3";
                        let few = crate::contract::subject::query(table.tables[0].provider.clone(), few).await;
                        assert_eq!(few.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
                    }
                }
                drop(rows);
                // The connections that are shared are in step.
                if round % 25 == 0 {
                    assert_eq!(place.connection.tables().await.unwrap(), vec!["wide".into()]);
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(drain(stream(&table.tables[0]).await).await.unwrap(), 20_000);
    drop(table);
    place.no_sessions().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_says_nothing_ends_when_nobody_listens() {
    let slow = "create view slow as select 1 as id from pg_sleep(60)";
    let place = Place::alone("", slow).await;
    let reading = place.open(&["slow"]).await.unwrap();
    let mut rows = stream(&reading.tables[0]).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), rows.next()).await.is_err());
    drop((rows, reading));
    place.no_sessions().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sum_of_two_accounts_is_exact_while_money_moves() {
    let place = Arc::new(
        Place::alone(
            "",
            "create table checking (id int primary key, amount bigint); create table savings (id int primary key, amount bigint);
             insert into checking select i, 1000 from generate_series(1, 50) i;
             insert into savings select i, 1000 from generate_series(1, 50) i",
        )
        .await,
    );
    let over = Arc::new(AtomicBool::new(false));
    let mut movers = vec![];
    for mover in 0..2 {
        let (place, over) = (place.clone(), over.clone());
        movers.push(tokio::spawn(async move {
            let mut on = place.session().await;
            let mut moves = 0_u64;
            while !over.load(Ordering::Relaxed) {
                let (id, amount) = (1 + (moves * 7 + mover) % 50, 1 + moves % 13);
                let sql = format!(
                    "begin; update checking set amount = amount - {amount} where id = {id}; \
                     update savings set amount = amount + {amount} where id = {id}; commit"
                );
                super::run(&mut on, &sql).await;
                moves += 1;
            }
            moves
        }));
    }
    for _ in 0..100 {
        let reading = place.open(&["checking", "savings"]).await.unwrap();
        let mut sum = 0;
        for table in &reading.tables {
            let rows = crate::contract::subject::query(table.provider.clone(), "select sum(amount) as s from t").await;
            sum += shown(&rows).parse::<i64>().unwrap();
            // The longer between the two, the more has moved.
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        assert_eq!(sum, 100_000);
    }
    over.store(true, Ordering::Relaxed);
    for mover in movers {
        assert!(mover.await.unwrap() > 100);
    }
    place.no_sessions().await;
}
