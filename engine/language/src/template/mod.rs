//! Templates: Jinja in, SQL out, and the way back.

mod arguments;
mod calls;
mod checks;
mod complaint;
mod environment;
mod functions;
mod guard;
mod instrument;
mod level;
mod marks;
mod model_config;
mod outside;
pub mod quote;
mod recorder;
mod render;
mod shared;
mod templates;

pub use functions::Referable;
pub use quote::{identifier, literal};
pub use templates::Templates;

use crate::{
    config::toml::Value, diagnostic::Diagnostic, files::FileId, model::ModelConfig, name::Name, rendered::Rendered,
};
use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

/// What `run` is in templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInfo {
    /// The run's id.
    pub id: String,
    /// When it started, in microseconds since 1970 UTC.
    pub started_at_us: i64,
    /// The interval that a scheduled or backfilled run stands for, likewise; both are the start without one.
    pub interval_us: (i64, i64),
}

impl RunInfo {
    /// No run in particular.
    pub const NONE: Self = Self { id: String::new(), started_at_us: 0, interval_us: (0, 0) };
}

/// What a template may ask of the outside.
#[derive(Clone, Debug)]
pub struct RenderContext {
    /// What `is_incremental()` answers.
    pub incremental: bool,
    /// What `run` is.
    pub run: RunInfo,
    /// Values for `var('name')`.
    pub vars: Arc<BTreeMap<String, Value>>,
    /// Values for `env_var('NAME')`, of the names that the project's templates ask for.
    pub env: TemplateEnv,
    /// The model that `this` stands for; `None` outside of models.
    pub this: Option<Name>,
}

/// Environment variables that templates ask for. Its `Debug` shows no values.
#[derive(Clone, Default)]
pub struct TemplateEnv(pub Arc<BTreeMap<String, String>>);

impl fmt::Debug for TemplateEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A template as text, and where that came from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file, for places.
    pub file: FileId,
    /// Its path, relative to the project's root.
    pub path: &'a Path,
    /// Its text.
    pub text: &'a str,
}

/// What came of rendering a model or test.
#[derive(Debug)]
pub struct Outcome {
    /// The SQL.
    pub rendered: Rendered,
    /// What `config()` said, with defaults.
    pub config: ModelConfig,
    /// What is wrong with the arguments of `config()`; the SQL is good all the same.
    pub problems: Vec<Diagnostic>,
}

/// Renders one template.
pub fn render(templates: &Templates, source: Source<'_>, context: &RenderContext) -> Result<Outcome, Diagnostic> {
    render::render(templates, source, context)
}
