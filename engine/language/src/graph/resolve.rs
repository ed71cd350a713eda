//! What `ref` and `source` name.

use super::{
    NodeId, NodeKind,
    build::{Builder, node},
    known::split,
};
use crate::{
    code,
    config::Spanned,
    diagnostic::Diagnostic,
    files::Span,
    name::{Name, nearest},
};

impl Builder<'_> {
    /// The node that a `ref` or `source` names; complains if there is none.
    pub fn resolve(&mut self, read: &Spanned<NodeId>) -> Option<NodeId> {
        if self.graph.nodes.contains_key(&read.value) {
            return Some(read.value.clone());
        }
        match read.kind {
            NodeKind::Source => self.resolve_source(read),
            NodeKind::Replication => self.resolve_copy(read),
            _ => {
                self.unknown_ref(&read.name, read.span);
                None
            }
        }
    }

    fn resolve_source(&mut self, read: &Spanned<NodeId>) -> Option<NodeId> {
        let Some((source, table)) = split(self.project, &read.name) else {
            let source = read.name.as_str().split('.').next().unwrap_or_default().to_owned();
            self.unknown_source(&source, read.span);
            return None;
        };
        if self.known.may_have(&source, &table) {
            self.graph.add(node(NodeKind::Source, read.name.clone(), Some(self.project.sources[&source].name.span)));
            return Some(read.value.clone());
        }
        let known: Vec<&str> = self.known.tables(&source).map(Name::as_str).collect();
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

    fn resolve_copy(&mut self, read: &Spanned<NodeId>) -> Option<NodeId> {
        let text = read.name.as_str();
        let (replication, table) = text
            .match_indices('.')
            .find_map(|(dot, _)| Some((self.project.replications.get(&text[..dot])?, Name::new(&text[dot + 1..]))))?;
        let globs = || replication.tables.iter().filter_map(|glob| globset::Glob::new(glob).ok());
        if !self.project.sources.contains_key(&replication.from.value) {
            return None;
        }
        if self.known.is_open(&replication.from) && globs().any(|glob| glob.compile_matcher().is_match(table.as_str()))
        {
            return Some(self.copied(replication, &table, replication.from.span));
        }
        let prefix = format!("{}.", replication.name.value);
        let copies = self.graph.nodes.keys().filter(|id| id.kind == NodeKind::Replication);
        let known: Vec<String> =
            copies.filter_map(|id| id.name.as_str().strip_prefix(&prefix).map(str::to_owned)).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
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
        let known: Vec<&str> = self.project.sources.keys().map(Name::as_str).collect();
        let diagnostic = Diagnostic::error(&code::E0421, span, format!("there is no source `{source}`"));
        self.problems.push(self.suggest(diagnostic, source, span, &known, "a source with a similar name exists"));
    }

    /// Complains that `ref` names nothing, unless something else was complained of before.
    pub fn unknown_ref(&mut self, name: &Name, span: Span) {
        let diagnostic = Diagnostic::error(&code::E0420, span, format!("there is no model `{name}`"));
        if self.project.unreadable.contains(name) {
            return;
        }
        if self.project.disabled.contains(name) {
            let message = format!("the model `{name}` is not enabled");
            self.problems.push(
                Diagnostic::error(&code::E0420, span, message).hint("take `enabled = false` out of its `config`"),
            );
            return;
        }
        if let Some((source, table)) =
            name.as_str().split_once('.').filter(|(source, _)| self.project.sources.contains_key(*source))
        {
            let hint = format!("it is a table of a source: `source('{source}', '{table}')`");
            self.problems.push(diagnostic.hint(hint));
            return;
        }
        let referable = |id: &&NodeId| matches!(id.kind, NodeKind::Model | NodeKind::Seed | NodeKind::Replication);
        let known: Vec<String> = self.graph.nodes.keys().filter(referable).map(|id| id.name.to_string()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.problems.push(self.suggest(diagnostic, name.as_str(), span, &known, "a model with a similar name exists"));
    }

    /// Offers the nearest of the known names, in place of what was typed.
    pub fn suggest(&self, diagnostic: Diagnostic, typed: &str, span: Span, known: &[&str], why: &str) -> Diagnostic {
        match nearest(typed, known.iter().copied()) {
            Some(near) => {
                let at = self.project.files.slice(span).rfind(typed).map(|at| span.range().start + at);
                let place = at.map_or(span, |start| Span::new(span.file, start..start + typed.len()));
                diagnostic.fix(why, place, near)
            }
            None if known.is_empty() || known.len() > 12 => diagnostic,
            None => diagnostic.hint(format!("there are {}", known.join(", "))),
        }
    }
}
