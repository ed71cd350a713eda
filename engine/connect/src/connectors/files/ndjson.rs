//! Lines of ndjson files.

use super::{
    FileError,
    discovery::Found,
    rows::{At, BadRow, Chunk},
};
use crate::{arrow::batch_size::BYTES, format::json::JsonDecoder};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Take},
};

/// A line longer than this is not one.
const LONGEST_LINE: u64 = 16 << 20;
/// Bytes of a chunk's lines, after which it is not made longer.
const CHUNK_BYTES: usize = BYTES;

/// An ndjson file that is being read.
pub struct Ndjson {
    reader: BufReader<Take<File>>,
    decoder: JsonDecoder,
    at: At,
}

impl Ndjson {
    /// Opens a file at a place.
    pub fn open(found: &Found, decoder: JsonDecoder, at: At) -> Result<Self, FileError> {
        let mut file = found.open()?;
        file.seek(SeekFrom::Start(at.bytes))?;
        let reader = BufReader::with_capacity(1 << 17, file.take(found.len.saturating_sub(at.bytes)));
        Ok(Self { reader, decoder, at })
    }

    /// Where the next line begins.
    pub fn at(&self) -> At {
        self.at
    }

    /// The next line that is not blank, and its number.
    pub fn line(&mut self) -> Result<Option<(u64, Vec<u8>)>, FileError> {
        loop {
            let mut line = vec![];
            let number = self.at.lines + 1;
            let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut line)? as u64;
            if read == 0 {
                return Ok(None);
            }
            if read == LONGEST_LINE && line.last() != Some(&b'\n') {
                return Err(FileError::Data(number, format!("a line of more than {} MiB", LONGEST_LINE >> 20)));
            }
            self.at = At { bytes: self.at.bytes + read, lines: number, ..self.at };
            if !line.trim_ascii().is_empty() {
                self.at.records += 1;
                return Ok(Some((number, line.trim_ascii().to_vec())));
            }
        }
    }

    /// At most this many lines; `None` at the end of the file.
    pub fn next(&mut self, most: usize) -> Result<Option<Chunk>, FileError> {
        let (mut lines, mut bytes) = (vec![], 0);
        while lines.len() < most && bytes < CHUNK_BYTES {
            let Some(line) = self.line()? else { break };
            bytes += line.1.len();
            lines.push(line);
        }
        let Some((first, _)) = lines.first() else { return Ok(None) };
        let slices: Vec<&[u8]> = lines.iter().map(|(_, line)| line.as_slice()).collect();
        let decoded = self.decoder.decode(&slices).map_err(|error| FileError::Data(*first, error.to_string()))?;
        let refused = decoded.refused.into_iter();
        let refused = refused.map(|(i, reason)| BadRow { line: lines[i].0, payload: lines[i].1.clone(), reason });
        Ok(Some(Chunk { batch: decoded.rows, refused: refused.collect(), seen: lines.len() }))
    }
}
