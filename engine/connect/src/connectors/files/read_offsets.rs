//! Where a reader of a folder stands: how far it has read each file.

use super::{FileError, discovery::Found, format::Format};
use crate::{
    format::file::{ReadOffset, SourceFile as _},
    hub::position::Position,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::{self, Read, Seek, SeekFrom},
};

/// How far each file was read. Files that have gone stay in it: should they come back, they are not read again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOffsets {
    files: BTreeMap<String, ReadOffset>,
}

impl ReadOffsets {
    /// From a position that was kept.
    pub fn of(position: &Position) -> Result<Self, String> {
        serde_json::from_value(position.0.clone()).map_err(|_| "the position is not one of a folder of files".into())
    }

    /// To be kept.
    pub fn position(&self) -> Position {
        Position(serde_json::to_value(self).expect("numbers and text are JSON"))
    }

    /// Where to go on in a file; an error if it is no longer what was read.
    pub fn at(&self, found: &Found) -> Result<ReadOffset, FileError> {
        let Some(at) = self.files.get(&found.name).copied() else { return Ok(ReadOffset::default()) };
        let changed = |how: &str| FileError::Gap(format!("`{}` {how} since it was read", found.name));
        match found.format {
            Format::Parquet if at.bytes != found.len => Err(changed("was changed")),
            _ if at.bytes > found.len => Err(changed("became shorter")),
            Format::Parquet => Ok(at),
            _ if at.bytes < found.len && at.bytes > 0 && !ends_a_line(found, at)? => {
                Err(changed("has a last line that was continued"))
            }
            _ => Ok(at),
        }
    }

    /// Remembers how far a file was read.
    pub fn reached(&mut self, found: &Found, at: ReadOffset) {
        self.files.insert(found.name.clone(), at);
    }
}

/// Whether a line ends around a place.
fn ends_a_line(found: &Found, at: ReadOffset) -> io::Result<bool> {
    let mut file = found.open()?;
    file.seek(SeekFrom::Start(at.bytes - 1))?;
    let mut around = [0; 2];
    file.read_exact(&mut around)?;
    Ok(around.iter().any(|byte| matches!(byte, b'\n' | b'\r')))
}
