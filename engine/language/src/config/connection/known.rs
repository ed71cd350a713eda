//! The connections that sources, sinks and replications may name.

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

/// The connections that may be referred to.
#[derive(Clone, Copy)]
pub struct KnownConnections<'a> {
    /// Those of every target.
    pub all: &'a [Name],
    /// Those of the chosen target.
    pub here: &'a BTreeMap<Name, Connection>,
    /// The chosen target.
    pub target: &'a Name,
    /// Every target.
    pub targets: &'a [Name],
}

impl KnownConnections<'_> {
    /// Complains of a connection that is not there, or not in this target.
    pub fn check(self, reader: &mut Reader<'_>, named: &Spanned<Name>) {
        if self.here.contains_key(&named.value) || reader.unreadable.contains(&named.value) {
            return;
        }
        if !self.all.contains(&named.value) {
            let all: Vec<&str> = self.all.iter().map(Name::as_str).collect();
            reader.unknown("connection", named.as_str(), named.span, &all);
            return;
        }
        // Of a target that no connection has, only that is said.
        if self.targets.contains(self.target) {
            let message =
                format!("the connection `{}` stands for nothing in the target `{}`", named.value, self.target);
            let hint =
                format!("add `[connections.{}.{}]`, or choose another target with `-t`", named.value, self.target);
            reader.problems.push(Diagnostic::error(&code::E0401, named.span, message).hint(hint));
        }
    }

    /// Complains of limits of connections that are not there.
    pub fn check_limits(self, reader: &mut Reader<'_>, file: &Value) {
        let names: Vec<&str> = self.all.iter().map(Name::as_str).collect();
        let limited = file.key("limits").and_then(|limits| limits.key("connections")).map(Value::entries);
        for (name, span, _) in limited.unwrap_or_default().iter().filter(|(name, _, _)| !names.contains(&name.as_str()))
        {
            reader.unknown("connection", name, *span, &names);
        }
    }
}
