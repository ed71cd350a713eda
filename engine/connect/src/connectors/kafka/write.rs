//! Writing to topics: one transaction, which readers of what is committed see as a whole or never.

use super::{
    Brokers,
    client::{Client, PATIENCE, Producer},
    topic::Topic,
};
use crate::{
    format::{
        avro::record_schema,
        decoder::{is_avro, no_registry},
        encoder::{Body, Message, is_own, messages},
    },
    hub::{
        error::{Blame, Error, Result},
        publication::{Commit, Mode, Preview, Publication, PublishRequest, Target, Writer, Writers, Written},
    },
};
use datafusion::arrow::array::RecordBatch;
use engine_language::name::Name;
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode as Code},
    producer::{BaseRecord, Producer as _},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How long a message may wait for room among those that are on their way.
const ROOM: Duration = Duration::from_mins(1);
/// How long delivering what is on its way may take at the end.
const COMMIT: Duration = Duration::from_mins(1);

/// An append to topics.
pub struct Append {
    client: Client,
    producer: Arc<Producer>,
    tables: Vec<(Target, Topic, Body)>,
    rows: Arc<Mutex<BTreeMap<Name, u64>>>,
    committed: bool,
}

impl Append {
    /// Makes the topics that are missing, and begins the transaction; one that a dead writer of this name left is ended.
    pub async fn begin(brokers: &Brokers, publication: PublishRequest) -> Result<Self> {
        let client = brokers.client.clone();
        for target in &publication.tables {
            if target.mode != Mode::Append {
                return Err(client.error("writing", Blame::User, "a topic can only be appended to"));
            }
        }
        let mut tables = vec![];
        for target in publication.tables {
            let topic = brokers.topic(&target.table);
            let body = body(brokers, &target, &topic).await?;
            topic.make(target.declared.as_ref().and_then(|declared| declared.create.as_ref())).await?;
            tables.push((target, topic, body));
        }
        let names: Vec<&str> = tables.iter().map(|(_, topic, _)| topic.topic.as_str()).collect();
        let id = format!("{}.{}", brokers.writer, names.join("+"));
        let open = client.clone();
        let producer = blocking(move || {
            let producer = open.producer(&id)?;
            let fault = |error: KafkaError| {
                let reasons = rdkafka::producer::Producer::client(&producer).context().clone();
                open.fault_because("beginning a transaction", &error, &reasons)
            };
            producer.init_transactions(PATIENCE * 3).map_err(fault)?;
            producer.begin_transaction().map_err(fault)?;
            Ok(producer)
        });
        Ok(Self { client, producer: Arc::new(producer.await?), tables, rows: Arc::default(), committed: false })
    }

    fn table(&self, name: &Name) -> &(Target, Topic, Body) {
        self.tables.iter().find(|(target, ..)| target.table == *name).expect("the table is in the publication")
    }
}

/// How a target's messages are written, as its topic is declared. In Avro, their schema is in the registry from now on.
async fn body(brokers: &Brokers, target: &Target, topic: &Topic) -> Result<Body> {
    let wrong = |(why, hint): (String, &'static str)| topic.error("writing", Blame::User, why).hint(hint);
    let declared = target.declared.as_ref();
    if !declared.map_or(Ok(false), |declared| is_avro(declared)).map_err(wrong)? {
        return Ok(Body::Json);
    }
    let Some(registry) = brokers.registry.clone() else { return Err(wrong(no_registry())) };
    let fields = target.schema.fields().iter().map(AsRef::as_ref).filter(|field| is_own(field.name()));
    let schema = record_schema::schema(&record_schema::record_name(&topic.topic), fields);
    let schema = schema.map_err(|why| topic.error("writing", Blame::Data, why))?;
    let subject = format!("{}-value", topic.topic);
    blocking(move || registry.register(&subject, &schema)).await.map(Body::Avro)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.expect("a driver does not panic")
}

#[async_trait::async_trait]
impl Publication for Append {
    async fn writer(&self, table: &Name, _: Writers) -> Result<Box<dyn Writer>> {
        let (target, topic, body) = self.table(table);
        let key = target.definition.message_key().to_vec();
        let (topic, producer) = (topic.clone(), self.producer.clone());
        Ok(Box::new(Sender { topic, producer, key, body: *body, rows: self.rows.clone(), written: 0 }))
    }

    async fn preview(&self, table: &Name) -> Result<Preview> {
        let hint = "leave the checks to the model that reads the topic";
        let why = "a topic cannot be looked at before it is published";
        Err(self.table(table).1.error("checking", Blame::User, why).hint(hint))
    }

    async fn commit(mut self: Box<Self>, commit: Commit) -> Result<Vec<Written>> {
        if commit.advance.is_some() || !commit.rejected.is_empty() || !commit.settled.is_empty() {
            return Err(self.client.error("writing", Blame::User, "a topic keeps no positions and no dead letters"));
        }
        fail::fail_point!("kafka::staged");
        let (client, producer) = (self.client.clone(), self.producer.clone());
        fail::fail_point!("kafka::publishing");
        blocking(move || publish(&client, &producer)).await?;
        fail::fail_point!("kafka::published");
        self.committed = true;
        for (_, topic, _) in &self.tables {
            if let Err(error) = topic.settled().await {
                tracing::debug!(%error, "published, and its readers may not know yet");
            }
        }
        let rows = self.rows.lock().expect("no holder of this lock panics");
        let rows = |table: &Name| rows.get(table).copied().unwrap_or(0);
        let tables = self.tables.iter().map(|(target, ..)| &target.table);
        Ok(tables.map(|table| Written { table: table.clone(), rows: rows(table) }).collect())
    }
}

impl Drop for Append {
    /// Ends the transaction, so that readers need not wait until the broker does.
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        let producer = self.producer.clone();
        let end = move || {
            if let Err(error) = producer.abort_transaction(PATIENCE) {
                tracing::warn!(%error, "a transaction is left for the next writer to end");
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(end)),
            Err(_) => end(),
        }
    }
}

/// Commits; whoever gets no answer asks again, which the broker allows.
fn publish(client: &Client, producer: &Producer) -> Result<()> {
    let doing = "publishing";
    let began = Instant::now();
    loop {
        let error = match producer.commit_transaction(COMMIT) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let KafkaError::Transaction(said) = &error else { return Err(client.fault(doing, &error)) };
        if said.is_retriable() && began.elapsed() < COMMIT {
            continue;
        }
        let reasons = producer.client().context();
        // The transaction only says that a message did not arrive; the message says why.
        let why = reasons.undelivered().unwrap_or_else(|| error.clone());
        let fault = client.fault_because(doing, &why, reasons);
        return Err(if said.txn_requires_abort() { fault } else { unknown(fault, said.is_retriable()) });
    }
}

/// An error after which it is not known whether the transaction was committed.
fn unknown(fault: Error, silent: bool) -> Error {
    if silent {
        fault.hint("it is not known whether the messages were published: look at the end of the topic")
    } else {
        fault
    }
}

/// Sends rows as messages.
struct Sender {
    topic: Topic,
    producer: Arc<Producer>,
    /// The columns that make a message's key, unless there is `_key`.
    key: Vec<String>,
    body: Body,
    rows: Arc<Mutex<BTreeMap<Name, u64>>>,
    written: u64,
}

#[async_trait::async_trait]
impl Writer for Sender {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let messages = messages(&batch, &self.key, self.body);
        let messages = messages.map_err(|error| self.topic.error("writing", Blame::Data, error))?;
        let count = messages.len() as u64;
        let (topic, producer) = (self.topic.clone(), self.producer.clone());
        blocking(move || messages.into_iter().try_for_each(|message| send(&topic, &producer, &message))).await?;
        self.written += count;
        *self.rows.lock().expect("no holder of this lock panics").entry(self.topic.name.clone()).or_default() += count;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        Ok(self.written)
    }
}

fn send(topic: &Topic, producer: &Producer, (key, time, payload): &Message) -> Result<()> {
    let mut record = BaseRecord::to(&topic.topic).payload(payload).timestamp(time.div_euclid(1000));
    if let Some(key) = key {
        record = record.key(key);
    }
    let began = Instant::now();
    loop {
        record = match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((error, again)) => {
                let full = error.rdkafka_error_code() == Some(Code::QueueFull);
                if !full || began.elapsed() > ROOM {
                    let why = producer.client().context().undelivered().unwrap_or(error);
                    let doing = format!("writing `{}`", topic.name);
                    return Err(topic.client.fault_because(&doing, &why, producer.client().context()));
                }
                std::thread::sleep(Duration::from_millis(5));
                again
            }
        };
    }
}
