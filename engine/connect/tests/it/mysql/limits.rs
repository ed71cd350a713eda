//! What there is not enough of: connections, and room on the disk.

use super::{Place, access, faults::replaced, shown};
use crate::{
    contract::subject::{keyed_definition, open, pairs, query, target},
    mortal::Mortal,
    small_disk::{SmallDisk, wide},
};
use engine_connect::hub::{
    error::{Blame, Error, Retry},
    publication::{Commit, Mode, PublishRequest, Writers},
    source::{ReadRequest, TableRequest},
};

/// Lets an account have so many connections; those that it has stay.
async fn limit(place: &mut Place, account: &str, connections: u32) {
    place.run(&format!("alter user '{account}'@'%' with max_user_connections {connections}")).await;
}

fn full(error: &Error) {
    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
    assert!(error.hint.as_ref().unwrap().contains("raise max_connections"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_connections_is_said_and_leaves_nothing() {
    let mut place = Place::new().await;
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    let few = access::account(&mut place, "few", access::SINK).await;
    let account = access::user(&place, "few");
    limit(&mut place, &account, 1).await;
    let words = || ReadRequest { tables: vec![TableRequest::all("words")] };
    // One reading has the one connection.
    let reading = few.readable().unwrap().open(words()).await.unwrap();
    full(&few.readable().unwrap().open(words()).await.err().unwrap());
    drop(reading);
    // The publisher has it, and its writer none.
    limit(&mut place, &account, 2).await;
    let publication = PublishRequest { run: "run".into(), tables: vec![replaced()], pipeline: None };
    let publisher = few.writable().unwrap().begin(publication).await.unwrap();
    let mut writers = vec![];
    let error = loop {
        match publisher.writer(&"words".into(), Writers::Several).await {
            Ok(writer) => writers.push(writer),
            Err(error) => break error,
        }
        assert!(writers.len() < 3, "each has a connection of its own");
    };
    full(&error);
    drop((writers, publisher));
    assert_eq!(place.rows("words").await, ["1 old"]);
    limit(&mut place, &account, 20).await;
    let publication = PublishRequest { run: "run".into(), tables: vec![replaced()], pipeline: None };
    let publisher = few.writable().unwrap().begin(publication).await.unwrap();
    let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
    writer.write(pairs(&[(2, "new")])).await.unwrap();
    writer.finish().await.unwrap();
    publisher.commit(Commit::default()).await.unwrap();
    assert_eq!(place.rows("words").await, ["2 new"]);
    place.recover().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_leaves_the_old() {
    let server = Mortal::new("mariadb");
    let (url, _) = server.up();
    let toml = format!("type = \"mysql\"\nurl = \"{url}\"\ndatabase = \"small\"");
    // A database is a folder with its tables.
    let folder = server.data().join("small");
    std::fs::create_dir(&folder).unwrap();
    let _disk = SmallDisk::over(&folder);
    let (base, _) = url.rsplit_once('/').unwrap();
    let mut place = Place::over(open(&toml, std::path::Path::new("/")), &format!("{base}/small")).await;
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    let wide = wide(4000);
    let many: Vec<(i64, &str)> = (0..).zip(wide.iter().map(String::as_str)).collect();
    for mode in [Mode::Replace, Mode::Merge { key: vec!["id".into()] }] {
        let target = target("words", &keyed_definition(), mode);
        let error = place.publish(target, pairs(&many)).await.unwrap_err();
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Never), "{error}");
        assert!(error.hint.as_ref().unwrap().contains("free some room"), "{error:?}");
        assert!(!error.to_string().contains("engine_stage"), "{error}");
        place.recover().await;
        assert_eq!(place.rows("words").await, ["1 old"]);
    }
    // The room is free again.
    place.publish(replaced(), pairs(&[(1, "new")])).await.unwrap();
    assert_eq!(shown(&query(place.open("words").await.provider, "select word from t").await), ["new"]);
}
