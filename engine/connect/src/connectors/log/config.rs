//! What the user writes of a folder of topics.

use super::TopicFolder;
use crate::hub::{
    connection::{Connection, Connector, Declaration},
    error::Result,
};
use engine_language::diagnostic::Diagnostic;
use std::{path::PathBuf, sync::Arc};

/// The connector of topics on disk.
#[derive(Debug)]
pub struct Log;

/// `[connections.NAME]` with `type = "log"`.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder of the topics, from the project's root; made when something is written.
    pub path: PathBuf,
}

impl Connector for Log {
    const KIND: &'static str = "log";
    type Config = Config;

    fn connect(place: &Declaration<'_>, config: Config) -> Result<Arc<dyn Connection>, Diagnostic> {
        Ok(Arc::new(TopicFolder { name: place.name.clone(), folder: Arc::new(place.path(config.path)) }))
    }
}
