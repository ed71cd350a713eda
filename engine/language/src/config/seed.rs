//! `seeds/NAME.csv`: small tables kept with the code.

use crate::{files::FileId, name::Name};

/// A seed.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The file's name without `.csv`.
    pub name: Name,
    /// The file.
    pub file: FileId,
}
