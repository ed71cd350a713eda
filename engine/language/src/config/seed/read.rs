//! Reads `[seeds]` of `sources.toml`.

use super::SeedFacts;
use crate::{
    column::ColumnType,
    config::{
        reader::Reader,
        toml::{Spanned, Value},
    },
    name::Name,
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSeed {
    #[serde(default)]
    columns: BTreeMap<Spanned<String>, Spanned<ColumnType>>,
}

/// What is said of seeds.
pub fn read(reader: &mut Reader<'_>, file: &Value) -> BTreeMap<Name, SeedFacts> {
    let mut seeds = BTreeMap::new();
    for (name, span, value) in file.key("seeds").map(Value::entries).unwrap_or_default() {
        let name = reader.name(name, *span);
        let Some(raw) = value.read::<RawSeed>(reader.problems) else { continue };
        let facts = SeedFacts { name: Spanned::new(name.clone(), *span), columns: raw.columns.into_iter().collect() };
        seeds.insert(name, facts);
    }
    seeds
}
