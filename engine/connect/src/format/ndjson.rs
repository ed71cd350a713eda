//! JSON objects, one a line: files of them, and what columns they have.

use crate::{
    arrow::batch_size::BYTES,
    format::{
        file::{BadRow, Chunk, FormatError, ReadOffset, SourceFile},
        infer::Inferred,
        json::JsonDecoder,
    },
};
use engine_language::column::ColumnType;
use serde_json::{Map, Value};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Take},
};

/// A line longer than this is not one.
const LONGEST_LINE: u64 = 16 << 20;
/// Bytes of a chunk's lines, after which it is not made longer.
const CHUNK_BYTES: usize = BYTES;

/// An ndjson file that is being read.
pub struct NdjsonReader {
    reader: BufReader<Take<File>>,
    decoder: JsonDecoder,
    at: ReadOffset,
}

impl NdjsonReader {
    /// Opens a file at a place.
    pub fn open(source: &dyn SourceFile, decoder: JsonDecoder, at: ReadOffset) -> Result<Self, FormatError> {
        let mut file = source.open()?;
        file.seek(SeekFrom::Start(at.bytes))?;
        let reader = BufReader::with_capacity(1 << 17, file.take(source.size_bytes().saturating_sub(at.bytes)));
        Ok(Self { reader, decoder, at })
    }

    /// Where the next line begins.
    pub fn at(&self) -> ReadOffset {
        self.at
    }

    /// The next line that is not blank, and its number.
    fn line(&mut self) -> Result<Option<(u64, Vec<u8>)>, FormatError> {
        loop {
            let mut line = vec![];
            let number = self.at.lines + 1;
            let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut line)? as u64;
            if read == 0 {
                return Ok(None);
            }
            if read == LONGEST_LINE && line.last() != Some(&b'\n') {
                return Err(FormatError::Data(number, format!("a line of more than {} MiB", LONGEST_LINE >> 20)));
            }
            self.at = ReadOffset { bytes: self.at.bytes + read, lines: number, ..self.at };
            if !line.trim_ascii().is_empty() {
                self.at.records += 1;
                return Ok(Some((number, line.trim_ascii().to_vec())));
            }
        }
    }

    /// At most this many lines; `None` at the end of the file.
    pub fn next(&mut self, most: usize) -> Result<Option<Chunk>, FormatError> {
        let (mut lines, mut bytes) = (vec![], 0);
        while lines.len() < most && bytes < CHUNK_BYTES {
            let Some(line) = self.line()? else { break };
            bytes += line.1.len();
            lines.push(line);
        }
        let Some((first, _)) = lines.first() else { return Ok(None) };
        let slices: Vec<&[u8]> = lines.iter().map(|(_, line)| line.as_slice()).collect();
        let decoded = self.decoder.decode(&slices).map_err(|error| FormatError::Data(*first, error.to_string()))?;
        let refused = decoded.refused.into_iter();
        let refused = refused.map(|(i, reason)| BadRow { line: lines[i].0, payload: lines[i].1.clone(), reason });
        Ok(Some(Chunk { batch: decoded.rows, refused: refused.collect(), seen: lines.len() }))
    }
}

/// The columns of ndjson files, in the order in which they first appear.
#[derive(Default)]
pub struct NdjsonColumns {
    columns: Vec<(String, Values)>,
    records: usize,
}

impl NdjsonColumns {
    /// Looks at a file's lines, until there were this many of all files.
    pub fn look(&mut self, source: &dyn SourceFile, most: usize) -> Result<(), FormatError> {
        let mut file = NdjsonReader::open(source, JsonDecoder::new(vec![]), ReadOffset::default())?;
        while self.records < most {
            let Some((number, line)) = file.line()? else { break };
            let object: Map<String, Value> = serde_json::from_slice(&line)
                .map_err(|error| FormatError::Data(number, format!("not one JSON object: {error}")))?;
            for (name, value) in object {
                let found = self.columns.iter().position(|(known, _)| *known == name);
                let at = found.unwrap_or_else(|| {
                    self.columns.push((name, Values::Nothing));
                    self.columns.len() - 1
                });
                self.columns[at].1.look(&value);
            }
            self.records += 1;
        }
        Ok(())
    }

    /// The columns of the types that hold every value.
    pub fn finish(self) -> Vec<(String, ColumnType)> {
        self.columns.into_iter().map(|(name, values)| (name, values.kind())).collect()
    }
}

/// What the values of a key have in common.
enum Values {
    Nothing,
    Numbers(Inferred),
    Of(ColumnType),
}

impl Values {
    fn look(&mut self, value: &Value) {
        let kind = match value {
            Value::Null => return,
            Value::Number(number) => {
                if matches!(self, Self::Nothing) {
                    *self = Self::Numbers(Inferred::default());
                }
                match self {
                    Self::Numbers(inferred) => inferred.look(&number.to_string()),
                    _ => *self = Self::Of(ColumnType::Json),
                }
                return;
            }
            Value::Bool(_) => ColumnType::Bool,
            Value::String(_) => ColumnType::Text(None),
            Value::Array(_) | Value::Object(_) => ColumnType::Json,
        };
        *self = match self {
            Self::Nothing => Self::Of(kind),
            Self::Of(known) if *known == kind => return,
            _ => Self::Of(ColumnType::Json),
        };
    }

    fn kind(self) -> ColumnType {
        match self {
            Self::Nothing => ColumnType::Text(None),
            // What no number holds exactly stays as it is written.
            Self::Numbers(inferred) => match inferred.kind() {
                ColumnType::Text(_) => ColumnType::Json,
                kind => kind,
            },
            Self::Of(kind) => kind,
        }
    }
}
