//! Reads what stands at the top of `sources.toml`, and its `[vars]`, `[limits]` and `[history]`.

use super::{Kept, Limits, Settings};
use crate::{
    config::{
        reader::Reader,
        sink::Sink,
        toml::{
            Spanned, Value,
            amount::{DurationText, SizeText},
        },
    },
    files::Span,
    name::Name,
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    steps: Option<usize>,
    memory: Option<SizeText>,
    spill: Option<SizeText>,
    stalled_after: Option<DurationText>,
    batch_rows: Option<u64>,
    runs: Option<usize>,
    wait: Option<DurationText>,
    #[serde(default)]
    connections: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHistory {
    runs: Option<u32>,
    age: Option<DurationText>,
}

/// The settings; `vars` were typed, and win over `[vars]`.
pub fn read(reader: &mut Reader<'_>, file: &Value, vars: &BTreeMap<String, String>) -> Settings {
    let mut settings = Settings::default();
    let mut word = |key: &str| -> Option<Spanned<Name>> { file.key(key)?.read::<Spanned<Name>>(reader.problems) };
    settings.default_target = word("default_target");
    settings.default_sink = word("default_sink");
    if let Some(vars) = file.key("vars") {
        settings.vars = vars.entries().iter().map(|(key, _, value)| (key.clone(), value.clone())).collect();
    }
    for (key, text) in vars {
        let span = Span::new(file.span.file, 0..0);
        settings.vars.insert(key.clone(), Value::typed(span, text));
    }
    if let Some(raw) = file.key("limits").and_then(|limits| limits.read::<RawLimits>(reader.problems)) {
        let or = Limits::default();
        settings.limits = Limits {
            steps: raw.steps.unwrap_or(or.steps).max(1),
            memory_bytes: raw.memory.map(|size| size.0),
            spill_bytes: raw.spill.map_or(or.spill_bytes, |size| size.0),
            stalled_after: raw.stalled_after.map_or(or.stalled_after, |after| after.0),
            batch_rows: raw.batch_rows.unwrap_or(or.batch_rows).max(1),
            runs: raw.runs.unwrap_or(or.runs).max(1),
            wait: raw.wait.map_or(or.wait, |wait| wait.0),
        };
        let at_least_one = |(name, runs): (String, usize)| (Name::new(name), runs.max(1));
        settings.runs_by_connection = raw.connections.into_iter().map(at_least_one).collect();
    }
    if let Some(raw) = file.key("history").and_then(|history| history.read::<RawHistory>(reader.problems)) {
        let or = Kept::default();
        settings.kept = Kept { runs: raw.runs.unwrap_or(or.runs).max(1), age: raw.age.map_or(or.age, |age| age.0) };
    }
    settings
}

/// Complains of a default sink that is not there.
pub fn check_sink(reader: &mut Reader<'_>, settings: &Settings, sinks: &BTreeMap<Name, Sink>) {
    if let Some(sink) = settings.default_sink.as_ref().filter(|sink| !sinks.contains_key(&sink.value)) {
        let known: Vec<&str> = sinks.keys().map(Name::as_str).collect();
        reader.unknown("sink", sink.as_str(), sink.span, &known);
    }
}
