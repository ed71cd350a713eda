//! All or nothing: rows, tables, rejected rows and positions.

use super::subject::{Subject, appended, keyed_definition, pairs, pairs_definition, request, target};
use engine_connect::hub::{
    error::Blame,
    position::Position,
    publication::{Advance, Commit, DeadLetter, Mode, PublishRequest, Writers},
    rejected::RejectedRow,
    source::TableRequest,
};
use engine_language::table::ForeignKey;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

pub async fn dropped_leaves_nothing(it: Subject) {
    it.publish(appended("words"), pairs(&[(1, "a")])).await.unwrap();
    let publication = PublishRequest { run: "lost".into(), tables: vec![appended("words")], pipeline: None };
    if !it.connection.abilities().write {
        let refused = it.connection.writable().err().unwrap();
        assert_eq!(refused.blame, Blame::User, "{refused}");
        return;
    }
    let publisher = it.connection.writable().unwrap().begin(publication).await.unwrap();
    let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
    writer.write(pairs(&[(2, "b")])).await.unwrap();
    writer.finish().await.unwrap();
    drop(publisher);
    assert_eq!(it.rows("words").await, "1 a");
    assert_eq!(it.connection.tables().await.unwrap(), vec!["words".into()]);
    it.publish(appended("words"), pairs(&[(3, "c")])).await.unwrap();
    assert_eq!(it.rows("words").await, "1 a, 3 c");
    it.connection.writable().unwrap().recover().await.unwrap();
    assert_eq!(it.connection.writable().unwrap().recover().await.unwrap(), 0, "nothing is left after a recovery");
    assert_eq!(it.rows("words").await, "1 a, 3 c");
}

pub async fn tables_together_or_not_at_all(it: Subject) {
    let both = |second: &str| {
        let replaced = |table: &str| target(table, &keyed_definition(), Mode::Replace);
        vec![(replaced("a"), pairs(&[(1, second)])), (replaced("b"), pairs(&[(1, second)]))]
    };
    if !it.connection.abilities().replace {
        it.publish_all("run", both("x"), None, Commit::default()).await.unwrap_err();
        assert_eq!(it.connection.tables().await.unwrap(), vec![]);
        return;
    }
    it.publish_all("run", both("old"), None, Commit::default()).await.unwrap();
    let mut broken = both("new");
    broken[1].1 = pairs(&[(1, "new"), (1, "twice")]);
    let error = it.publish_all("run2", broken, None, Commit::default()).await.unwrap_err();
    assert_eq!(error.blame, Blame::Data, "{error}");
    assert_eq!((it.rows("a").await, it.rows("b").await), ("1 old".into(), "1 old".into()));
}

pub async fn broken_rules_leave_the_old(it: Subject) {
    if !it.connection.abilities().replace {
        return;
    }
    let parents = target("parents", &keyed_definition(), Mode::Replace);
    let mut definition = keyed_definition();
    definition.unique = vec![vec!["word".into()]];
    definition.foreign_keys =
        vec![ForeignKey { columns: vec!["id".into()], table: "parents".into(), to: vec!["id".into()] }];
    let children = target("children", &definition, Mode::Replace);
    let good = vec![(children.clone(), pairs(&[(1, "a")])), (parents.clone(), pairs(&[(1, "p"), (2, "q")]))];
    it.publish_all("run", good, None, Commit::default()).await.unwrap();
    for (broken, named) in [
        ((children.clone(), pairs(&[(3, "orphan")])), "`parents`"),
        ((parents, pairs(&[(2, "q")])), "`children`"),
        ((children, pairs(&[(1, "same"), (2, "same")])), "children"),
    ] {
        let error = it.publish(broken.0, broken.1).await.unwrap_err();
        assert_eq!(error.blame, Blame::Data, "{error}");
        assert!(error.to_string().contains(named), "{error}");
        assert!(!error.to_string().contains("engine_"), "staging is not the user's: {error}");
        assert_eq!((it.rows("children").await, it.rows("parents").await), ("1 a".into(), "1 p, 2 q".into()));
    }
}

pub async fn readers_see_old_or_new(it: Subject) {
    if !it.connection.abilities().replace {
        return;
    }
    let rows = |word: &'static str| pairs(&[(1, word), (2, word), (3, word)]);
    let whole = || target("words", &keyed_definition(), Mode::Replace);
    it.publish(whole(), rows("even")).await.unwrap();
    let it = Arc::new(it);
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (it, done) = (it.clone(), done.clone());
        async move {
            let mut reads = 0;
            while !done.load(Ordering::Relaxed) || reads == 0 {
                let seen = it.rows("words").await;
                assert!(["1 even, 2 even, 3 even", "1 odd, 2 odd, 3 odd"].contains(&&*seen), "{seen}");
                reads += 1;
            }
        }
    });
    for round in 0..20 {
        it.publish(whole(), rows(if round % 2 == 0 { "odd" } else { "even" })).await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    reader.await.unwrap();
}

fn at(from: Option<i64>, to: i64) -> Commit {
    let place = |number: i64| Position(json!({ "next": number }));
    Commit { advance: Some(Advance { from: from.map(place), to: place(to) }), ..Commit::default() }
}

pub async fn positions_move_with_rows(it: Subject) {
    let rows = || vec![(appended("words"), pairs(&[(1, "a")]))];
    let pipe = "stream.x".into();
    assert_eq!(it.connection.position(&pipe).await.unwrap(), None);
    let first = it.publish_all("run", rows(), Some("stream.x"), at(None, 5)).await;
    if !it.connection.abilities().positions {
        assert_eq!(first.unwrap_err().blame, Blame::User);
        return;
    }
    first.unwrap();
    it.publish_all("run", rows(), Some("stream.x"), at(Some(5), 9)).await.unwrap();
    assert_eq!(it.connection.position(&pipe).await.unwrap(), Some(Position(json!({ "next": 9 }))));
    assert_eq!(it.connection.position(&"another".into()).await.unwrap(), None);
    assert_eq!(it.rows("words").await, "1 a, 1 a");
}

pub async fn a_rival_loses(it: Subject) {
    if !it.connection.abilities().positions {
        return;
    }
    let rows = |word| vec![(appended("words"), pairs(&[(1, word)]))];
    it.publish_all("one", rows("first"), Some("p"), at(None, 5)).await.unwrap();
    for from in [None, Some(4)] {
        let error = it.publish_all("two", rows("second"), Some("p"), at(from, 6)).await.unwrap_err();
        assert_eq!(error.blame, Blame::Rival, "{error}");
    }
    assert_eq!(it.rows("words").await, "1 first");
    assert_eq!(it.connection.position(&"p".into()).await.unwrap(), Some(Position(json!({ "next": 5 }))));
}

pub async fn dead_letters_come_with_rows(it: Subject) {
    let letter = RejectedRow {
        source: "topic".into(),
        partition: 3,
        offset: 42,
        payload: vec![0xff, 0, b'{'],
        reason: "no JSON".into(),
    };
    let rows = || vec![(appended("words"), pairs(&[(1, "a")]))];
    let commit = |from| Commit { rejected: vec![letter.clone()], ..at(from, 1) };
    let done = it.publish_all("run", rows(), Some("p"), commit(None)).await;
    if !it.connection.abilities().positions {
        done.unwrap_err();
        return;
    }
    done.unwrap();
    it.publish_all("rival", rows(), Some("p"), commit(None)).await.unwrap_err();
    let opened = it.open_tables(vec![TableRequest::all("engine_dead_letters")]).await.unwrap();
    let sql = "select pipeline, source, partition, \"offset\", encode(payload, 'hex') as payload, reason, run from t";
    let found = super::subject::query(opened[0].provider.clone(), sql).await;
    let found = datafusion::arrow::util::pretty::pretty_format_batches(&found).unwrap().to_string();
    let expected = "| p        | topic  | 3         | 42     | ff007b  | no JSON | run |";
    assert_eq!(found.lines().filter(|line| line.starts_with('|')).skip(1).collect::<Vec<_>>(), vec![expected]);
    let tables = it.connection.tables().await.unwrap();
    assert_eq!(tables, vec!["words".into()], "the engine's own tables are not the user's");
    it.open_tables(vec![request("words", &pairs_definition())]).await.unwrap();
}

pub async fn dead_letters_are_let_go_with_rows(it: Subject) {
    if !it.connection.abilities().positions {
        return;
    }
    let letter = |offset| RejectedRow {
        source: "topic".into(),
        partition: 3,
        offset,
        payload: b"{".to_vec(),
        reason: "no JSON".into(),
    };
    let rows = |word| vec![(appended("words"), pairs(&[(1, word)]))];
    let commit = Commit { rejected: vec![letter(41), letter(42)], ..at(None, 1) };
    it.publish_all("run", rows("a"), Some("p"), commit).await.unwrap();
    let place = |offset| DeadLetter { source: "topic".into(), partition: 3, offset };
    let settled =
        |offsets: &[i64]| Commit { settled: offsets.iter().copied().map(place).collect(), ..Commit::default() };
    it.publish_all("run2", rows("b"), Some("p"), settled(&[41])).await.unwrap();
    let error = it.publish_all("run3", rows("c"), Some("p"), settled(&[41, 42])).await.unwrap_err();
    assert_eq!(error.blame, Blame::Rival, "{error}");
    assert_eq!(it.rows("words").await, "1 a, 1 b");
    let opened = it.open_tables(vec![TableRequest::all("engine_dead_letters")]).await.unwrap();
    let left = super::subject::query(opened[0].provider.clone(), "select cast(\"offset\" as bigint) as o from t").await;
    let left = datafusion::arrow::util::pretty::pretty_format_batches(&left).unwrap().to_string();
    assert_eq!(left.lines().filter(|line| line.contains('4')).collect::<Vec<_>>(), vec!["| 42 |"]);
    // The position stands where it stood, and letters may go without rows.
    assert_eq!(it.connection.position(&"p".into()).await.unwrap(), Some(Position(json!({ "next": 1 }))));
    it.publish_all("run4", vec![], Some("p"), settled(&[42])).await.unwrap();
}
