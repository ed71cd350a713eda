//! What comes next is not there any more: said with the ways out, never stepped over.

use super::topic::{Topic, column, events, texts};
use engine_connect::hub::{error::Blame, position::Position};

/// That going on is refused for this reason, by a reader that was there and by a new one.
async fn is_a_gap(topic: &Topic, since: Option<&Position>, reason: &str) {
    for connection in [topic.connection.clone(), topic.again()] {
        let error = topic.read_by(&connection, since.cloned(), 10).await.unwrap_err();
        assert_eq!(error.blame, Blame::Gap, "{error}");
        assert!(error.to_string().contains(reason), "`{reason}` is not in `{error}`");
        assert!(error.hint.unwrap().contains("--from earliest"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_deleted_before_they_were_read() {
    let topic = Topic::new(1);
    topic.send(0, &texts(&events(0..10)));
    let since = topic.read(None, 3).await.unwrap().next;
    topic.forget(0, 3);
    assert_eq!(topic.follow(since.clone(), 10).await.0, "3 4 5 6 7 8 9", "nothing unread is gone");
    topic.forget(0, 5);
    is_a_gap(&topic, since.as_ref(), "the messages of partition 0 from offset 3 to 4 are gone").await;
    assert_eq!(topic.follow(None, 10).await.0, "5 6 7 8 9", "a first reader begins with what is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew() {
    let topic = Topic::new(1);
    topic.send(0, &texts(&events(0..5)));
    let (_, since) = topic.follow(None, 10).await;
    topic.delete();
    is_a_gap(&topic, since.as_ref(), "the topic is not there any more").await;
    topic.create(1, &[]);
    is_a_gap(&topic, since.as_ref(), "partition 0 ends at 0, before the position 5").await;
    topic.send(0, &texts(&events(0..5)));
    is_a_gap(&topic, since.as_ref(), "another message stands at offset 4").await;
    topic.send(0, &texts(&events(5..9)));
    is_a_gap(&topic, since.as_ref(), "another message stands at offset 4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_with_fewer_partitions_or_by_transactions() {
    let topic = Topic::new(2);
    topic.send(0, &texts(&events(0..2)));
    topic.send(1, &texts(&events(2..4)));
    let (_, since) = topic.follow(None, 10).await;
    topic.delete();
    topic.create(1, &[]);
    topic.send(0, &texts(&events(0..9)));
    is_a_gap(&topic, since.as_ref(), "it has no partition 1 any more").await;
    topic.delete();
    topic.create(2, &[]);
    // Offset 1 is the end of a transaction now, which is no message.
    topic.transact(&[&events(0..1)[0]], true);
    topic.transact(&[&events(1..2)[0]], true);
    topic.send(1, &texts(&events(2..9)));
    is_a_gap(&topic, since.as_ref(), "message stands at offset 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_of_another_topic_is_refused() {
    let topic = Topic::new(1);
    topic.send(0, &texts(&events(0..2)));
    let other = Topic::new(1);
    other.send(0, &texts(&events(0..2)));
    let (_, since) = other.follow(None, 10).await;
    is_a_gap(&topic, since.as_ref(), "the position is one of the topic `it-").await;
    let nonsense = Some(Position(serde_json::json!({ "file": 7 })));
    is_a_gap(&topic, nonsense.as_ref(), "the position is not one of a topic of Kafka").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_topic_goes_on_where_its_last_message_was_replaced() {
    let topic = Topic::missing();
    let config = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("max.compaction.lag.ms", "100"),
    ];
    topic.create(1, &config);
    let headers = rdkafka::message::OwnedHeaders::new;
    topic.send_whole(b"k", 1_700_000_000_000, headers(), Some(&events(0..1)[0]));
    let (_, since) = topic.follow(None, 10).await;
    let mut gone = false;
    for n in 1..200 {
        topic.send_whole(b"k", 1_700_000_000_000 + i64::from(n), headers(), Some(&events(n..n + 1)[0]));
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let first = topic.read(None, 1).await.unwrap();
        gone = column(&first, "_offset").await != "0";
        if gone {
            break;
        }
    }
    assert!(gone, "the broker compacts the topic");
    let open = topic.read_by(&topic.again(), since, 1000).await.unwrap();
    assert!(!column(&open, "word").await.is_empty());
}
