//! How far a value is trusted, and what functions and filters make of that.

use minijinja::machinery::ast::{CallArg, Expr};

/// Where a value came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    #[default]
    Own,
    Marked,
    Outside,
}

/// The functions that answer values from outside.
pub(super) const FUNCTIONS: &[&str] = &["var", "env_var"];
/// The names that hold values from outside.
pub(super) const NAMES: &[&str] = &["run"];
/// Functions of ours whose answer is safe, whatever they are given.
pub(super) const SAFE: &[&str] = &[
    "ref",
    "source",
    "config",
    "log",
    "print",
    "is_incremental",
    "not_null",
    "unique",
    "accepted_values",
    "relationships",
    "between",
    "row_count",
    "expression",
];
/// Functions of Jinja whose answer is made of what they are given.
pub(super) const MAKING: &[&str] = &["range", "dict", "namespace", "cycler", "joiner", "debug"];
/// Filters that quote, or that the user takes responsibility for.
const QUOTING: &[&str] = &["literal", "ident", "raw"];
/// Filters whose answer is no text.
const MEASURING: &[&str] = &["length", "count", "bool", "as_bool"];
/// Filters that leave the marks inside of text where they are.
const KEEPING: &[&str] = &["trim", "upper", "lower", "indent", "string", "as_text", "default", "d", "safe", "join"];

/// The level of a part of a value, or of something computed from it: marks inside of text would be lost.
pub(super) fn apart(level: Level) -> Level {
    if level == Level::Marked { Level::Outside } else { level }
}

pub(super) fn filter_level(name: &str, arguments: &[CallArg<'_>], inner: Level, argument_level: Level) -> Level {
    if QUOTING.contains(&name) || MEASURING.contains(&name) {
        return Level::Own;
    }
    let maps_quoting = name == "map"
        && matches!(arguments.first(), Some(CallArg::Pos(Expr::Const(filter))) if filter.value.as_str().is_some_and(|filter| QUOTING.contains(&filter)));
    if maps_quoting {
        return Level::Own;
    }
    let level = inner.max(argument_level);
    if KEEPING.contains(&name) { level } else { apart(level) }
}
