//! Messages that are not what was declared: each refused by itself, with its place, bytes and reason.

use super::topic::{Topic, column};
use engine_connect::hub::{error::Blame, rejected::RejectedRow, topics::Start};
use engine_language::config::source::BadRows;

/// What cannot be read, and why.
const POISON: &[(&[u8], &str)] = &[
    (b"{\"id\":1,\"word\":\"trunc", "not one JSON object: EOF while parsing a string"),
    (b"ated\"}", "not one JSON object: expected value"),
    (b"{\"id\":1,\"word\":\"a\"}{\"id\":2,\"word\":\"b\"}", "not one JSON object: trailing characters"),
    (b"{\"id\":1,\"word\":\"a\"} 7", "not one JSON object: trailing characters"),
    (b"null", "not one JSON object: invalid type: null"),
    (b"[]", "not one JSON object: invalid type: sequence"),
    (b"7", "not one JSON object: invalid type: integer"),
    (b"", "not one JSON object: EOF while parsing a value"),
    (b"{\"id\":1,,}", "not one JSON object: key must be a string"),
    (b"{\"id\":\"one\",\"word\":\"a\"}", "`id`: \"one\" is no bigint"),
    (b"{\"id\":1.7,\"word\":\"a\"}", "`id`: 1.7 is no bigint"),
    (b"{\"id\":9223372036854775808,\"word\":\"a\"}", "`id`: 9223372036854775808 is no bigint"),
    (b"{\"id\":1e400,\"word\":\"a\"}", "`id`: 1e400 is no bigint"),
    (b"{\"id\":true,\"word\":\"a\"}", "`id`: true is no bigint"),
    (b"{\"id\":1,\"word\":{\"x\":1}}", "`word`: a list or an object is no text"),
    (b"{\"id\":1,\"word\":7}", "`word`: 7 is no text"),
    (b"{\"id\":1,\"word\":\"\xff\"}", "not one JSON object: invalid unicode code point"),
    (b"\xff\xfe", "not one JSON object: expected value"),
    (b"{\"id\":1,\"word\":\"\\ud800\"}", "not one JSON object: unexpected end of hex escape"),
    (b"{\"word\":\"a\"}", "`id`: there is no value, and it is required"),
    (b"{\"id\":null,\"word\":\"a\"}", "`id`: there is no value, and it is required"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_poison_is_refused_alone_and_the_good_around_it_is_read() {
    let mut topic = Topic::new(1);
    topic.required = vec!["id"];
    let mut sent: Vec<Vec<u8>> = vec![];
    for (number, (payload, _)) in POISON.iter().enumerate() {
        sent.push(payload.to_vec());
        sent.push(format!("{{\"id\":{number},\"word\":\"good\",\"more\":[{{}}]}}").into_bytes());
    }
    topic.send_bytes(0, &sent.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let open = topic.read(None, 1000).await.unwrap();
    let good: Vec<String> = (0..POISON.len()).map(|number| number.to_string()).collect();
    assert_eq!(column(&open, "id").await, good.join(" "));
    let rejected: Vec<RejectedRow> = open.rejected.take();
    assert_eq!(rejected.len(), POISON.len());
    for (number, (row, (payload, reason))) in rejected.iter().zip(POISON).enumerate() {
        let place = (row.source.as_str(), row.partition, row.offset);
        assert_eq!(place, ("words", 0, i64::try_from(number).unwrap() * 2));
        assert_eq!(row.payload, *payload);
        assert!(row.reason.contains(reason), "`{reason}` is not in `{}`", row.reason);
    }
    // Read again as dead letters would be, they are refused for the same reasons.
    let again =
        topic.connection.topics().unwrap().decode(&topic.request(None, None), rejected.clone()).await.unwrap().unwrap();
    assert_eq!(column(&again, "id").await, "");
    assert_eq!(again.rejected.take(), rejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_fails_the_reading_or_is_left_out_where_the_user_says_so() {
    let mut topic = Topic::new(1);
    topic.send(0, &["{\"id\":1,\"word\":\"a\"}", "{", "{\"id\":2,\"word\":\"b\"}"]);
    topic.bad_rows = BadRows::Fail;
    let error = topic.read(None, 10).await.unwrap_err();
    assert_eq!(error.blame, Blame::Data, "{error}");
    assert!(error.to_string().contains("offset 1 of partition 0: not one JSON object"), "{error}");
    topic.bad_rows = BadRows::Skip;
    let open = topic.read(None, 10).await.unwrap();
    assert_eq!((column(&open, "word").await.as_str(), open.rejected.take()), ("a b", vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_bytes_is_no_row() {
    let topic = Topic::new(1);
    topic.send_whole(b"k", 1, rdkafka::message::OwnedHeaders::new(), None);
    let open = topic.read(None, 10).await.unwrap();
    assert_eq!(column(&open, "word").await, "");
    assert_eq!(open.rejected.take().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_can_be_fetched_as_it_stands() {
    let topic = Topic::new(2);
    topic.send(1, &["{}", "{\"id\": 1, \"word\": \"a\"}", "{}"]);
    let (request, reason) = (topic.request(None, None), "its target refused it".to_owned());
    let found = topic.connection.topics().unwrap().message(&request, (1, 1), reason).await.unwrap().unwrap();
    assert_eq!((found.source.as_str(), found.partition, found.offset), ("words", 1, 1));
    assert_eq!(
        (found.payload.as_slice(), found.reason.as_str()),
        (&b"{\"id\": 1, \"word\": \"a\"}"[..], "its target refused it")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_can_be_moved_on_within_a_batch() {
    let topic = Topic::new(2);
    topic.send(0, &["{\"id\":1,\"word\":\"a\"}", "{\"id\":2,\"word\":\"b\"}"]);
    topic.send(1, &["{\"id\":3,\"word\":\"c\"}"]);
    for since in
        [None, topic.connection.topics().unwrap().start(&topic.request(None, None), Start::Earliest).await.unwrap()]
    {
        let next = [(0, 1), (1, 1)].into_iter().collect();
        let middle = topic.connection.topics().unwrap().passed(&topic.request(since, None), &next).await.unwrap();
        assert_eq!(topic.follow(middle, 10).await.0, "b");
    }
}
