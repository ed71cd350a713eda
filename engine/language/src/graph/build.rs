//! Builds the graph from what the project says.

use super::{
    Graph, Node, NodeId, NodeKind,
    cycle::{self, Places},
    known::{Known, split},
};
use crate::{
    code,
    config::{
        Spanned,
        generator::{Generator, Maker, Rows},
        replication::Replication,
    },
    diagnostic::Diagnostic,
    files::Span,
    model::{Materialized, Model, Rule},
    name::{Name, nearest},
    project::Project,
};
use std::collections::BTreeMap;

/// The graph of a project, and what is wrong with its references.
pub(crate) fn build(project: &Project) -> (Graph, Vec<Diagnostic>) {
    let mut builder = Builder {
        project,
        known: Known::of(project),
        graph: Graph::default(),
        places: Places::new(),
        problems: vec![],
    };
    builder.clashes();
    builder.nodes();
    project.replications.values().for_each(|replication| builder.replication(replication));
    builder.reads();
    project.models.values().for_each(|model| builder.relationships(model));
    project.generators.values().for_each(|generator| builder.generator(generator));
    builder.writers();
    let Builder { mut graph, places, mut problems, .. } = builder;
    problems.extend(cycle::open(&mut graph, &places));
    (graph, problems)
}

struct Builder<'a> {
    project: &'a Project,
    known: Known,
    graph: Graph,
    places: Places,
    problems: Vec<Diagnostic>,
}

fn node(kind: NodeKind, name: impl Into<Name>, span: Option<Span>) -> Node {
    Node { id: NodeId::new(kind, name), span, tags: vec![], path: None }
}

impl Builder<'_> {
    fn start_of(&self, file: crate::files::FileId) -> Span {
        Span::new(file, 0..0)
    }

    fn path_of(&self, file: crate::files::FileId) -> Option<String> {
        let path = self.project.files.path(file);
        Some(path.strip_prefix("project").unwrap_or(path).to_string_lossy().replace('\\', "/"))
    }

    /// Names that would mean two things in SQL.
    fn clashes(&mut self) {
        for (name, seed) in &self.project.seeds {
            if let Some(model) = self.project.models.get(name) {
                let message = format!("`{name}` is both a model and a seed, so `ref('{name}')` could mean either");
                self.problems.push(
                    Diagnostic::error(&code::E0426, self.start_of(model.file), message)
                        .also(self.start_of(seed.file), "the seed")
                        .hint("rename one of the two files"),
                );
            }
        }
        for (name, source) in &self.project.sources {
            let span = source.name.span;
            if name.as_str() == "models" {
                let message = "a source cannot be called `models`: that is where models stand in SQL";
                self.problems.push(Diagnostic::error(&code::E0429, span, message).hint("give it another name"));
            }
            if let Some(replication) = self.project.replications.get(name) {
                let message =
                    format!("`{name}` is both a source and a replication, so `{name}.table` could mean either");
                self.problems.push(
                    Diagnostic::error(&code::E0429, span, message)
                        .also(replication.name.span, "the replication")
                        .hint("rename one of the two"),
                );
            }
        }
    }

    fn nodes(&mut self) {
        let project = self.project;
        for (name, source) in &project.sources {
            for table in self.known.tables(name) {
                let span = source.tables.get(table).map_or(source.name.span, |declared| declared.name.span);
                self.graph.add(node(NodeKind::Source, format!("{name}.{table}"), Some(span)));
            }
        }
        for (name, generator) in &project.generators {
            self.graph.add(node(NodeKind::Generator, name.clone(), Some(generator.name.span)));
        }
        for (name, seed) in &project.seeds {
            let path = self.path_of(seed.file);
            self.graph.add(Node { path, ..node(NodeKind::Seed, name.clone(), Some(self.start_of(seed.file))) });
        }
        for (name, model) in &project.models {
            let path = self.path_of(model.file);
            let tags = model.config.tags.clone();
            self.graph.add(Node { path, tags, ..node(NodeKind::Model, name.clone(), Some(model.config.span)) });
        }
        for (name, test) in &project.singular_tests {
            let path = self.path_of(test.file);
            self.graph.add(Node { path, ..node(NodeKind::Test, name.clone(), Some(self.start_of(test.file))) });
        }
    }

    fn connect(&mut self, parent: &NodeId, child: &NodeId, span: Option<Span>) {
        if let Some(span) = span {
            self.places.entry((child.clone(), parent.clone())).or_insert(span);
        }
        if parent != child || parent.kind == NodeKind::Model {
            self.graph.connect(parent, child);
        }
    }

    /// Nodes for the tables that a replication is known to copy.
    fn replication(&mut self, replication: &Replication) {
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
            let mut matched: Vec<Name> =
                self.known.tables(from).filter(|name| matcher.is_match(name.as_str())).cloned().collect();
            if plain && self.known.is_open(from) {
                matched.push(Name::new(&pattern.value));
            }
            if matched.is_empty() && !self.known.is_open(from) {
                self.nothing_matches(replication, pattern);
            }
            for table in matched {
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

    fn copied(&mut self, replication: &Replication, table: &Name, span: Span) -> NodeId {
        let copy =
            node(NodeKind::Replication, format!("{}.{table}", replication.name.value), Some(replication.name.span));
        let source = node(NodeKind::Source, format!("{}.{table}", replication.from.value), Some(replication.from.span));
        let (id, from) = (copy.id.clone(), source.id.clone());
        self.graph.add(copy);
        self.graph.add(source);
        self.connect(&from, &id, Some(span));
        id
    }

    fn reads(&mut self) {
        let project = self.project;
        let models =
            project.models.iter().map(|(name, model)| (NodeId::new(NodeKind::Model, name.clone()), &model.rendered));
        let tests = project
            .singular_tests
            .iter()
            .map(|(name, test)| (NodeId::new(NodeKind::Test, name.clone()), &test.rendered));
        for (reader, rendered) in models.chain(tests) {
            for read in &rendered.reads {
                if let Some(parent) = self.resolve(read) {
                    self.connect(&parent, &reader, Some(read.span));
                }
            }
        }
    }

    /// The node that a `ref` or `source` names; complains if there is none.
    fn resolve(&mut self, read: &Spanned<NodeId>) -> Option<NodeId> {
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

    fn unknown_ref(&mut self, name: &Name, span: Span) {
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
    fn suggest(&self, diagnostic: Diagnostic, typed: &str, span: Span, known: &[&str], why: &str) -> Diagnostic {
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

    /// A check that compares with another table has to wait for it.
    fn relationships(&mut self, model: &Model) {
        let child = NodeId::new(NodeKind::Model, model.name.clone());
        for check in &model.config.checks {
            let Rule::Relationships { to, .. } = &check.rule else { continue };
            let kinds = [NodeKind::Model, NodeKind::Seed, NodeKind::Replication, NodeKind::Source];
            let parent =
                kinds.iter().map(|kind| NodeId::new(*kind, to.clone())).find(|id| self.graph.nodes.contains_key(id));
            match parent {
                Some(parent) if parent == child => {}
                Some(parent) => self.connect(&parent, &child, Some(check.span)),
                None => match split(self.project, to) {
                    Some((source, table)) if self.known.may_have(&source, &table) => {
                        let table = node(NodeKind::Source, to.clone(), Some(self.project.sources[&source].name.span));
                        let parent = table.id.clone();
                        self.graph.add(table);
                        self.connect(&parent, &child, Some(check.span));
                    }
                    _ => self.unknown_ref(to, check.span),
                },
            }
        }
    }

    fn generator(&mut self, generator: &Generator) {
        let id = NodeId::new(NodeKind::Generator, generator.name.value.clone());
        if let Some(into) = &generator.into {
            if self.project.sources.contains_key(&into.source) {
                let table = NodeId::new(NodeKind::Source, format!("{}.{}", into.source, into.table));
                self.connect(&id, &table, Some(into.span));
            }
        }
        let mut parents: Vec<&Spanned<Name>> = vec![];
        if let Rows::Per { parent, .. } = &generator.rows {
            parents.push(parent);
        }
        for column in &generator.columns {
            match &column.maker {
                Maker::References { generator, .. } => parents.push(generator),
                Maker::After { generator: Some(generator), .. } | Maker::Near { generator: Some(generator), .. } => {
                    parents.push(generator);
                }
                _ => {}
            }
        }
        for parent in parents {
            let parent_id = NodeId::new(NodeKind::Generator, parent.value.clone());
            if parent_id != id && self.graph.nodes.contains_key(&parent_id) {
                self.connect(&parent_id, &id, Some(parent.span));
            }
        }
    }

    /// Who writes what: a table has one writer, and a table that is also a source waits for it.
    fn writers(&mut self) {
        let mut writers: BTreeMap<(Name, Name), (NodeId, Span)> = BTreeMap::new();
        for replication in self.project.replications.values() {
            let prefix = format!("{}.", replication.name.value);
            let copies: Vec<NodeId> =
                self.graph.nodes.keys().filter(|id| id.kind == NodeKind::Replication).cloned().collect();
            for id in copies {
                if let Some(table) = id.name.as_str().strip_prefix(&prefix) {
                    let place = (replication.to.value.clone(), Name::new(table));
                    self.writer(&mut writers, place, id.clone(), replication.name.span);
                }
            }
        }
        for model in self.project.models.values() {
            if matches!(model.config.materialized, Materialized::View | Materialized::Ephemeral) {
                continue;
            }
            if let Some(connection) = self.sink(model) {
                let place = (connection, model.config.table.value.clone());
                let id = NodeId::new(NodeKind::Model, model.name.clone());
                self.writer(&mut writers, place, id, model.config.table.span);
            }
        }
        let sources: Vec<NodeId> = self.graph.nodes.keys().filter(|id| id.kind == NodeKind::Source).cloned().collect();
        for id in sources {
            let Some((source, table)) = split(self.project, &id.name) else { continue };
            let connection = self.project.sources[&source].connection.value.clone();
            let Some((writer, span)) = writers.get(&(connection, table)).cloned() else { continue };
            for generator in self.graph.parents.get(&id).cloned().unwrap_or_default() {
                if generator.kind == NodeKind::Generator {
                    self.connect(&generator, &writer, None);
                }
            }
            self.connect(&writer, &id, Some(span));
        }
    }

    fn writer(
        &mut self,
        writers: &mut BTreeMap<(Name, Name), (NodeId, Span)>,
        place: (Name, Name),
        id: NodeId,
        span: Span,
    ) {
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
