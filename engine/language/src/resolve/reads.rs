//! What `ref` and `source` name.

use super::Builder;
use crate::{
    code,
    config::toml::Spanned,
    diagnostic::Diagnostic,
    files::Span,
    graph::Node,
    id::{self, NodeId, TableId},
    name::{Name, nearest},
};

impl Builder<'_> {
    /// The node that a `ref` or `source` names; complains if there is none.
    pub fn resolve(&mut self, read: &Spanned<NodeId>) -> Option<NodeId> {
        if self.graph.nodes.contains_key(&read.value) {
            return Some(read.value.clone());
        }
        match &read.value {
            NodeId::Source { source, table } => self.resolve_source(read, source, table),
            NodeId::Copy { replication, table } => self.resolve_copy(read, replication, table),
            other => {
                self.unknown_ref(&other.name(), read.span);
                None
            }
        }
    }

    fn resolve_source(&mut self, read: &Spanned<NodeId>, source: &Name, table: &Name) -> Option<NodeId> {
        let Some(declared) = self.project.sources.get(source) else {
            self.unknown_source(source.as_str(), read.span);
            return None;
        };
        if self.known.may_have(&TableId::new(source.clone(), table.clone())) {
            self.graph.add(Node::new(read.value.clone(), Some(declared.name.span)));
            return Some(read.value.clone());
        }
        let known: Vec<&str> = self.known.tables(source).map(Name::as_str).collect();
        let message = format!("source `{source}` has no table `{table}`");
        let diagnostic = Diagnostic::error(&code::E0422, read.span, message);
        self.problems.push(self.suggest(
            diagnostic,
            table.as_str(),
            read.span,
            &known,
            "a table with a similar name exists",
        ));
        None
    }

    fn resolve_copy(&mut self, read: &Spanned<NodeId>, replication: &Name, table: &Name) -> Option<NodeId> {
        let replication = self.project.replications.get(replication)?;
        let globs = || replication.tables.iter().filter_map(|glob| globset::Glob::new(glob).ok());
        if !self.project.sources.contains_key(&replication.from.value) {
            return None;
        }
        if self.known.is_open(&replication.from) && globs().any(|glob| glob.compile_matcher().is_match(table.as_str()))
        {
            return Some(self.copied(replication, table, replication.from.span));
        }
        let known: Vec<Name> = self.graph.copies(&replication.name).cloned().collect();
        let known: Vec<&str> = known.iter().map(Name::as_str).collect();
        let message = format!("replication `{}` copies no table `{table}`", replication.name.value);
        let diagnostic =
            Diagnostic::error(&code::E0422, read.span, message).also(replication.name.span, "it is defined here");
        self.problems.push(self.suggest(
            diagnostic,
            table.as_str(),
            read.span,
            &known,
            "a table with a similar name is copied",
        ));
        None
    }

    fn unknown_source(&mut self, source: &str, span: Span) {
        if self.project.unreadable.contains(source) {
            return;
        }
        let known: Vec<&str> = self.project.sources.keys().map(Name::as_str).collect();
        let diagnostic = Diagnostic::error(&code::E0421, span, format!("there is no source `{source}`"));
        self.problems.push(self.suggest(diagnostic, source, span, &known, "a source with a similar name exists"));
    }

    /// Complains that `ref` names nothing, unless something else was complained of before.
    pub fn unknown_ref(&mut self, name: &str, span: Span) {
        let diagnostic = Diagnostic::error(&code::E0420, span, format!("there is no model `{name}`"));
        let unreadable = |name: &str| self.project.unreadable.contains(name);
        // A replication of what cannot be read has tables that are not known.
        let copies =
            |name: &Name| self.project.replications.get(name).is_some_and(|all| unreadable(all.from.value.as_str()));
        if unreadable(name) || id::pairs(name).any(|(first, _)| unreadable(first.as_str()) || copies(&first)) {
            return;
        }
        if self.project.disabled.contains(name) {
            let message = format!("the model `{name}` is not enabled");
            self.problems.push(
                Diagnostic::error(&code::E0420, span, message).hint("take `enabled = false` out of its `config`"),
            );
            return;
        }
        if let Some((source, table)) = id::pairs(name).find(|(source, _)| self.project.sources.contains_key(source)) {
            let hint = format!("it is a table of a source: `source('{source}', '{table}')`");
            self.problems.push(diagnostic.hint(hint));
            return;
        }
        let referable = |id: &&NodeId| matches!(id, NodeId::Model(_) | NodeId::Seed(_) | NodeId::Copy { .. });
        let known: Vec<String> = self.graph.nodes.keys().filter(referable).map(|id| id.name().into_owned()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.problems.push(self.suggest(diagnostic, name, span, &known, "a model with a similar name exists"));
    }

    /// Offers the nearest of the known names, in place of what was typed.
    pub fn suggest(&self, diagnostic: Diagnostic, typed: &str, span: Span, known: &[&str], why: &str) -> Diagnostic {
        match nearest(typed, known.iter().copied()) {
            Some(near) => match self.project.files.slice(span).rfind(typed) {
                Some(at) => {
                    let start = span.range().start + at;
                    diagnostic.fix(why, Span::new(span.file, start..start + typed.len()), near)
                }
                None => diagnostic.hint(format!("{why}: `{near}`")),
            },
            None if known.is_empty() || known.len() > 12 => diagnostic,
            None => diagnostic.hint(format!("there are {}", known.join(", "))),
        }
    }
}
