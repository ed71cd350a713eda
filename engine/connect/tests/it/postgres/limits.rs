//! What there is not enough of: connections, and room on the disk.

use super::{Place, faults::replaced};
use crate::{
    contract::subject::{keyed_definition, pairs, target},
    mortal::Mortal,
    small_disk::{SmallDisk, wide},
};
use engine_connect::hub::{
    error::{Blame, Retry},
    publication::{Mode, PublishRequest, Writers},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_connections_is_said_and_leaves_nothing() {
    let place = Place::alone(
        "",
        "create table big (id int primary key, filler text);
        insert into big select i, repeat('x', 2000) from generate_series(1, 20000) i",
    )
    .await;
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    let role = place.url.rsplit_once('/').unwrap().1.replace("it_", "few_");
    place.run(&format!("create role {role} login superuser password 'secret'; alter role {role} nosuperuser connection limit 2;
        grant all on schema public to {role}; grant all on all tables in schema public to {role}; grant {role} to current_user;
        alter table words owner to {role}; alter table engine_publications owner to {role};
        alter table engine_positions owner to {role}; alter table engine_dead_letters owner to {role}")).await;
    let few = place.again(&format!("user = \"{role}\"\npassword = \"secret\""));
    let full = |error: &engine_connect::hub::error::Error| {
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
        assert!(error.hint.as_ref().unwrap().contains("raise max_connections"), "{error:?}");
    };
    // Of two readers at least one finds no connection beside the one that holds the instant.
    let reading = few.open(&["big", "words"]).await.unwrap();
    let other = few.open(&["big"]).await.unwrap();
    let error = few.connection.ping().await.unwrap_err();
    full(&error);
    full(&super::instants::drain(super::instants::stream(&reading.tables[0]).await).await.unwrap_err());
    drop((reading, other));
    place.no_sessions().await;
    // The publisher has one, the first writer one, the second none.
    let publication = PublishRequest { run: "run".into(), tables: vec![replaced()], pipeline: None };
    let publisher = few.connection.writable().unwrap().begin(publication).await.unwrap();
    let mut first = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
    first.write(pairs(&[(2, "new")])).await.unwrap();
    full(&publisher.writer(&"words".into(), Writers::Several).await.err().unwrap());
    drop((first, publisher));
    place.no_sessions().await;
    assert_eq!(place.words().await, "old");
    place.run(&format!("alter role {role} connection limit 20")).await;
    few.publish(replaced(), pairs(&[(1, "new")])).await.unwrap();
    assert_eq!(few.query("big", "select count(*) from t").await, "20000");
    assert_eq!(place.words().await, "new");
    few.recover().await;
    place.no_sessions().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_leaves_the_old() {
    let server = Mortal::new("postgres");
    let (url, _) = server.up();
    let folder = tempfile::tempdir().unwrap();
    let _disk = SmallDisk::over(folder.path());
    let rows = folder.path().join("rows");
    std::fs::create_dir(&rows).unwrap();
    server.give(&rows);
    let place = Place::over(&url, "");
    place.run(&format!("create tablespace small location '{}'", rows.display())).await;
    place.publish(replaced(), pairs(&[(1, "old")])).await.unwrap();
    // Of a role's settings only new sessions know.
    place.run("alter role engine set default_tablespace = 'small'").await;
    place.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'engine'").await;
    let wide = wide(4000);
    let many: Vec<(i64, &str)> = (0..).zip(wide.iter().map(String::as_str)).collect();
    for mode in [Mode::Replace, Mode::Merge { key: vec!["id".into()] }] {
        let target = target("words", &keyed_definition(), mode);
        let error = place.publish(target, pairs(&many)).await.unwrap_err();
        assert_eq!((error.blame, error.retry), (Blame::System, Retry::Never), "{error}");
        assert!(error.hint.as_ref().unwrap().contains("free some room"), "{error:?}");
        assert!(!error.to_string().contains("engine_stage"), "{error}");
        place.no_sessions().await;
        place.recover().await;
        assert_eq!(place.words().await, "old");
    }
    // The room is free again.
    place.publish(replaced(), pairs(&[(1, "new")])).await.unwrap();
    assert_eq!(place.words().await, "new");
}
