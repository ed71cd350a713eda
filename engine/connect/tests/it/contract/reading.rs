//! How tables are read.

use super::subject::{Subject, appended, keyed_definition, pairs, pairs_definition, query, request, shown, target};
use datafusion::{arrow::util::pretty::pretty_format_batches, prelude::SessionContext};
use engine_connect::hub::{
    publication::{Commit, Mode},
    source::{BatchLimit, ReadRequest, TableRequest},
    topics::Start,
};
use engine_language::name::Name;
use futures::StreamExt;
use std::{sync::Arc, time::Duration};

pub async fn an_empty_table(it: Subject) {
    it.publish(appended("words"), pairs(&[])).await.unwrap();
    assert_eq!(it.rows("words").await, "");
    assert_eq!(it.connection.tables().await.unwrap(), vec![Name::from("words")]);
}

pub async fn projection_filter_and_limit(it: Subject) {
    it.publish(appended("words"), pairs(&[(1, "a"), (2, "b"), (3, "c"), (4, "b")])).await.unwrap();
    for (sql, expected) in [
        ("select word from t order by word, id desc", "a b b c"),
        ("select id from t where word = 'b' order by id", "2 4"),
        ("select id from t where word <> 'b' and id > 1", "3"),
        ("select count(*) from t", "4"),
        ("select count(*) from (select id from t limit 2)", "2"),
        ("select count(*) from (select id from t where word = 'b' limit 3)", "2"),
        ("select count(*) from (select id from t limit 0)", "0"),
    ] {
        let opened = it.open_tables(vec![request("words", &pairs_definition())]).await.unwrap();
        let text = pretty_format_batches(&query(opened[0].provider.clone(), sql).await).unwrap().to_string();
        let cells = text.lines().skip(3).filter(|line| line.starts_with('|'));
        let cells: Vec<&str> = cells.map(|line| line.trim_matches(['|', ' '])).collect();
        assert_eq!(cells.join(" "), expected, "{sql}");
    }
}

pub async fn a_missing_table(it: Subject) {
    it.publish(appended("words"), pairs(&[])).await.unwrap();
    assert_eq!(it.connection.readable().unwrap().describe(&TableRequest::all("word")).await.unwrap(), None);
    assert_eq!(it.connection.readable().unwrap().version(&TableRequest::all("word"), None).await.unwrap(), None);
    let asked = request("word", &pairs_definition());
    let error = it.open_tables(vec![asked.clone()]).await.expect_err("what is not there is not empty");
    assert!(error.to_string().contains("word"), "{error}");
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("optional = true")), "{error:?}");
    // Where it may be missing it is empty, beside tables that are there.
    let mut declared = asked.declared.as_deref().unwrap().clone();
    declared.optional = true;
    let optional = TableRequest { declared: Some(Arc::new(declared)), ..asked };
    let tables = vec![optional, request("words", &pairs_definition())];
    let opened = it.connection.open(ReadRequest { tables }).await.unwrap();
    for table in &opened.tables {
        assert_eq!(shown(table).await, "");
    }
}

pub async fn batches_are_bounded(it: Subject) {
    let rows: Vec<(i64, &str)> = (0..50_000).map(|id| (id, "w")).collect();
    it.publish(appended("words"), pairs(&rows)).await.unwrap();
    let opened = it.open_tables(vec![request("words", &pairs_definition())]).await.unwrap();
    let context = SessionContext::new();
    let frame = context.read_table(opened[0].provider.clone()).unwrap();
    let mut stream = frame.execute_stream().await.unwrap();
    let mut count = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch.unwrap();
        assert!(batch.num_rows() <= 8192, "a batch of {} rows", batch.num_rows());
        count += batch.num_rows();
    }
    assert_eq!(count, 50_000);
}

pub async fn one_instant_over_tables(it: Subject) {
    for table in ["a", "b"] {
        it.publish(appended(table), pairs(&[(1, "old")])).await.unwrap();
    }
    let requests = || vec![request("a", &pairs_definition()), request("b", &pairs_definition())];
    let before = it.open_tables(requests()).await.unwrap();
    for table in ["a", "b"] {
        it.publish(appended(table), pairs(&[(2, "new")])).await.unwrap();
    }
    for table in &before {
        assert_eq!(shown(table).await, "1 old", "an opened table stays at its instant");
    }
    for table in it.open_tables(requests()).await.unwrap() {
        assert_eq!(shown(&table).await, "1 old, 2 new");
    }
}

pub async fn an_early_end_of_a_scan(it: Subject) {
    let rows: Vec<(i64, &str)> = (0..50_000).map(|id| (id, "w")).collect();
    it.publish(appended("words"), pairs(&rows)).await.unwrap();
    for _ in 0..20 {
        let opened = it.open_tables(vec![request("words", &pairs_definition())]).await.unwrap();
        let context = SessionContext::new();
        let mut stream = context.read_table(opened[0].provider.clone()).unwrap().execute_stream().await.unwrap();
        stream.next().await.unwrap().unwrap();
    }
    // A scan that went on would hold what it reads; writing is free at once.
    let write = it.publish(appended("words"), pairs(&[(0, "x")]));
    tokio::time::timeout(Duration::from_secs(5), write).await.unwrap().unwrap();
}

pub async fn since_resumes_exactly(it: Subject) {
    it.publish(appended("words"), pairs(&[(1, "a"), (2, "b"), (3, "c")])).await.unwrap();
    let all = request("words", &pairs_definition());
    let limit = BatchLimit { rows: 2, bytes: 1 << 20, time: Duration::from_secs(1) };
    let first = it.open_tables(vec![TableRequest { limit: Some(limit), ..all.clone() }]).await.unwrap().remove(0);
    if !it.connection.abilities().stream {
        assert_eq!(first.next, None, "what has no positions says so");
        return;
    }
    assert_eq!((shown(&first).await.as_str(), first.more), ("1 a, 2 b", true));
    let after = |next| TableRequest { since: next, limit: Some(limit), ..all.clone() };
    let second = it.open_tables(vec![after(first.next)]).await.unwrap().remove(0);
    assert_eq!((shown(&second).await.as_str(), second.more), ("3 c", false));
    let none = it.open_tables(vec![after(second.next.clone())]).await.unwrap().remove(0);
    assert_eq!((shown(&none).await.as_str(), none.more), ("", false));
    assert_eq!(none.next, second.next, "without rows a position does not move");
    it.publish(appended("words"), pairs(&[(4, "d")])).await.unwrap();
    let third = it.open_tables(vec![after(none.next)]).await.unwrap().remove(0);
    assert_eq!(shown(&third).await, "4 d");
}

pub async fn tokens_tell_changes(it: Subject) {
    it.publish(appended("words"), pairs(&[(1, "a")])).await.unwrap();
    let asked = request("words", &pairs_definition());
    let source = it.connection.readable().unwrap();
    let first = source.version(&asked, None).await.unwrap();
    let first = first.expect("what can be written can be told from what it was");
    let again = source.version(&asked, Some(&first)).await.unwrap().unwrap();
    assert_eq!(again.value(), first.value());
    it.publish(appended("words"), pairs(&[(2, "b")])).await.unwrap();
    let second = it.connection.readable().unwrap().version(&asked, Some(&first)).await.unwrap().unwrap();
    assert_ne!(second.content.value, first.content.value);
    assert_eq!(second.shape, first.shape);
    if !it.connection.abilities().replace {
        return;
    }
    let same = target("words", &keyed_definition(), Mode::Replace);
    let rows = pairs(&[(2, "b"), (1, "a")]);
    it.publish_all("other", vec![(same, rows)], None, Commit::default()).await.unwrap();
    let third = it.connection.readable().unwrap().version(&asked, None).await.unwrap().unwrap();
    assert_eq!(third.content.value, second.content.value, "the same rows in another order are the same");
    assert_ne!(third.value(), second.value(), "a key that is new makes another version");
}

pub async fn places_within_a_stream(it: Subject) {
    if !it.connection.abilities().stream {
        return;
    }
    it.publish(appended("words"), pairs(&[(1, "a"), (2, "b"), (3, "c")])).await.unwrap();
    let all = request("words", &pairs_definition());
    let connection = &it.connection;
    let topics = connection.topics().expect("a stream knows its places");
    let Some(lag) = topics.lag(&all).await.unwrap() else {
        assert_eq!(connection.kind(), "files", "a topic tells how far its reader is behind");
        return;
    };
    let sum = lag.values().sum::<u64>();
    assert!((3..=4).contains(&sum), "the messages, and what ends their transaction: {sum}");
    let read = async |since| {
        let limit = BatchLimit { rows: 9, bytes: 1 << 20, time: Duration::from_secs(1) };
        let asked = TableRequest { since, limit: Some(limit), ..all.clone() };
        shown(&it.open_tables(vec![asked]).await.unwrap()[0]).await
    };
    for (start, expected) in [
        (Start::Earliest, "1 a, 2 b, 3 c"),
        (Start::Latest, ""),
        (Start::Offset(1), "2 b, 3 c"),
        (Start::Time(0), "1 a, 2 b, 3 c"),
    ] {
        let since = topics.start(&all, start).await.unwrap();
        assert_eq!(read(since).await, expected, "{start:?}");
    }
    let since = topics.passed(&all, &[(0, 2)].into()).await.unwrap();
    let behind = topics.lag(&TableRequest { since: since.clone(), ..all.clone() }).await.unwrap().unwrap();
    assert_eq!(behind[&0], sum - 2);
    assert_eq!(read(since).await, "3 c");
    let message = topics.message(&all, (0, 1), "why".into()).await.unwrap().unwrap();
    assert_eq!((message.source.as_str(), message.offset, message.reason.as_str()), ("words", 1, "why"));
    let opened = topics.decode(&all, vec![message]).await.unwrap().unwrap();
    assert_eq!(shown(&opened).await, "2 b");
}
