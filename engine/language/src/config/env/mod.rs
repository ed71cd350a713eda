//! The environment as a project sees it: the process's variables, then those of `.env`.

pub(super) mod dotenv;

use std::{collections::BTreeMap, fmt, sync::Arc};

/// Variables that interpolation and `env_var()` have read or may read. Its `Debug` shows no values.
#[derive(Clone, Default)]
pub struct Env {
    /// From `.env`; the process's own win.
    pub dotenv: Arc<BTreeMap<String, String>>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.dotenv.keys()).finish()
    }
}
