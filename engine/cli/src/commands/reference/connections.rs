//! Every kind of connection and its keys.

use engine_connect::hub::registry::Registry;
use serde_json::Value;
use std::fmt::Write as _;

/// The page.
pub fn page() -> String {
    let mut text = "# Connections\n\nThe keys of `[connections.NAME]` in `sources.toml`, or of \
                    `[connections.NAME.TARGET]`, by `type`. Paths start at the project's root.\n"
        .to_owned();
    for (kind, schema) in Registry::builtin().schemas() {
        write!(text, "\n## {kind}\n\n| key | | meaning |\n|---|---|---|\n").expect("text can be written to");
        let schema = schema.to_value();
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let must = if required.iter().any(|name| name == key) { ", required" } else { "" };
            let meaning = property["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
            writeln!(text, "| `{key}` | {}{must} | {meaning} |", kind_of(property)).expect("text can be written to");
        }
    }
    text
}

/// The type of a key in the words of TOML.
fn kind_of(property: &Value) -> &'static str {
    let named = |kind: &Value| match kind.as_str() {
        Some("string") => Some("string"),
        Some("integer") => Some("integer"),
        Some("number") => Some("float"),
        Some("boolean") => Some("boolean"),
        Some("array") => Some("array"),
        Some("object") => Some("table"),
        _ => None,
    };
    match &property["type"] {
        Value::Array(kinds) => kinds.iter().find_map(named),
        kind => named(kind),
    }
    .unwrap_or("string")
}
