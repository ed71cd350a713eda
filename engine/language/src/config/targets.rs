//! Chooses the target.

use super::{reader::Reader, settings::Settings, toml::Value};
use crate::{code, diagnostic::Diagnostic, name::Name};
use std::collections::BTreeSet;

/// What the target of a project is called in which no connection names one.
const ONLY_TARGET: &str = "default";

/// All targets that connections name, and the chosen one.
pub fn choose(
    reader: &mut Reader<'_>,
    connections: Option<&Value>,
    settings: &Settings,
    typed: Option<&Name>,
) -> (Vec<Name>, Name) {
    let tables = connections.map(Value::entries).unwrap_or_default();
    let several = tables.iter().filter(|(_, _, connection)| connection.key("type").is_none());
    let targets: BTreeSet<Name> =
        several.flat_map(|(_, _, connection)| connection.entries()).map(|(target, _, _)| Name::new(target)).collect();
    let chosen = typed.cloned().or_else(|| settings.default_target.as_ref().map(|target| target.value.clone()));
    let target = chosen.or_else(|| targets.first().cloned()).unwrap_or_else(|| Name::new(ONLY_TARGET));
    // A run of a project without targets is recorded under this name, and a retry asks for it again.
    let only = targets.is_empty() && target.as_str() == ONLY_TARGET;
    if !targets.contains(&target) && !only {
        let span = settings.default_target.as_ref().filter(|given| given.value == target).map(|given| given.span);
        let problem = Diagnostic::error(&code::E0006, span, format!("no connection has a target `{target}`"));
        let known: Vec<&str> = targets.iter().map(Name::as_str).collect();
        let hint = if known.is_empty() {
            "every connection stands for the same system in all targets: leave the target out".to_owned()
        } else {
            format!("targets: {}", known.join(", "))
        };
        reader.problems.push(problem.hint(hint));
    }
    (targets.into_iter().collect(), target)
}
