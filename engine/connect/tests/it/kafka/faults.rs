//! Clusters that fail: nobody there, a wrong password, errors that pass.

use super::topic::{Topic, events, texts};
use engine_connect::hub::{
    error::{Blame, Retry},
    publication::{Mode, PublishRequest, Writers},
};
use engine_language::diagnostic::Problems;
use rdkafka::{
    mocking::MockCluster,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use std::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_may_pass() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let topic = Topic::at(&format!("127.0.0.1:{port}"), "");
    let error = topic.connection.ping().await.unwrap_err();
    assert_eq!((error.blame, error.retry), (Blame::System, Retry::Later), "{error}");
    assert!(error.hint.unwrap().contains("is Kafka running at 127.0.0.1:"));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_a_broker_that_pass_are_not_seen() {
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE as NO_LEADER, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION as NOT_LEADER,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT as TIMED_OUT,
    };
    let mock = MockCluster::new(1).unwrap();
    let topic = Topic::at(&mock.bootstrap_servers(), "");
    mock.create_topic(&topic.name, 1, 1).unwrap();
    topic.send(0, &texts(&events(0..20)));
    mock.request_errors(RDKafkaApiKey::Fetch, &[NOT_LEADER, TIMED_OUT, NOT_LEADER]);
    mock.request_errors(RDKafkaApiKey::ListOffsets, &[NO_LEADER]);
    let (words, _) = topic.follow(None, 7).await;
    assert_eq!(words, (0..20).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_while_it_is_read_is_waited_for() {
    let mock = MockCluster::new(1).unwrap();
    let topic = Topic::at(&mock.bootstrap_servers(), "");
    mock.create_topic(&topic.name, 1, 1).unwrap();
    topic.send(0, &texts(&events(0..20)));
    let first = topic.read(None, 5).await.unwrap();
    mock.broker_down(1).unwrap();
    mock.broker_up(1).unwrap();
    let (words, _) = topic.follow(first.next, 7).await;
    assert_eq!(words, (5..20).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_writer_of_the_same_project_ends_the_first() {
    let topic = Topic::new(1);
    let target = || crate::contract::subject::appended("words");
    let publication = || PublishRequest { run: "r".into(), tables: vec![target()], pipeline: None };
    let first = topic.connection.writable().unwrap().begin(publication()).await.unwrap();
    let mut writer = first.writer(&"words".into(), Writers::Several).await.unwrap();
    writer.write(crate::contract::subject::pairs(&[(1, "first")])).await.unwrap();
    writer.finish().await.unwrap();
    let second = topic.connection.writable().unwrap().begin(publication()).await.unwrap();
    let mut writer = second.writer(&"words".into(), Writers::Several).await.unwrap();
    writer.write(crate::contract::subject::pairs(&[(2, "second")])).await.unwrap();
    writer.finish().await.unwrap();
    let error = first.commit(engine_connect::hub::publication::Commit::default()).await.unwrap_err();
    assert_eq!(error.blame, Blame::Rival, "{error}");
    second.commit(engine_connect::hub::publication::Commit::default()).await.unwrap();
    assert_eq!(topic.follow(None, 10).await.0, "second");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_those_of_the_table_and_go_where_other_clients_send_them() {
    let topic = Topic::new(4);
    let definition = crate::contract::subject::keyed_definition();
    let target = crate::contract::subject::target("words", &definition, Mode::Append);
    let publication = PublishRequest { run: "r".into(), tables: vec![target], pipeline: None };
    let publisher = topic.connection.writable().unwrap().begin(publication).await.unwrap();
    let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
    writer.write(crate::contract::subject::pairs(&[(21, "a"), (22, "b"), (21, "c")])).await.unwrap();
    writer.finish().await.unwrap();
    publisher.commit(engine_connect::hub::publication::Commit::default()).await.unwrap();
    let open = topic.read(None, 10).await.unwrap();
    // murmur2("21") and murmur2("22") as the Java client computes them, modulo 4.
    let found = super::topic::cells(&open, "select _key, _partition, word from t order by word").await;
    assert_eq!(found, "21 0 a 22 3 b 21 0 c");
}

#[test]
fn settings_that_would_break_the_promise_or_are_none_are_refused() {
    let refused = |toml: &str| {
        let mut problems = Problems::default();
        let text = format!("type = \"kafka\"\nbrokers = \"localhost:9092\"\n{toml}");
        assert!(crate::contract::subject::connect(&text, std::path::Path::new("/"), &mut problems).is_none(), "{toml}");
        problems.iter().next().unwrap().message.clone()
    };
    assert!(
        refused("librdkafka = { \"enable.auto.commit\" = true }").contains("`enable.auto.commit` is not to be set")
    );
    assert!(refused("librdkafka = { \"fetch.max\" = 1 }").contains("`fetch.max`: No such configuration property"));
    assert!(refused("librdkafka = { \"linger.ms\" = \"often\" }").contains("`linger.ms`"));
    if !cfg!(feature = "kafka-tls") {
        assert!(refused("tls = true").contains("this build of engine has no TLS for Kafka"));
        assert!(refused("user = \"u\"\nsasl_mechanism = \"SCRAM-SHA-256\"").contains("has no `SCRAM-SHA-256`"));
    }
}
