//! What one rendering asked for: models, sources, `config()`, `run`.

use super::RenderContext;
use minijinja::{
    State,
    value::{Enumerator, Object, Value},
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The name by which functions find the recorder of the rendering that calls them.
pub(super) const NAME: &str = "_engine_recorder";

/// The root of a template's names, and the memory of one rendering.
pub(super) struct Recorder {
    pub context: RenderContext,
    asked: Mutex<Asked>,
}

/// What was asked for so far.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub reads: Vec<Read>,
    pub config: BTreeMap<String, Value>,
    pub macros: BTreeMap<String, Value>,
    pub uses_run: bool,
    pub uses_incremental: bool,
}

/// A call of `ref` or `source`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub function: &'static str,
    pub arguments: Vec<String>,
    pub id: crate::id::NodeId,
    /// The text that it put into the SQL.
    pub sql: String,
}

impl Recorder {
    pub fn new(context: RenderContext) -> Self {
        Self { context, asked: Mutex::default() }
    }

    pub fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The recorder of the rendering that called a function.
    pub fn of(state: &State<'_, '_>) -> Arc<Self> {
        let value = state.lookup(NAME).and_then(|value| value.downcast_object::<Self>());
        value.expect("every rendering has a recorder at its root")
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

impl Object for Recorder {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            NAME => Some(Value::from_dyn_object(self.clone())),
            "run" => Some(Value::from_object(Run(self.clone()))),
            "this" => self.context.this.as_ref().map(|name| Value::from_object(This(name.to_string()))),
            name => self.asked().macros.get(name).cloned(),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// What `run` has.
pub(super) const RUN: &[&str] = &["id", "started_at", "interval_start", "interval_end"];

/// `run` in a template.
#[derive(Debug)]
struct Run(Arc<Recorder>);

impl Object for Run {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let run = &self.0.context.run;
        let value = match key.as_str()? {
            "id" => Value::from(run.id.clone()),
            "started_at" => Value::from(utc(run.started_at_us)),
            "interval_start" => Value::from(utc(run.interval_us.0)),
            "interval_end" => Value::from(utc(run.interval_us.1)),
            _ => return None,
        };
        self.0.asked().uses_run = true;
        Some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(RUN)
    }
}

/// `2026-01-02 03:04:05.000000`, of microseconds since 1970.
fn utc(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(|| micros.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

/// `this` in a model: the table that it makes.
#[derive(Debug)]
struct This(String);

impl Object for This {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "name" | "identifier" | "table" => Some(Value::from(self.0.clone())),
            "schema" => Some(Value::from("models")),
            _ => None,
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "models.{}", super::identifier(&self.0))
    }
}
