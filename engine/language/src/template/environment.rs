//! How Jinja is set up: strict, bounded, and printing values as SQL spells them.

use super::{
    complaint::Complaint,
    functions::{self, Referable},
    instrument, marks, quote,
    recorder::Recorder,
    shared::{FOLDERS, Texts},
};
use crate::code;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior,
    value::{Value, ValueKind},
};
use std::{borrow::Cow, sync::Arc};

/// What one rendering may cost: about as many steps, or 64 times as many bytes.
const FUEL: u64 = 2_000_000;
/// Includes and macro calls inside each other.
const DEPTH: usize = 200;

/// The function by which a rendering takes over the macros of a file.
pub(super) const ADOPT: &str = "_engine_adopt";

/// An environment with our functions, whose includes see only `texts`.
pub(super) fn build(texts: Arc<Texts>, referable: Arc<Referable>) -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(DEPTH);
    env.set_formatter(format);
    env.set_path_join_callback(|name, parent| Cow::Owned(join(name, parent)));
    env.set_loader(move |name| load(&texts, name));
    env.add_filter("literal", literal);
    env.add_filter("ident", ident);
    env.add_filter("raw", |value: Value| marks::unmark_value(&value));
    env.add_filter("as_text", |value: Value| value.to_string());
    env.add_filter("as_bool", |value: Value| value.is_true());
    env.add_function(ADOPT, adopt);
    env.add_function(instrument::OUTSIDE, outside);
    functions::add_all(&mut env, referable);
    env
}

/// Writes a value into the SQL.
fn format(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    let written = match value.kind() {
        ValueKind::Undefined => Ok(()),
        ValueKind::None => out.write_str("NULL"),
        ValueKind::Bool => out.write_str(if value.is_true() { "true" } else { "false" }),
        _ => out.write_fmt(format_args!("{value}")),
    };
    written.map_err(Error::from)
}

/// Puts the macros of an imported file among the names of the rendering.
fn adopt(state: &State, module: &Value) -> Result<(), Error> {
    let recorder = Recorder::of(state);
    for name in module.try_iter()? {
        let value = module.get_item(&name)?;
        recorder.asked().macros.insert(name.to_string(), value);
    }
    Ok(())
}

/// Marks a value that comes from outside, where it is printed.
fn outside(state: &mut State, value: Value) -> Result<Value, Error> {
    if value.is_undefined() {
        return Ok(value);
    }
    Ok(Value::from(marks::wrap(&state.format(value)?)))
}

/// `| literal`: a value as SQL.
fn literal(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::None => Ok("NULL".into()),
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::Number => Ok(value.to_string()),
        ValueKind::String => Ok(quote::literal(&marks::unmark(value.as_str().unwrap_or_default()))),
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<String> = value.try_iter()?.map(|item| literal(&item)).collect::<Result<_, _>>()?;
            Ok(items.join(", "))
        }
        _ => {
            Err(Complaint::new(&code::E0104, "`| literal` takes a string, a number, a boolean, none or a list").into())
        }
    }
}

/// `| ident`: a name, quoted where needed.
fn ident(value: &Value) -> Result<String, Error> {
    let name = value.as_str().ok_or_else(|| Complaint::new(&code::E0104, "`| ident` takes a name"))?;
    Ok(quote::identifier(&marks::unmark(name)))
}

/// The path below the project's root that a name in `include` means. What leads outside keeps its `..`.
pub(super) fn join(name: &str, parent: &str) -> String {
    let relative = name.starts_with("./") || name.starts_with("../");
    let base = match parent.rsplit_once('/') {
        Some((folder, _)) if relative => folder,
        _ if name.starts_with("project/") => "",
        _ => "project",
    };
    let mut parts: Vec<&str> = vec![];
    for part in base.split('/').chain(name.split('/')).filter(|part| !matches!(*part, "" | ".")) {
        if part == ".." && parts.last().is_some_and(|last| *last != "..") {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    if name.starts_with('/') { name.to_owned() } else { parts.join("/") }
}

fn load(texts: &Texts, name: &str) -> Result<Option<String>, Error> {
    let inside = FOLDERS.iter().any(|folder| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
    if !inside || name.contains('\\') || texts.refused.contains(name) {
        let shown = name.strip_prefix("project/").unwrap_or(name);
        let message = format!("a template may include files of `macros` and `models` only, not `{shown}`");
        let complaint = Complaint::new(&code::E0106, message);
        return Err(Error::new(ErrorKind::BadInclude, complaint.message.clone()).with_source(complaint));
    }
    Ok(texts.texts.get(name).map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn names_of_includes_become_paths() {
        for (name, expected) in [
            ("macros/a.sql", "project/macros/a.sql"),
            ("project/macros/a.sql", "project/macros/a.sql"),
            ("./b.sql", "project/models/sub/b.sql"),
            ("../../macros/a.sql", "project/macros/a.sql"),
            ("../../../../etc/passwd", "../etc/passwd"),
            ("macros/../../../etc/passwd", "../etc/passwd"),
            ("/etc/passwd", "/etc/passwd"),
        ] {
            assert_eq!(join(name, "project/models/sub/a.sql"), expected, "{name}");
        }
    }
}
