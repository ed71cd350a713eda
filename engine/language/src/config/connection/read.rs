//! Reads `[connections]` of `sources.toml`.

use super::Connection;
use crate::{
    code,
    config::{
        reader::Reader,
        toml::{Spanned, Value},
    },
    diagnostic::Diagnostic,
    name::Name,
};
use std::collections::BTreeMap;

/// The connections of a target.
pub fn read(reader: &mut Reader<'_>, all: &Value, target: &Name) -> BTreeMap<Name, Connection> {
    let mut connections = BTreeMap::new();
    for (name, span, value) in all.entries() {
        let name = reader.name(name, *span);
        let mut value = value.clone();
        if value.key("type").is_none() {
            let Some((_, chosen)) = value.take(target.as_str()) else {
                if value.entries().is_empty() {
                    let problem = Diagnostic::error(&code::E0004, *span, "the key `type` is missing");
                    reader.problems.push(problem.hint("add `type = \"sqlite\"` or another kind of system"));
                    reader.unreadable.insert(name);
                }
                continue;
            };
            value = chosen;
        }
        reader.interpolate(&mut value);
        let Some((at, kind)) = value.take("type") else {
            let problem = Diagnostic::error(&code::E0004, value.span, "the key `type` is missing");
            reader.problems.push(problem.hint("add `type = \"sqlite\"` or another kind of system"));
            reader.unreadable.insert(name);
            continue;
        };
        let at = if kind.span.range().is_empty() { at } else { kind.span };
        let Some(kind) = kind.read::<String>(reader.problems) else {
            reader.unreadable.insert(name);
            continue;
        };
        let name = Spanned::new(name, *span);
        connections.insert(name.value.clone(), Connection { name, kind: Spanned::new(kind, at), fields: value });
    }
    connections
}
