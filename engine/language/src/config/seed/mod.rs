//! `seeds/NAME.csv`: small tables kept with the code.

pub(super) mod read;

use super::toml::Spanned;
use crate::{column::ColumnType, files::FileId, name::Name};

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
