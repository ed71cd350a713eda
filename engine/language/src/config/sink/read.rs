//! Reads `[sinks]` of `sources.toml`.

use super::Sink;
use crate::{
    config::{
        connection::KnownConnections,
        reader::Reader,
        toml::{Spanned, Value},
    },
    name::Name,
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSink {
    connection: Spanned<Name>,
}

/// The sinks.
pub fn read(reader: &mut Reader<'_>, file: &Value, connections: KnownConnections<'_>) -> BTreeMap<Name, Sink> {
    let mut sinks = BTreeMap::new();
    for (name, span, value) in file.key("sinks").map(Value::entries).unwrap_or_default() {
        let name = reader.name(name, *span);
        let Some(raw) = value.read::<RawSink>(reader.problems) else {
            reader.unreadable.insert(name);
            continue;
        };
        connections.check(reader, &raw.connection);
        sinks.insert(name.clone(), Sink { name: Spanned::new(name, *span), connection: raw.connection });
    }
    sinks
}
