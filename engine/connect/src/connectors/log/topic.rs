//! A topic's folder: what is committed, and its messages by partition and offset.

use crate::hub::error::{Blame, Error, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use engine_language::name::Name;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// The file that says what is visible.
pub const COMMIT: &str = "commit.json";

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    pub connection: Name,
    pub folder: PathBuf,
    pub name: Name,
}

/// What is visible of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// Made with the topic: a topic of the same name that was made anew has another.
    pub id: String,
    /// By partition.
    pub partitions: Vec<End>,
}

/// Where a partition ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The offset of the next message.
    pub next: u64,
    /// The first offset of its last segment.
    pub segment: u64,
    /// The length of that segment, in bytes.
    pub bytes: u64,
}

impl Committed {
    /// The offset of the next message, by partition.
    pub fn ends(&self) -> Vec<u64> {
        self.partitions.iter().map(|end| end.next).collect()
    }
}

/// A message, as a line holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub offset: u64,
    /// Microseconds since 1970 UTC.
    pub timestamp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
}

impl Line {
    pub fn new(offset: u64, timestamp: i64, key: Option<String>, payload: Vec<u8>) -> Self {
        match String::from_utf8(payload) {
            Ok(text) => Self { offset, timestamp, key, value: Some(text), bytes: None },
            Err(raw) => {
                Self { offset, timestamp, key, value: None, bytes: Some(BASE64_STANDARD.encode(raw.as_bytes())) }
            }
        }
    }

    /// The message's bytes.
    pub fn payload(&self) -> Vec<u8> {
        match (&self.value, &self.bytes) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(coded)) => BASE64_STANDARD.decode(coded).unwrap_or_default(),
            (None, None) => vec![],
        }
    }
}

/// A place in a partition: the next offset, and where its line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    pub next: u64,
    pub segment: u64,
    pub byte: u64,
}

impl Topic {
    pub fn new(connection: Name, folder: PathBuf, name: Name) -> Self {
        Self { connection, folder, name }
    }

    pub fn error(&self, doing: &str, blame: Blame, why: impl ToString) -> Error {
        Error::new(&self.connection, format!("{doing} `{}`", self.name), blame, why.to_string())
    }

    pub fn io(&self, doing: &str, error: &io::Error) -> Error {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull => "free some room on the disk and run again".to_owned(),
            _ => format!("`{}` must be a folder that can be read and written", self.folder.display()),
        };
        self.error(doing, Blame::System, error).hint(hint)
    }

    /// What is visible; `None` if the topic was never made.
    pub fn committed(&self) -> Result<Option<Committed>> {
        match std::fs::read(self.folder.join(COMMIT)) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| self.error("reading", Blame::User, format!("its {COMMIT} is damaged: {error}"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("reading", &error)),
        }
    }

    /// Makes this what is visible, in one step that survives a crash.
    pub fn commit(&self, committed: &Committed) -> io::Result<()> {
        let next = self.folder.join("commit.json.next");
        let mut file = File::create(&next)?;
        file.write_all(serde_json::to_string(committed).expect("numbers and text are JSON").as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&next, self.folder.join(COMMIT))?;
        File::open(&self.folder)?.sync_all()
    }

    pub fn segment(&self, partition: usize, first: u64) -> PathBuf {
        self.folder.join(partition.to_string()).join(format!("{first:020}.ndjson"))
    }

    /// The first offsets of a partition's segments, ascending.
    pub fn segments(&self, partition: usize) -> io::Result<Vec<u64>> {
        let mut firsts = vec![];
        for entry in std::fs::read_dir(self.folder.join(partition.to_string()))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            firsts.extend(name.strip_suffix(".ndjson").and_then(|first| first.parse::<u64>().ok()));
        }
        firsts.sort_unstable();
        Ok(firsts)
    }

    /// Cuts off what was written and never published; says how many files were cut.
    pub fn cut(&self) -> Result<usize> {
        let Some(committed) = self.committed()? else { return Ok(0) };
        let mut cut = 0;
        for (partition, end) in committed.partitions.iter().enumerate() {
            for first in self.segments(partition).map_err(|error| self.io("recovering", &error))? {
                let path = self.segment(partition, first);
                cut += usize::from(cut_one(&path, first, end).map_err(|error| self.io("recovering", &error))?);
            }
        }
        Ok(cut)
    }

    /// Reads up to so many messages from a place on, up to the partition's end.
    pub fn messages(&self, partition: usize, from: At, end: u64, most: u64, bytes: u64) -> Result<(Vec<Line>, At)> {
        let mut at = from;
        let (mut lines, mut size) = (vec![], 0);
        let segments = self.segments(partition).map_err(|error| self.io("reading", &error))?;
        while at.next < end && (lines.len() as u64) < most && size < bytes {
            let first = segments.iter().copied().rfind(|first| *first <= at.next);
            let Some(first) = first else {
                let message = format!("offset {} of partition {partition} is not there any more", at.next);
                return Err(self.error("reading", Blame::User, message));
            };
            if first != at.segment {
                at = At { segment: first, byte: 0, ..at };
            }
            let before = at;
            let mut file = File::open(self.segment(partition, first)).map_err(|error| self.io("reading", &error))?;
            file.seek(SeekFrom::Start(at.byte)).map_err(|error| self.io("reading", &error))?;
            let mut reader = BufReader::new(file);
            let mut text = String::new();
            while at.next < end && (lines.len() as u64) < most && size < bytes {
                text.clear();
                let read = reader.read_line(&mut text).map_err(|error| self.io("reading", &error))? as u64;
                if read == 0 {
                    break;
                }
                let line: Line = serde_json::from_str(&text).map_err(|error| {
                    self.error("reading", Blame::User, format!("offset {} is damaged: {error}", at.next))
                })?;
                at.byte += read;
                if line.offset < at.next {
                    continue;
                }
                size += read;
                at.next = line.offset + 1;
                lines.push(line);
            }
            if at == before {
                let message = format!("offset {} of partition {partition} is missing", at.next);
                return Err(self.error("reading", Blame::User, message));
            }
        }
        Ok((lines, at))
    }
}

fn cut_one(path: &Path, first: u64, end: &End) -> io::Result<bool> {
    if first > end.segment {
        std::fs::remove_file(path)?;
        return Ok(true);
    }
    let longer = first == end.segment && std::fs::metadata(path)?.len() > end.bytes;
    if longer {
        OpenOptions::new().write(true).open(path)?.set_len(end.bytes)?;
    }
    Ok(longer)
}
