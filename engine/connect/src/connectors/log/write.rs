//! Appending to topics: lines behind the visible end, made visible in one step.

use super::{
    TopicFolder,
    topic::{Committed, End, Line, Topic},
};
use crate::{
    format::encoder::{Body, Message, messages},
    hub::{
        error::{Blame, Error, Result},
        publication::{Commit, Mode, Preview, Publication, PublishRequest, Target, Writer, Writers, Written},
    },
};
use datafusion::arrow::array::RecordBatch;
use engine_language::name::Name;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufWriter, Write},
    sync::{Arc, Mutex},
};
use xxhash_rust::xxh3::xxh3_64;

/// A segment longer than this is followed by a new one.
const SEGMENT_BYTES: u64 = 64 << 20;

/// An append to one topic.
pub struct Append {
    topic: Topic,
    committed: Committed,
    /// Where the partitions end with what was written.
    ends: Arc<Mutex<Vec<End>>>,
    rows: Arc<Mutex<u64>>,
    key: Vec<String>,
    _lock: File,
}

impl Append {
    /// Takes the topic's lock, makes the topic if it is missing, and cuts off what a crash left.
    pub fn begin(topics: &TopicFolder, publication: PublishRequest) -> Result<Self> {
        let refuse = |why: &str| Error::new(&topics.name, "writing", Blame::User, why.to_owned());
        let [target] = publication.tables.as_slice() else {
            return Err(refuse("topics on disk are published one by one"));
        };
        if target.mode != Mode::Append {
            return Err(refuse("a topic can only be appended to"));
        }
        let topic = topics.topic(&target.table)?;
        let io = |error: io::Error| topic.io("writing", &error);
        std::fs::create_dir_all(&topic.folder).map_err(io)?;
        let lock = File::create(topic.folder.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(topic.error("writing", Blame::Rival, "another process is writing it").later());
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        topic.cut()?;
        let committed = match topic.committed()? {
            Some(committed) => committed,
            None => make(&topic, target, &publication.run).map_err(io)?,
        };
        let ends = Arc::new(Mutex::new(committed.partitions.clone()));
        let key = target.definition.message_key().to_vec();
        Ok(Self { topic, committed, ends, rows: Arc::default(), key, _lock: lock })
    }
}

fn make(topic: &Topic, target: &Target, run: &str) -> io::Result<Committed> {
    let partitions =
        target.declared.as_ref().and_then(|facts| facts.create.as_ref()).map_or(1, |create| create.partitions);
    for partition in 0..partitions {
        std::fs::create_dir_all(topic.folder.join(partition.to_string()))?;
    }
    let end = End { next: 0, segment: 0, bytes: 0 };
    Ok(Committed { id: run.to_owned(), partitions: vec![end; partitions as usize] })
}

#[async_trait::async_trait]
impl Publication for Append {
    async fn writer(&self, _: &Name, _: Writers) -> Result<Box<dyn Writer>> {
        let (topic, ends, key) = (self.topic.clone(), self.ends.clone(), self.key.clone());
        Ok(Box::new(Lines { topic, ends, rows: self.rows.clone(), key, written: 0 }))
    }

    async fn preview(&self, _: &Name) -> Result<Preview> {
        let hint = "leave the checks to the model that reads the topic";
        Err(self.topic.error("checking", Blame::User, "a topic cannot be looked at before it is published").hint(hint))
    }

    async fn commit(self: Box<Self>, commit: Commit) -> Result<Vec<Written>> {
        if commit.advance.is_some() || !commit.rejected.is_empty() || !commit.settled.is_empty() {
            return Err(self.topic.error("writing", Blame::User, "a topic keeps no positions and no dead letters"));
        }
        fail::fail_point!("log::staged");
        let partitions = self.ends.lock().expect("no holder of this lock panics").clone();
        let io = |error: io::Error| self.topic.io("publishing", &error);
        for (partition, end) in partitions.iter().enumerate() {
            if *end != self.committed.partitions[partition] {
                File::open(self.topic.segment(partition, end.segment)).and_then(|file| file.sync_all()).map_err(io)?;
            }
        }
        fail::fail_point!("log::publishing");
        self.topic.commit(&Committed { id: self.committed.id.clone(), partitions }).map_err(io)?;
        fail::fail_point!("log::published");
        let rows = *self.rows.lock().expect("no holder of this lock panics");
        Ok(vec![Written { table: self.topic.name.clone(), rows }])
    }
}

/// Writes messages as lines.
struct Lines {
    topic: Topic,
    ends: Arc<Mutex<Vec<End>>>,
    rows: Arc<Mutex<u64>>,
    /// The columns that make a message's key, unless there is `_key`.
    key: Vec<String>,
    written: u64,
}

#[async_trait::async_trait]
impl Writer for Lines {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let messages =
            messages(&batch, &self.key, Body::Json).map_err(|error| self.topic.error("writing", Blame::Data, error))?;
        let count = messages.len() as u64;
        let mut ends = self.ends.lock().expect("no holder of this lock panics");
        append(&self.topic, &mut ends, self.written, messages).map_err(|error| self.topic.io("writing", &error))?;
        self.written += count;
        *self.rows.lock().expect("no holder of this lock panics") += count;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        Ok(self.written)
    }
}

fn append(topic: &Topic, ends: &mut [End], before: u64, messages: Vec<Message>) -> io::Result<()> {
    let mut files: Vec<Option<BufWriter<File>>> = ends.iter().map(|_| None).collect();
    let partitions = ends.len() as u64;
    for (i, (key, time, payload)) in messages.into_iter().enumerate() {
        let spread = key.as_ref().map_or(before + i as u64, |key| xxh3_64(key.as_bytes()));
        let partition = usize::try_from(spread % partitions).expect("a partition's number is small");
        let end = &mut ends[partition];
        if end.bytes > SEGMENT_BYTES {
            (end.segment, end.bytes) = (end.next, 0);
            files[partition] = None;
        }
        if files[partition].is_none() {
            let path = topic.segment(partition, end.segment);
            files[partition] = Some(BufWriter::new(OpenOptions::new().create(true).append(true).open(path)?));
        }
        let mut line = serde_json::to_vec(&Line::new(end.next, time, key, payload))?;
        line.push(b'\n');
        files[partition].as_mut().expect("it was just opened").write_all(&line)?;
        end.next += 1;
        end.bytes += line.len() as u64;
    }
    files.into_iter().flatten().try_for_each(|mut file| file.flush())
}
