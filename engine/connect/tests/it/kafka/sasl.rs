//! A broker that asks who one is.

use super::{brokers, topic::Topic};
use engine_connect::hub::error::Blame;
#[cfg(not(feature = "kafka-tls"))]
use engine_language::diagnostic::Problems;

/// User, password and address of the listener that asks.
fn guarded() -> (String, String, String) {
    let url = std::env::var("ENGINE_TEST_KAFKA_SASL").expect(
        "ENGINE_TEST_KAFKA_SASL is not set, `user:password@host:port`: `scripts/services up`, then `eval \"$(scripts/services env)\"`",
    );
    let (who, address) = url.rsplit_once('@').unwrap();
    let (user, password) = who.split_once(':').unwrap();
    (user.to_owned(), password.to_owned(), address.to_owned())
}

/// A topic behind that listener, which another program fills through the one that does not ask.
fn topic(mechanism: &str, password: &str) -> Topic {
    let (user, _, address) = guarded();
    let more = format!("{mechanism}user = \"{user}\"\npassword = \"{password}\"");
    let mut topic = Topic::at(&address, &more);
    topic.brokers = brokers();
    topic.create(1, &[]);
    topic.send(0, &["{\"id\":1,\"word\":\"a\"}"]);
    topic
}

async fn reads_with(mechanism: &str) {
    let (_, password, address) = guarded();
    let known = topic(mechanism, &password);
    assert_eq!(known.follow(None, 10).await.0, "a");
    assert!(known.connection.ping().await.unwrap().contains(&address));
    let stranger = topic(mechanism, "no-such-password");
    let refused = stranger.read(None, 10).await.unwrap_err();
    assert_eq!(refused.blame, Blame::User, "{refused}");
    assert!(refused.hint.as_ref().unwrap().contains("check `user`, `password`"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("no-such-password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_opens_the_door_and_another_does_not() {
    reads_with("").await;
}

#[cfg(feature = "kafka-tls")]
#[tokio::test(flavor = "multi_thread")]
async fn a_password_opens_the_door_without_being_sent() {
    reads_with("sasl_mechanism = \"SCRAM-SHA-256\"\n").await;
}

#[cfg(not(feature = "kafka-tls"))]
#[test]
fn a_build_without_scram_says_so_offline() {
    let toml = "type = \"kafka\"\nbrokers = \"127.0.0.1:1\"\nsasl_mechanism = \"SCRAM-SHA-256\"\nuser = \"u\"\npassword = \"secret\"";
    let mut problems = Problems::default();
    let connection = crate::contract::subject::connect(toml, std::path::Path::new("/"), &mut problems);
    assert!(connection.is_none());
    let said = format!("{problems:?}");
    assert!(said.contains("no `SCRAM-SHA-256`") && said.contains("--features kafka-tls"), "{said}");
    assert!(!said.contains("secret"));
}
