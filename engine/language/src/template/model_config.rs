//! `config(…)`: from the arguments of the call to a model's configuration.

use super::{
    RenderContext, Source,
    arguments::{kind_name, to_value},
    calls::{Argument, Calls},
    checks::CheckValue,
};
use crate::{
    code,
    config::toml::Spanned,
    diagnostic::Diagnostic,
    files::Span,
    model::{Check, CheckSeverity, Materialized, ModelConfig, Strategy},
    name::{Name, nearest},
};
use minijinja::value::Value;
use std::collections::BTreeMap;

/// The keys that mean something, ours first.
const KEYS: &[&str] = &[
    "materialized",
    "sink",
    "alias",
    "key",
    "strategy",
    "cursor",
    "description",
    "tags",
    "checks",
    "meta",
    "enabled",
    "unique_key",
    "incremental_strategy",
    "severity",
    "full_refresh",
    "on_schema_change",
];
/// dbt's keys that can be ignored without a change to the rows.
const IGNORED: &[&str] = &["docs", "persist_docs", "group", "access", "quoting", "store_failures"];
/// dbt's answers to a column that an incremental model's table does not have.
const ON_SCHEMA_CHANGE: &[(&str, ())] =
    &[("ignore", ()), ("fail", ()), ("append_new_columns", ()), ("sync_all_columns", ())];
/// dbt's keys that name a place; here the sink does.
const PLACES: &[&str] = &["schema", "database"];

/// Reads what `config()` was given.
pub(super) fn read(
    source: Source<'_>,
    given: &BTreeMap<String, Value>,
    calls: &Calls,
    context: &RenderContext,
) -> (ModelConfig, Vec<Diagnostic>) {
    let span = Span::new(source.file, calls.config_range.clone().unwrap_or(0..0));
    let mut reader = Reader { source, given, calls, span, problems: vec![] };
    reader.unknown_keys();
    let key = reader.names(&["key", "unique_key"]);
    let strategy = reader.strategy(&["strategy", "incremental_strategy"]);
    let name = context.this.clone().unwrap_or_else(|| Name::new(""));
    let config = ModelConfig {
        span,
        materialized: reader.materialized().unwrap_or_default(),
        sink: reader.text("sink").map(|text| Spanned::new(Name::new(&text.value), text.span)),
        table: reader
            .text("alias")
            .map_or(Spanned::new(name, span), |text| Spanned::new(Name::new(&text.value), text.span)),
        strategy: strategy.unwrap_or(if key.is_empty() { Strategy::Append } else { Strategy::Merge }),
        key,
        cursor: reader.text("cursor"),
        description: reader.text("description").map(|text| text.value),
        tags: reader.names(&["tags"]).into_iter().map(|tag| tag.value).collect(),
        checks: reader.checks(),
        meta: reader.given.get("meta").and_then(|value| to_value(value, reader.span_of("meta"))),
        severity: reader
            .word("severity", &[("error", CheckSeverity::Error), ("warn", CheckSeverity::Warn)])
            .unwrap_or_default(),
        full_refresh: reader.flag("full_refresh"),
        enabled: reader.given.get("enabled").is_none_or(Value::is_true),
    };
    // A column that the table does not have is refused, whichever of dbt's answers is wanted.
    reader.word("on_schema_change", ON_SCHEMA_CHANGE);
    reader.contradictions(&config, strategy);
    (config, reader.problems)
}

struct Reader<'a> {
    source: Source<'a>,
    given: &'a BTreeMap<String, Value>,
    calls: &'a Calls,
    span: Span,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn argument(&self, key: &str) -> Option<&Argument> {
        self.calls.config.get(key)
    }

    fn span_of(&self, key: &str) -> Span {
        self.argument(key).map_or(self.span, |argument| Span::new(self.source.file, argument.range.clone()))
    }

    /// The place of the key itself, which stands before its value.
    fn key_span(&self, key: &str) -> Span {
        let start = self.argument(key).and_then(|argument| self.source.text.get(..argument.range.start)?.rfind(key));
        start.map_or(self.span, |start| Span::new(self.source.file, start..start + key.len()))
    }

    fn item_span(&self, key: &str, index: usize) -> Span {
        let item = self.argument(key).and_then(|argument| argument.items.get(index));
        item.map_or_else(|| self.span_of(key), |range| Span::new(self.source.file, range.clone()))
    }

    fn unknown_keys(&mut self) {
        for key in self.given.keys().map(String::as_str) {
            if KEYS.contains(&key) || IGNORED.contains(&key) {
                continue;
            }
            let span = self.key_span(key);
            self.problems.push(if PLACES.contains(&key) {
                Diagnostic::warning(&code::W0112, span, format!("`{key}` has no effect"))
                    .hint("the sink says where a model is written: `config(sink = \"…\")`")
            } else if matches!(key, "pre_hook" | "post_hook") {
                Diagnostic::error(&code::E0112, span, format!("`{key}` is not supported"))
                    .hint("put the statement into a model of its own, or run it in the database")
            } else {
                let diagnostic = Diagnostic::error(&code::E0112, span, format!("`config` has no key `{key}`"));
                match nearest(key, KEYS.iter().copied()) {
                    Some(near) => diagnostic.fix("a similar key exists", span, near),
                    None => diagnostic.hint(format!("the keys are {}", KEYS.join(", "))),
                }
            });
        }
    }

    fn wrong(&mut self, key: &str, expected: &str) {
        let found = self.given.get(key).map_or("nothing", kind_name);
        let message = format!("`{key}` must be {expected}, not {found}");
        self.problems.push(Diagnostic::error(&code::E0113, self.span_of(key), message));
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        let value = self.given.get(key).filter(|value| !value.is_none())?;
        let flag = bool::try_from(value.clone()).ok().filter(|_| value.kind() == minijinja::value::ValueKind::Bool);
        if flag.is_none() {
            self.wrong(key, "`true` or `false`");
        }
        flag
    }

    fn text(&mut self, key: &str) -> Option<Spanned<String>> {
        let value = self.given.get(key).filter(|value| !value.is_none())?;
        let text = value.as_str().map(|text| Spanned::new(text.to_owned(), self.span_of(key)));
        if text.is_none() {
            self.wrong(key, "a string");
        }
        text
    }

    /// A string or a list of strings, under the first of the keys that is given.
    fn names(&mut self, keys: &[&str]) -> Vec<Spanned<String>> {
        let Some((key, value)) = keys.iter().find_map(|key| Some((*key, self.given.get(*key)?))) else { return vec![] };
        if value.is_none() {
            return vec![];
        }
        if let Some(text) = value.as_str() {
            return vec![Spanned::new(text.to_owned(), self.span_of(key))];
        }
        let items: Vec<Value> = value.try_iter().map(Iterator::collect).unwrap_or_default();
        let names: Option<Vec<_>> = items
            .iter()
            .enumerate()
            .map(|(i, item)| Some(Spanned::new(item.as_str()?.to_owned(), self.item_span(key, i))))
            .collect();
        match names {
            Some(names) if !names.is_empty() || value.len() == Some(0) => names,
            _ => {
                self.wrong(key, "a string or a list of strings");
                vec![]
            }
        }
    }

    fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("`{key}` cannot be `{}`", text.value);
            let diagnostic = Diagnostic::error(&code::E0113, text.span, message);
            self.problems.push(match nearest(&text.value, known.iter().copied()) {
                Some(near) => diagnostic.fix("a similar word is known", text.span, format!("\"{near}\"")),
                None => diagnostic.hint(format!("it is one of {}", known.join(", "))),
            });
        }
        found
    }

    fn materialized(&mut self) -> Option<Materialized> {
        self.word(
            "materialized",
            &[
                ("table", Materialized::Table),
                ("view", Materialized::View),
                ("ephemeral", Materialized::Ephemeral),
                ("incremental", Materialized::Incremental),
                ("stream", Materialized::Stream),
                ("history", Materialized::History),
            ],
        )
    }

    fn strategy(&mut self, keys: &[&str]) -> Option<Strategy> {
        let key = keys.iter().find(|key| self.given.contains_key(**key))?;
        self.word(
            key,
            &[
                ("append", Strategy::Append),
                ("merge", Strategy::Merge),
                ("delete_insert", Strategy::DeleteInsert),
                ("delete+insert", Strategy::DeleteInsert),
            ],
        )
    }

    fn checks(&mut self) -> Vec<Check> {
        let Some(value) = self.given.get("checks") else { return vec![] };
        let single = value.downcast_object_ref::<CheckValue>().is_some();
        let items: Vec<Value> =
            if single { vec![value.clone()] } else { value.try_iter().map(Iterator::collect).unwrap_or_default() };
        let mut checks = vec![];
        for (i, item) in items.iter().enumerate() {
            let span = self.item_span("checks", i);
            match item.downcast_object_ref::<CheckValue>().map(|check| check.at(span)) {
                Some(Some(check)) => checks.push(check),
                Some(None) => self.problems.push(Diagnostic::error(
                    &code::E0113,
                    span,
                    "a check compares with strings, numbers and booleans",
                )),
                None => self.problems.push(Diagnostic::error(
                    &code::E0113,
                    span,
                    format!("a check is a call such as `not_null(\"id\")`, not {}", kind_name(item)),
                )),
            }
        }
        if items.is_empty() && value.len() != Some(0) {
            self.wrong("checks", "a list of checks");
        }
        checks
    }

    fn contradictions(&mut self, config: &ModelConfig, strategy: Option<Strategy>) {
        let word = match strategy {
            Some(Strategy::Merge) => "merge",
            Some(Strategy::DeleteInsert) => "delete_insert",
            _ => return,
        };
        if config.key.is_empty() {
            let keys = ["materialized", "strategy", "incremental_strategy"];
            let place =
                keys.iter().rfind(|key| self.given.contains_key(**key)).map_or(self.span, |key| self.span_of(key));
            let message = format!("`{word}` needs `key`: the columns that name a row");
            let hint = "write it into `config`, as in `key = [\"id\"]`";
            self.problems.push(Diagnostic::error(&code::E0115, place, message).hint(hint));
        }
    }
}
