//! What is read of a topic: each message once, and what the topic knows of it.

use super::topic::{Topic, cells, column, events, texts};
use engine_connect::hub::topics::Start;
use rdkafka::message::{Header, OwnedHeaders};

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_read_each_message_once_in_batches_of_any_size() {
    let topic = Topic::new(3);
    for partition in 0..3 {
        topic.send(partition, &texts(&events(0..40)));
    }
    for rows in [1, 7, 1000] {
        let (words, end) = topic.follow(None, rows).await;
        let mut numbers: Vec<u32> = words.split(' ').map(|word| word.parse().unwrap()).collect();
        numbers.sort_unstable();
        let expected: Vec<u32> = (0..40).flat_map(|n| [n, n, n]).collect();
        assert_eq!(numbers, expected, "in batches of {rows}");
        let lag = topic.connection.topics().unwrap().lag(&topic.request(end, None)).await.unwrap().unwrap();
        assert_eq!(lag.into_iter().collect::<Vec<_>>(), [(0, 0), (1, 0), (2, 0)]);
    }
    let lag = topic.connection.topics().unwrap().lag(&topic.request(None, None)).await.unwrap().unwrap();
    assert_eq!(lag.values().sum::<u64>(), 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_knows_key_headers_time_and_place_of_each_message() {
    let topic = Topic::new(1);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "trace", value: Some("7") })
        .insert(Header { key: "trace", value: None::<&str> })
        .insert(Header { key: "raw", value: Some(&[0xff_u8][..]) });
    topic.send_whole(b"k", 1_700_000_000_123, headers, Some("{\"id\":1,\"word\":\"a\"}"));
    topic.send_whole(&[0xfe, 1], 1_700_000_000_124, OwnedHeaders::new(), Some("{\"id\":2,\"word\":\"b\"}"));
    let open = topic.read(None, 10).await.unwrap();
    assert_eq!(column(&open, "_key").await, "k \\xfe01");
    assert_eq!(column(&open, "_partition").await + " " + &column(&open, "_offset").await, "0 0 0 1");
    assert_eq!(column(&open, "_timestamp").await, "2023-11-14T22:13:20.123Z 2023-11-14T22:13:20.124Z");
    let expected = r#"[{"key":"trace","value":"7"},{"key":"trace","value":null},{"base64":"/w==","key":"raw"}]"#;
    let found = cells(&open, "select _headers from t where id = 1").await;
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(json(&found), json(expected));
    assert_eq!(cells(&open, "select _headers is null from t where id = 2").await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_committed_messages_are_seen_and_their_gaps_are_stepped_over() {
    let topic = Topic::new(1);
    topic.transact(&["{\"id\":1,\"word\":\"a\"}"], true);
    topic.transact(&["{\"id\":2,\"word\":\"never\"}", "{\"id\":3,\"word\":\"never\"}"], false);
    let (words, middle) = topic.follow(None, 10).await;
    assert_eq!(words, "a");
    let lag = topic.connection.topics().unwrap().lag(&topic.request(middle.clone(), None)).await.unwrap().unwrap();
    assert_eq!(lag[&0], 0, "what is no message is no lag: {middle:?}");
    topic.transact(&["{\"id\":4,\"word\":\"b\"}"], true);
    assert_eq!(topic.follow(middle.clone(), 10).await.0, "b");
    // As another process would go on.
    let by_another = topic.read_by(&topic.again(), middle, 10).await.unwrap();
    assert_eq!(column(&by_another, "word").await, "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_added_begin_at_their_first_message() {
    let topic = Topic::new(1);
    topic.send(0, &["{\"id\":1,\"word\":\"a\"}"]);
    let (words, since) = topic.follow(None, 10).await;
    assert_eq!(words, "a");
    topic.grow(3);
    topic.send(2, &["{\"id\":2,\"word\":\"b\"}"]);
    let (words, since) = topic.follow(since, 10).await;
    assert_eq!(words, "b");
    topic.send(1, &["{\"id\":3,\"word\":\"c\"}"]);
    assert_eq!(topic.follow(since, 10).await.0, "c");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_begins_where_it_is_told_to() {
    let topic = Topic::new(1);
    for n in 0..5 {
        let payload = format!("{{\"id\":{n},\"word\":\"{n}\"}}");
        topic.send_whole(b"k", 1_700_000_000_000 + i64::from(n) * 1000, OwnedHeaders::new(), Some(&payload));
    }
    topic.forget(0, 1);
    for (start, expected) in [
        (Start::Earliest, "1 2 3 4"),
        (Start::Latest, ""),
        (Start::Offset(3), "3 4"),
        (Start::Offset(99), ""),
        (Start::Time(1_700_000_002_000_000), "2 3 4"),
        (Start::Time(1_700_000_002_000_001), "3 4"),
        (Start::Time(1_900_000_000_000_000), ""),
    ] {
        let since = topic.connection.topics().unwrap().start(&topic.request(None, None), start).await.unwrap();
        assert_eq!(topic.follow(since, 10).await.0, expected, "{start:?}");
    }
    let missing = Topic::missing();
    assert_eq!(
        missing.connection.topics().unwrap().start(&missing.request(None, None), Start::Latest).await.unwrap(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_an_error() {
    let topic = Topic::missing();
    let error = topic.read(None, 10).await.err().unwrap();
    assert!(error.hint.is_some(), "{error}");
}
