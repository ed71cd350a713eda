//! Telling whether a table's files changed: by their sizes and times where they can be trusted, else by their bytes.

use super::{Folder, discovery::Found};
use crate::{
    format::file::SourceFile as _,
    hub::{error::Result, version::Content},
};
use serde_json::{Value, json};
use std::{
    io::{self, Read},
    time::{SystemTime, UNIX_EPOCH},
};
use xxhash_rust::xxh3::Xxh3;

/// A change within this time of the last one may leave a file's times as they are (git's "racy" rule).
const RACY_NS: u128 = 1_000_000_000;

/// The token of these files; `None` if there are none.
pub fn of(folder: &Folder, files: &[Found], last: Option<&Content>) -> Result<Option<Content>> {
    if files.is_empty() {
        return Ok(None);
    }
    let known = last.and_then(|last| last.hint.as_object());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let (mut all, mut hint) = (Xxh3::new(), serde_json::Map::new());
    for found in files {
        let facts = json!([found.len, found.modified_ns.to_string()]);
        let before = known.and_then(|known| known.get(&found.name)).filter(|before| before["facts"] == facts);
        let digest = match before.and_then(|before| before["digest"].as_str()) {
            Some(digest) => digest.to_owned(),
            None => digest(found).map_err(|error| folder.trouble(&found.name, error))?,
        };
        all.update(found.name.as_bytes());
        all.update(digest.as_bytes());
        if found.modified_ns + RACY_NS < now {
            hint.insert(found.name.clone(), json!({ "facts": facts, "digest": digest }));
        }
    }
    Ok(Some(Content { value: format!("{:032x}", all.digest128()), hint: Value::Object(hint), reads: None }))
}

fn digest(found: &Found) -> io::Result<String> {
    let mut file = found.open()?.take(found.len);
    let mut digest = Xxh3::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(format!("{:032x}", digest.digest128()));
        }
        digest.update(&buffer[..count]);
    }
}
