//! One cluster: its clients, and what their errors mean.

use crate::hub::error::{Blame, Error, Result};
use engine_language::name::Name;
use rdkafka::{
    ClientConfig, ClientContext,
    admin::AdminClient,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode as Code},
    message::DeliveryResult,
    producer::{ProducerContext, ThreadedProducer},
};
use std::{
    fmt,
    ops::Deref,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// How long a broker may take to answer a question.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How often a client that waits hears whether it is refused.
const LISTENS: Duration = Duration::from_millis(100);

/// How long a consumer is looked at that closes, before that is left to the driver.
const CLOSING: Duration = Duration::from_secs(1);

/// What the names of consumer groups begin with.
const GROUP: &str = "engine";

/// A consumer that remembers why it was refused.
pub struct Consumer(BaseConsumer<Reasons>);

impl Deref for Consumer {
    type Target = BaseConsumer<Reasons>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for Consumer {
    /// Closes it within a few milliseconds. What the driver does by itself looks every tenth of a second whether it is closed.
    fn drop(&mut self) {
        let began = Instant::now();
        if self.close_queue().is_ok() {
            while !self.closed() && began.elapsed() < CLOSING {
                drop(self.poll(Duration::from_millis(1)));
            }
        }
    }
}

/// A producer that remembers why it was refused.
pub type Producer = ThreadedProducer<Reasons>;

/// A cluster, by its connection's name. Connects on first use.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    name: Name,
    settings: ClientConfig,
    password_file: Option<PathBuf>,
    brokers: String,
    /// Asks for topics and offsets; reads nothing.
    control: Mutex<Option<Arc<Consumer>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("name", &self.inner.name).field("at", &self.at()).finish_non_exhaustive()
    }
}

impl Client {
    pub fn new(name: Name, settings: ClientConfig, password_file: Option<PathBuf>, brokers: String) -> Self {
        Self { inner: Arc::new(Inner { name, settings, password_file, brokers, control: Mutex::default() }) }
    }

    /// Where it is, for people.
    pub fn at(&self) -> &str {
        &self.inner.brokers
    }

    fn settings(&self) -> Result<ClientConfig> {
        let mut settings = self.inner.settings.clone();
        if let Some(file) = &self.inner.password_file {
            let text = std::fs::read_to_string(file).map_err(|error| {
                let message = format!("`{}`: {error}", file.display());
                self.error("connecting", Blame::User, message).hint("correct `password_file`")
            })?;
            settings.set("sasl.password", text.trim_end_matches(['\r', '\n']));
        }
        Ok(settings)
    }

    /// A consumer that says each end of a partition, never begins where it was not told to, and sees only what was
    /// committed. What it holds ahead is bounded; the user's own settings win where they may.
    pub fn consumer(&self) -> Result<Consumer> {
        self.consumer_of(None)
    }

    /// The same, in the group of a reader.
    pub fn consumer_of(&self, reader: Option<&str>) -> Result<Consumer> {
        let mut settings = self.settings()?;
        if let Some(reader) = reader {
            let group = format!("{}.{reader}", settings.get("group.id").unwrap_or(GROUP));
            settings.set("group.id", group);
        }
        for (key, value) in [
            ("group.id", GROUP),
            // By each message stands several times its bytes of bookkeeping.
            ("queued.max.messages.kbytes", "1024"),
            ("queued.min.messages", "5000"),
            ("fetch.max.bytes", "4194304"),
            ("fetch.wait.max.ms", "100"),
            // A partition whose messages wait to be taken is asked again after a second, if nobody says otherwise.
            ("fetch.queue.backoff.ms", "10"),
            // Half of it, or 11 ms, is between one broker of a cluster and the next, the first time too.
            ("reconnect.backoff.ms", "20"),
            ("reconnect.backoff.max.ms", "2000"),
        ] {
            if settings.get(key).is_none() {
                settings.set(key, value);
            }
        }
        settings
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed");
        self.create(&settings)
    }

    /// A consumer that also sees what is not committed yet.
    pub fn uncommitted(&self) -> Result<Consumer> {
        let mut settings = self.settings()?;
        settings.set("group.id", GROUP).set("enable.auto.commit", "false").set("isolation.level", "read_uncommitted");
        self.create(&settings)
    }

    fn create(&self, settings: &ClientConfig) -> Result<Consumer> {
        let made = settings.create_with_context(Reasons::default());
        made.map(Consumer).map_err(|error| self.fault("connecting", &error))
    }

    /// A producer whose messages of one transaction are seen together, or never.
    pub fn producer(&self, id: &str) -> Result<Producer> {
        let mut settings = self.settings()?;
        for (key, value) in [
            ("transaction.timeout.ms", "300000"),
            ("compression.type", "lz4"),
            ("partitioner", "murmur2_random"),
            ("linger.ms", "5"),
            ("queue.buffering.max.kbytes", "32768"),
        ] {
            if settings.get(key).is_none() {
                settings.set(key, value);
            }
        }
        settings.set("transactional.id", id).set("enable.idempotence", "true");
        settings.create_with_context(Reasons::default()).map_err(|error| self.fault("connecting", &error))
    }

    /// A client that makes topics.
    pub fn admin(&self) -> Result<AdminClient<Reasons>> {
        let made = self.settings()?.create_with_context(Reasons::default());
        made.map_err(|error| self.fault("connecting", &error))
    }

    /// Asks the cluster something, on a thread that may wait. Who is refused is told so at once, not when the wait is over.
    pub async fn ask<T: Send + 'static>(
        &self,
        doing: &str,
        question: impl FnOnce(&Consumer) -> Result<T, KafkaError> + Send + 'static,
    ) -> Result<T> {
        let control = self.control()?;
        let asking = control.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let answer = question(&asking);
            // What it was told meanwhile waits in its queue, and a poll that may not wait gives up at a line of its log.
            listen(&asking, if answer.is_err() { Duration::from_millis(20) } else { Duration::ZERO });
            answer
        });
        tokio::select! {
            answer = asked => {
                let answer = answer.expect("a question does not panic");
                answer.map_err(|error| self.fault_because(doing, &error, control.context()))
            }
            (code, why) = refused(&control) => {
                // It may be let in the next time.
                self.held().take();
                Err(self.said(doing, code, why))
            }
        }
    }

    fn control(&self) -> Result<Arc<Consumer>> {
        let mut control = self.held();
        if let Some(control) = &*control {
            return Ok(control.clone());
        }
        Ok(control.insert(Arc::new(self.consumer()?)).clone())
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<Consumer>>> {
        self.inner.control.lock().expect("no holder of this lock panics")
    }

    /// The connection's name.
    pub fn connection_name(&self) -> &Name {
        &self.inner.name
    }

    /// An error of this connection.
    pub fn error(&self, doing: &str, blame: Blame, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::new(&self.inner.name, doing, blame, why)
    }

    /// What an error means, and what to do.
    pub fn fault(&self, doing: &str, error: &KafkaError) -> Error {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let why = match error {
            KafkaError::Transaction(error) => error.to_string(),
            KafkaError::ClientCreation(text) | KafkaError::AdminOpCreation(text) => text.clone(),
            _ => code.to_string(),
        };
        self.said(doing, code, why)
    }

    /// The same, for a client that may have been told more.
    pub fn fault_because(&self, doing: &str, error: &KafkaError, reasons: &Reasons) -> Error {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        match reasons.last() {
            // A broker that refuses a password, or is not there, makes everything else time out.
            Some((reason, text)) if vague(code) => self.said(doing, reason, text),
            _ => self.fault(doing, error),
        }
    }

    /// What a code means, and what to do.
    pub fn said(&self, doing: &str, code: Code, why: String) -> Error {
        let of = |blame| self.error(doing, blame, why.clone());
        match code {
            Code::SSL => of(Blame::User).hint("check `tls`, `tls_ca`, and that the certificate names the broker"),
            code if identity(code) => {
                of(Blame::User).hint("check `user`, `password`, `sasl_mechanism` and what the listener expects")
            }
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed => {
                of(Blame::User).hint("grant the right to the connection's user")
            }
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
                of(Blame::User).hint("check the topic's name, or declare `create` for it")
            }
            Code::InvalidReplicationFactor | Code::InvalidPartitions | Code::PolicyViolation | Code::InvalidConfig => {
                of(Blame::User).hint("correct `create` under the source's table")
            }
            Code::InvalidTopic => {
                of(Blame::User).hint("a topic's name has up to 249 letters, digits, `.`, `_` and `-`")
            }
            Code::ProducerFenced | Code::Fenced | Code::InvalidProducerEpoch => of(Blame::Rival),
            Code::MessageSizeTooLarge | Code::InvalidMessageSize => {
                of(Blame::Data).hint("raise `message.max.bytes` in `librdkafka` and at the topic, or send less")
            }
            code if vague(code) => {
                of(Blame::System).later().hint(format!("is Kafka running at {}? check `brokers`", self.at()))
            }
            Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NotEnoughReplicas
            | Code::ConcurrentTransactions
            | Code::OffsetNotAvailable => of(Blame::System).later(),
            _ => of(Blame::System),
        }
    }
}

/// Hears what a consumer was told.
fn listen(consumer: &Consumer, patience: Duration) {
    while let Some(told) = consumer.poll(patience) {
        consumer.context().heard(told.err());
    }
}

/// Waits until a consumer is refused for who it is.
async fn refused(consumer: &Consumer) -> (Code, String) {
    loop {
        tokio::time::sleep(LISTENS).await;
        listen(consumer, Duration::ZERO);
        if let Some((code, why)) = consumer.context().last()
            && identity(code)
        {
            return (code, why);
        }
    }
}

/// Whether a code is about who the client is.
fn identity(code: Code) -> bool {
    matches!(code, Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism | Code::SSL)
}

/// Whether a code says no more than that nobody answered.
pub fn vague(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::MessageTimedOut
            | Code::TimedOutQueue
            | Code::NetworkException
            | Code::BrokerNotAvailable
            | Code::WaitingForCoordinator
    )
}

/// What a client was told besides its answers: why it was refused, and which message could not be delivered.
#[derive(Clone, Debug, Default)]
pub struct Reasons(Arc<Mutex<LastErrors>>);

#[derive(Debug, Default)]
struct LastErrors {
    refused: Option<(Code, String)>,
    undelivered: Option<KafkaError>,
}

impl Reasons {
    /// A consumer is told of by its polls.
    pub fn heard(&self, told: Option<KafkaError>) {
        if let Some(error) = told {
            let text = error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string());
            self.error(error, &text);
        }
    }

    /// The last reason, unless it is no more than that nobody answered and there is a better one.
    pub fn last(&self) -> Option<(Code, String)> {
        self.held().refused.clone()
    }

    /// The first message that could not be delivered.
    pub fn undelivered(&self) -> Option<KafkaError> {
        self.held().undelivered.clone()
    }

    fn held(&self) -> MutexGuard<'_, LastErrors> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl ClientContext for Reasons {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let mut told = self.held();
        let better = told.refused.as_ref().is_none_or(|(known, _)| vague(*known) || !vague(code));
        if code != Code::PartitionEOF && better {
            told.refused = Some((code, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Reasons {}

impl ProducerContext for Reasons {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.held().undelivered.get_or_insert_with(|| error.clone());
        }
    }
}
