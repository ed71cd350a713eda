//! Who writes what: a table has one writer, and a table that is also a source waits for it.

use super::Builder;
use crate::{
    code,
    diagnostic::Diagnostic,
    files::Span,
    id::{NodeId, TableId},
    model::{Materialized, Model},
    name::Name,
};
use std::collections::BTreeMap;

/// Connection and table, to what writes it and where that is said.
type Writers = BTreeMap<(Name, Name), (NodeId, Span)>;

impl Builder<'_> {
    /// Who writes what: a table has one writer, and a table that is also a source waits for it.
    pub fn writers(&mut self) {
        let mut writers = Writers::new();
        for replication in self.project.replications.values() {
            let copies: Vec<Name> = self.graph.copies(&replication.name).cloned().collect();
            for table in copies {
                let id = NodeId::copy(replication.name.value.clone(), table.clone());
                self.writer(&mut writers, (replication.to.value.clone(), table), id, replication.name.span);
            }
        }
        for model in self.project.models.values() {
            if matches!(model.config.materialized, Materialized::View | Materialized::Ephemeral) {
                continue;
            }
            if let Some(connection) = self.sink(model) {
                let place = (connection, model.config.table.value.clone());
                let id = NodeId::Model(model.name.clone());
                self.writer(&mut writers, place, id, model.config.table.span);
            }
        }
        let sources: Vec<TableId> = self.graph.nodes.keys().filter_map(NodeId::source_table).collect();
        for TableId { source, table } in sources {
            let id = NodeId::source(source.clone(), table.clone());
            let connection = self.project.sources[&source].connection.value.clone();
            let Some((writer, span)) = writers.get(&(connection, table)).cloned() else { continue };
            for generator in self.graph.parents.get(&id).cloned().unwrap_or_default() {
                if matches!(generator, NodeId::Generator(_)) {
                    self.connect(&generator, &writer, None);
                }
            }
            self.connect(&writer, &id, Some(span));
        }
    }

    fn writer(&mut self, writers: &mut Writers, place: (Name, Name), id: NodeId, span: Span) {
        if let Some((first, other)) = writers.get(&place) {
            let message = format!("`{first}` and `{id}` both write table `{}` of connection `{}`", place.1, place.0);
            self.problems.push(
                Diagnostic::error(&code::E0434, span, message)
                    .also(*other, format!("`{first}` writes it too"))
                    .hint("give one of them another `alias` or sink"),
            );
        } else {
            writers.insert(place, (id, span));
        }
    }

    /// The connection that a model is written to.
    fn sink(&mut self, model: &Model) -> Option<Name> {
        let Some(sink) = model.config.sink.as_ref().or(self.project.settings.default_sink.as_ref()) else {
            let message = format!("model `{}` has no sink to be written to", model.name);
            let diagnostic = Diagnostic::error(&code::E0428, model.config.span, message);
            self.problems
                .push(diagnostic.hint("name one: `config(sink = \"…\")`, or `default_sink = \"…\"` in sources.toml"));
            return None;
        };
        if let Some(found) = self.project.sinks.get(&sink.value) {
            return Some(found.connection.value.clone());
        }
        model.config.sink.as_ref().filter(|sink| !self.project.unreadable.contains(&sink.value))?;
        let known: Vec<&str> = self.project.sinks.keys().map(Name::as_str).collect();
        let diagnostic = Diagnostic::error(&code::E0423, sink.span, format!("there is no sink `{}`", sink.value));
        self.problems.push(self.suggest(
            diagnostic,
            sink.value.as_str(),
            sink.span,
            &known,
            "a sink with a similar name exists",
        ));
        None
    }
}
