//! What a table keeps when its rows are replaced, and what holds it in its place.

use super::{Place, shown};
use crate::contract::subject::{keyed_definition, pairs, query, target};
use engine_connect::hub::{
    error::Blame,
    publication::{Commit, Mode, PublishRequest, Writers},
    source::TableRequest,
};

fn replaced() -> engine_connect::hub::publication::Target {
    target("words", &keyed_definition(), Mode::Replace)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_table_keeps_what_others_gave_it() {
    let mut place = Place::new().await;
    place
        .run(
            "create table words (id bigint not null auto_increment primary key comment 'the number', \
               word longtext default 'none', fulltext key by_words (word), key first_letters (word(3), id)) \
               auto_increment = 1000 comment 'words of users'",
        )
        .await;
    place.run("create view shown as select word from words").await;
    for round in 1..=2 {
        place.publish(replaced(), pairs(&[(round, "a")])).await.unwrap();
        let made = place
            .one(
                "select table_comment from information_schema.tables where table_schema = database() \
                              and table_name = 'words'",
            )
            .await;
        assert!(made.starts_with("words of users (made by engine in run run "), "{made}");
        let kept = place
            .one(
                "select group_concat(distinct index_name order by index_name) from information_schema.statistics \
                              where table_schema = database() and table_name = 'words'",
            )
            .await;
        assert_eq!(kept, "by_words,first_letters,PRIMARY");
        let column = place
            .one(
                "select concat_ws('|', column_comment, extra) from information_schema.columns \
                                where table_schema = database() and table_name = 'words' and column_name = 'id'",
            )
            .await;
        assert_eq!(column, "the number|auto_increment");
        place.run("insert into words () values ()").await;
        assert_eq!(
            place.one("select concat(word, ' ', id >= 1000) from words order by id desc limit 1").await,
            "none 1"
        );
        assert_eq!(place.one("select count(*) from shown").await, "2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_a_table_keeps_it_in_its_place() {
    for (holds, named) in [
        (
            "create table others (id bigint primary key, word_id bigint, foreign key (word_id) references words (id))",
            true,
        ),
        ("create trigger hears before update on words for each row set new.word = new.word", false),
        ("alter table words partition by hash (id) partitions 2", false),
    ] {
        let mut place = Place::new().await;
        place.publish(replaced(), pairs(&[(1, "a"), (2, "b"), (3, "c")])).await.unwrap();
        place.run(holds).await;
        if named {
            place.run("insert into others values (1, 2)").await;
        }
        let created = "select create_time from information_schema.tables where table_schema = database() and table_name = 'words'";
        let before = place.one(created).await;
        let publisher = place.staged(replaced(), pairs(&[(2, "B"), (3, "c"), (4, "d")]), None).await.unwrap();
        assert!(publisher.written(&"words".into()).await.unwrap().is_none(), "its rows are changed where they are");
        publisher.commit(Commit::default()).await.unwrap();
        assert_eq!(place.rows("words").await, ["2 B", "3 c", "4 d"], "{holds}");
        assert_eq!(place.one(created).await, before, "it is the same table: {holds}");
        if named {
            let error = place.publish(replaced(), pairs(&[(9, "z")])).await.unwrap_err();
            assert_eq!(error.blame, Blame::Data, "{error}");
            assert!(error.to_string().contains("a row of `others` (word_id) refers to a row of `words`"), "{error}");
            assert_eq!(place.rows("words").await, ["2 B", "3 c", "4 d"]);
            place.run("insert into others values (2, 4)").await;
        }
        place.recover().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_seen_before_their_table_is_ready() {
    let place = Place::new().await;
    let mut definition = keyed_definition();
    definition.unique.push(vec!["word".into()]);
    let twice = pairs(&[(1, "same"), (2, "same")]);
    let publisher = place.staged(target("words", &definition, Mode::Replace), twice, None).await.unwrap();
    let written = publisher.written(&"words".into()).await.unwrap().unwrap();
    let mut rows = shown(&query(written, "select * from t").await);
    rows.sort();
    assert_eq!(rows, ["1 same", "2 same"]);
    let error = publisher.commit(Commit::default()).await.unwrap_err();
    assert_eq!(error.blame, Blame::Data, "{error}");
    assert!(error.to_string().contains("writing `words`"), "{error}");
    assert!(place.connection.readable().unwrap().describe(&TableRequest::all("words")).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_what_refers_to_them_go_together() {
    let mut place = Place::new().await;
    let mut children = keyed_definition();
    children.foreign_keys = vec![engine_language::table::ForeignKey {
        columns: vec!["id".into()],
        table: "parents".into(),
        to: vec!["id".into()],
    }];
    let targets =
        || vec![target("children", &children, Mode::Replace), target("parents", &keyed_definition(), Mode::Replace)];
    for round in 1..=3 {
        let publication = PublishRequest { run: "run".into(), tables: targets(), pipeline: None };
        let publisher = place.connection.writable().unwrap().begin(publication).await.unwrap();
        for table in ["children", "parents"] {
            let mut writer = publisher.writer(&table.into(), Writers::Several).await.unwrap();
            writer.write(pairs(&[(round, "a")])).await.unwrap();
            writer.finish().await.unwrap();
        }
        publisher.commit(Commit::default()).await.unwrap();
        assert_eq!(place.rows("children").await, [format!("{round} a")]);
        let refers = "select group_concat(referenced_table_name) from information_schema.key_column_usage \
                      where table_schema = database() and table_name = 'children' and referenced_table_name is not null";
        assert_eq!(place.one(refers).await, "parents");
        let deleted = sqlx::raw_sql("delete from parents").execute(&mut place.on).await;
        assert!(deleted.is_err(), "the reference holds");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_changes_what_differs_and_deletes_what_is_gone() {
    let mut place = Place::new().await;
    place.run("create table words (id bigint primary key, word varchar(20) character set utf8mb4 collate utf8mb4_general_ci, \
               note varchar(20) default 'new', changed timestamp(6) not null default current_timestamp(6) \
               on update current_timestamp(6))").await;
    place.run("insert into words (id, word, note) values (1, 'same', 'x'), (2, 'case', 'y'), (3, 'gone', 'z')").await;
    place.run("update words set changed = '2000-01-01'").await;
    let merged = target("words", &keyed_definition(), Mode::Merge { key: vec!["id".into()] });
    let publisher = place.staged(merged, pairs(&[(1, "same"), (2, "CASE"), (4, "more")]), None).await.unwrap();
    let mut keeper = publisher.key_sweep().unwrap().keys(&"words".into()).await.unwrap();
    let ids = pairs(&[(1, ""), (2, ""), (4, "")]).project(&[0]).unwrap();
    keeper.write(ids).await.unwrap();
    assert_eq!(keeper.finish().await.unwrap(), 3);
    publisher.commit(Commit::default()).await.unwrap();
    let rows = place
        .one("select group_concat(concat_ws(' ', id, word, note, year(changed) = 2000) order by id) from words")
        .await;
    assert_eq!(rows, "1 same x 1,2 CASE y 0,4 more new 0");
    assert_eq!(place.staging().await, "0");

    place.run("alter table words drop primary key").await;
    let merged = target("words", &keyed_definition(), Mode::Merge { key: vec!["id".into()] });
    let error = place.publish(merged, pairs(&[(1, "x")])).await.unwrap_err();
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.to_string().contains("`words` has no key of just (id)"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_the_users() {
    let mut place = Place::new().await;
    place
        .run("create table plain (id bigint, word text) engine = myisam; create view words as select * from plain")
        .await;
    for (table, why) in [("plain", "is a MyISAM table, which has no transactions"), ("words", "is a view")] {
        let error = place.publish(target(table, &keyed_definition(), Mode::Replace), pairs(&[])).await.unwrap_err();
        assert_eq!(error.blame, Blame::User, "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    place.run("create table small (id bigint primary key)").await;
    let error = place.publish(target("small", &keyed_definition(), Mode::Append), pairs(&[])).await.unwrap_err();
    assert!(error.to_string().contains("`small` has no column `word`"), "{error}");
    place.recover().await;
}
