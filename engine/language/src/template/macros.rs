//! `macros/*.sql`: Jinja macros, visible everywhere.

use crate::files::FileId;
use std::{collections::BTreeMap, sync::Arc};

/// The files of macros, by path, and what each defines.
#[derive(Clone, Debug, Default)]
pub struct Macros {
    /// Macro's name to the file that defines it.
    pub defined: BTreeMap<String, (FileId, Arc<str>)>,
}
