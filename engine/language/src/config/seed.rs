//! `seeds/NAME.csv`: small tables kept with the code.

use super::{Spanned, project::Reader, value::Value};
use crate::{column::ColumnType, files::FileId, name::Name};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A seed.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The file's name without `.csv`.
    pub name: Name,
    /// The file.
    pub file: FileId,
    /// Columns whose types are declared; those of others are inferred.
    pub columns: Vec<(Spanned<String>, Spanned<ColumnType>)>,
}

/// `[seeds.NAME]` in `sources.toml`: what is said of a seed beside its file.
#[derive(Clone, Debug)]
pub struct SeedFacts {
    /// The seed's name.
    pub name: Spanned<Name>,
    /// Columns whose types are declared.
    pub columns: Vec<(Spanned<String>, Spanned<ColumnType>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSeed {
    #[serde(default)]
    columns: BTreeMap<Spanned<String>, Spanned<ColumnType>>,
}

/// Reads `[seeds]` of `sources.toml`.
pub(super) fn read(reader: &mut Reader<'_>, file: &Value) -> BTreeMap<Name, SeedFacts> {
    let mut seeds = BTreeMap::new();
    for (name, span, value) in file.key("seeds").map(Value::entries).unwrap_or_default() {
        let name = reader.name(name, *span);
        let Some(raw) = value.read::<RawSeed>(reader.problems) else { continue };
        let facts = SeedFacts { name: Spanned::new(name.clone(), *span), columns: raw.columns.into_iter().collect() };
        seeds.insert(name, facts);
    }
    seeds
}
