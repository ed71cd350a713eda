//! The tables that replications copy.

use super::Builder;
use crate::{
    code,
    config::{replication::Replication, toml::Spanned},
    diagnostic::Diagnostic,
    files::Span,
    graph::Node,
    id::NodeId,
    name::{Name, nearest},
};

impl Builder<'_> {
    /// Nodes for the tables that a replication is known to copy.
    pub fn replication(&mut self, replication: &Replication) {
        let from = &replication.from;
        if !self.project.sources.contains_key(&from.value) {
            return;
        }
        for pattern in &replication.tables {
            let Ok(glob) = globset::Glob::new(pattern) else {
                let message = format!("`{}` is no glob", pattern.value);
                self.problems
                    .push(Diagnostic::error(&code::E0427, pattern.span, message).hint("write `*` for all tables"));
                continue;
            };
            let matcher = glob.compile_matcher();
            let plain = !pattern.contains(['*', '?', '[', '{']);
            let mut tables: Vec<Name> =
                self.known.tables(from).filter(|name| matcher.is_match(name.as_str())).cloned().collect();
            if plain && self.known.is_open(from) {
                tables.push(Name::new(&pattern.value));
            }
            if tables.is_empty() && !self.known.is_open(from) {
                self.nothing_matches(replication, pattern);
            }
            for table in tables {
                self.copied(replication, &table, pattern.span);
            }
        }
    }

    fn nothing_matches(&mut self, replication: &Replication, pattern: &Spanned<String>) {
        let message = format!("source `{}` has no table that is `{}`", replication.from.value, pattern.value);
        let known: Vec<&str> = self.known.tables(&replication.from).map(Name::as_str).collect();
        let diagnostic = Diagnostic::error(&code::E0427, pattern.span, message);
        self.problems.push(match nearest(pattern, known.iter().copied()) {
            Some(near) => diagnostic.fix("a table with a similar name exists", pattern.span, format!("\"{near}\"")),
            None => diagnostic.hint(format!("it has {}", known.join(", "))),
        });
    }

    /// Adds the node of a copied table, and that of the table it is copied from.
    pub fn copied(&mut self, replication: &Replication, table: &Name, span: Span) -> NodeId {
        let id = NodeId::copy(replication.name.value.clone(), table.clone());
        let from = NodeId::source(replication.from.value.clone(), table.clone());
        self.graph.add(Node::new(id.clone(), Some(replication.name.span)));
        self.graph.add(Node::new(from.clone(), Some(replication.from.span)));
        self.connect(&from, &id, Some(span));
        id
    }
}
