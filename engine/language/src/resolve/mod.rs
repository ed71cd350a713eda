//! Resolves what the project names: builds the graph, and complains of what is not there.

mod clashes;
mod known;
mod reads;
mod replications;
mod writers;

use crate::{
    config::{
        generator::{Generator, Maker, Rows},
        toml::Spanned,
    },
    diagnostic::Diagnostic,
    files::{FileId, Span},
    graph::{
        Graph, Node,
        cycle::{self, Places},
    },
    id::{NodeId, NodeKind},
    model::{Model, Rule},
    name::Name,
    project::Project,
    rendered::Rendered,
};
use known::Known;

/// The graph of a project, and what is wrong with its references.
pub(crate) fn build(project: &Project) -> (Graph, Vec<Diagnostic>) {
    let mut builder = Builder::new(project, Graph::default());
    builder.clashes();
    builder.nodes();
    project.replications.values().for_each(|replication| builder.replication(replication));
    builder.reads();
    project.models.values().for_each(|model| builder.relationships(model));
    project.generators.values().for_each(|generator| builder.generator(generator));
    builder.writers();
    let Builder { mut graph, places, mut problems, .. } = builder;
    problems.extend(cycle::open(&mut graph, &places));
    problems.extend(cycle::through_replications(&graph, &places));
    (graph, problems)
}

/// What is wrong with the references of a query that is not part of the project.
pub(crate) fn unknown_reads(project: &Project, rendered: &Rendered) -> Vec<Diagnostic> {
    let mut builder = Builder::new(project, project.graph.clone());
    for read in &rendered.reads {
        builder.resolve(read);
    }
    builder.problems
}

/// The graph as far as it is built.
struct Builder<'a> {
    project: &'a Project,
    known: Known,
    graph: Graph,
    places: Places,
    problems: Vec<Diagnostic>,
}

/// The first byte of a file.
fn start_of(file: FileId) -> Span {
    Span::new(file, 0..0)
}

impl<'a> Builder<'a> {
    fn new(project: &'a Project, graph: Graph) -> Self {
        Self { project, known: Known::of(project), graph, places: Places::new(), problems: vec![] }
    }

    fn path_of(&self, file: FileId) -> String {
        let path = self.project.files.path(file);
        path.strip_prefix("project").unwrap_or(path).to_string_lossy().replace('\\', "/")
    }

    fn nodes(&mut self) {
        let project = self.project;
        for (name, source) in &project.sources {
            for table in self.known.tables(name) {
                let span = source.tables.get(table).map_or(source.name.span, |declared| declared.name.span);
                self.graph.add(Node::new(NodeId::source(name.clone(), table.clone()), Some(span)));
            }
        }
        for (name, generator) in &project.generators {
            self.graph.add(Node::new(NodeId::Generator(name.clone()), Some(generator.name.span)));
        }
        for (name, seed) in &project.seeds {
            let path = Some(self.path_of(seed.file));
            self.graph.add(Node { path, ..Node::new(NodeId::Seed(name.clone()), Some(start_of(seed.file))) });
        }
        for (name, model) in &project.models {
            let path = Some(self.path_of(model.file));
            let tags = model.config.tags.clone();
            self.graph.add(Node { tags, path, ..Node::new(NodeId::Model(name.clone()), Some(model.config.span)) });
        }
        for (name, test) in &project.singular_tests {
            let path = Some(self.path_of(test.file));
            self.graph.add(Node { path, ..Node::new(NodeId::Test(name.clone()), Some(start_of(test.file))) });
        }
    }

    /// Says that `child` reads `parent`, and where that is written.
    pub fn connect(&mut self, parent: &NodeId, child: &NodeId, span: Option<Span>) {
        if let Some(span) = span {
            self.places.entry((child.clone(), parent.clone())).or_insert(span);
        }
        if parent != child || parent.model().is_some() {
            self.graph.connect(parent, child);
        }
    }

    fn reads(&mut self) {
        let project = self.project;
        let models = project.models.iter().map(|(name, model)| (NodeId::Model(name.clone()), &model.rendered));
        let tests = project.singular_tests.iter().map(|(name, test)| (NodeId::Test(name.clone()), &test.rendered));
        for (reader, rendered) in models.chain(tests) {
            for read in &rendered.reads {
                if let Some(parent) = self.resolve(read) {
                    self.connect(&parent, &reader, Some(read.span));
                }
            }
        }
    }

    /// A check that compares with another table has to wait for it.
    fn relationships(&mut self, model: &Model) {
        let child = NodeId::Model(model.name.clone());
        for check in &model.config.checks {
            let Rule::Relationships { to, .. } = &check.rule else { continue };
            let to = to.as_str();
            match self.graph.find_rows(to).or_else(|| self.undeclared(to)) {
                Some(parent) if parent == child => {}
                Some(parent) => self.connect(&parent, &child, Some(check.span)),
                None => self.unknown_ref(to, check.span),
            }
        }
    }

    /// A table of a source that may have more than is known; it becomes known by being read.
    fn undeclared(&mut self, name: &str) -> Option<NodeId> {
        let may_be = |id: &NodeId| id.source_table().is_some_and(|table| self.known.may_have(&table));
        let id = NodeId::named_of(NodeKind::Source, name).find(may_be)?;
        let source = &self.project.sources[&id.source_table()?.source];
        self.graph.add(Node::new(id.clone(), Some(source.name.span)));
        Some(id)
    }

    fn generator(&mut self, generator: &Generator) {
        let id = NodeId::Generator(generator.name.value.clone());
        if let Some(into) = generator.into.as_ref().filter(|into| self.project.sources.contains_key(&into.source)) {
            let table = into.table_id().node();
            self.connect(&id, &table, Some(into.span));
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
            let parent_id = NodeId::Generator(parent.value.clone());
            if parent_id != id && self.graph.nodes.contains_key(&parent_id) {
                self.connect(&parent_id, &id, Some(parent.span));
            }
        }
    }
}
