//! What each node says: everything written in the project that decides its table, the data aside.
//!
//! Structures of the configuration are taken apart field by field without `..`, so that a new key cannot be forgotten: the
//! compiler asks whether it changes rows.

use super::settings::{self, Parts};
use crate::location;
use engine_language::{
    config::{
        replication::Replication,
        source::{Source, SourceTable},
    },
    id::NodeId,
    model::{Model, Rule, SingularTest},
    name::Name,
    project::Project,
    rendered::Rendered,
};
use std::collections::{BTreeMap, BTreeSet};

/// What one node says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// A digest of its SQL, its settings and policies, the declarations of what it reads, and engine's version.
    pub hash: String,
    /// Whether it says something else each time.
    pub volatile: bool,
    /// The stored tables that it reads: views are looked through.
    pub reads: BTreeSet<NodeId>,
    /// The stored tables that its checks read besides.
    pub check_reads: BTreeSet<NodeId>,
}

/// What all nodes of a project say.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    nodes: BTreeMap<NodeId, Definition>,
    none: Definition,
}

impl Definitions {
    /// Looks at each node once, each after what it reads.
    pub fn of(project: &Project) -> Self {
        let mut definitions = Self::default();
        let settings = settings::project(project);
        let connections = settings::connections(project);
        for node in project.graph.order() {
            let definition =
                Builder { project, settings: &settings, connections: &connections, known: &definitions }.define(&node);
            definitions.nodes.insert(node, definition);
        }
        definitions
    }

    /// What a node says; nothing, of one that is not in the project.
    pub fn get(&self, node: &NodeId) -> &Definition {
        self.nodes.get(node).unwrap_or(&self.none)
    }

    /// What a node reads that is stored: views are looked through.
    pub fn stored_parents(&self, project: &Project, node: &NodeId) -> BTreeSet<NodeId> {
        let mut found = BTreeSet::new();
        for parent in project.graph.parents.get(node).into_iter().flatten() {
            if location::is_view(project, parent) {
                found.extend(self.get(parent).reads.iter().cloned());
            } else {
                found.insert(parent.clone());
            }
        }
        found
    }
}

/// Defines one node, from what is known of those that it reads.
struct Builder<'a> {
    project: &'a Project,
    settings: &'a str,
    connections: &'a BTreeMap<Name, String>,
    known: &'a Definitions,
}

impl Builder<'_> {
    fn define(&self, node: &NodeId) -> Definition {
        let mut parts = Parts::new();
        parts.add(self.settings);
        let mut definition = Definition::default();
        match node {
            NodeId::Model(name) => {
                if let Some(model) = self.project.models.get(name) {
                    self.model(model, &mut parts, &mut definition);
                }
            }
            NodeId::Test(name) => {
                if let Some(test) = self.project.singular_tests.get(name) {
                    self.test(test, &mut parts, &mut definition);
                }
            }
            NodeId::Copy { replication, table } => {
                if let Some(replication) = self.project.replications.get(replication) {
                    self.copy(replication, table, &mut parts, &mut definition);
                }
            }
            NodeId::Seed(name) => {
                if let Some(seed) = self.project.seeds.get(name) {
                    parts.add(self.project.files.text(seed.file));
                    for (column, kind) in &seed.columns {
                        parts.add(column);
                        parts.add(&kind.value.to_string());
                    }
                }
            }
            NodeId::Generator(name) => {
                parts.add(self.project.generators.get(name).map_or("", |generator| &generator.fingerprint));
            }
            NodeId::Source { source, table } => {
                if let Some(source) = self.project.sources.get(source) {
                    declared(source, table, &mut parts);
                }
            }
        }
        if let Some(place) = location::of(self.project, node) {
            parts.add(place.table.as_str());
            self.connection(&place.connection, &mut parts);
        }
        definition.hash = parts.finish();
        definition
    }

    fn connection(&self, name: &Name, parts: &mut Parts) {
        parts.add(name.as_str());
        parts.add(self.connections.get(name).map_or("", String::as_str));
    }

    fn model(&self, model: &Model, parts: &mut Parts, definition: &mut Definition) {
        // The fingerprint covers `config()`, and the SQL of both renderings.
        let Model { name: _, file: _, config, rendered, incremental: _, fingerprint } = model;
        parts.add(&fingerprint.hash);
        definition.volatile = fingerprint.volatile;
        let this = NodeId::Model(model.name.clone());
        self.reads(&this, rendered, parts, definition);
        for check in &config.checks {
            if let Rule::Relationships { to, .. } = &check.rule
                && let Some(other) = self.checked(to.as_str()).filter(|other| *other != this)
            {
                let mut reads = Definition::default();
                self.read(&other, parts, &mut reads);
                definition.check_reads.extend(reads.reads);
            }
        }
    }

    /// The node that a check compares with.
    fn checked(&self, name: &str) -> Option<NodeId> {
        NodeId::named(name).find(|node| self.project.graph.nodes.contains_key(node))
    }

    fn test(&self, test: &SingularTest, parts: &mut Parts, definition: &mut Definition) {
        let SingularTest { name, file: _, severity, rendered, fingerprint } = test;
        parts.add(&fingerprint.hash);
        parts.add(&format!("{severity:?}"));
        definition.volatile = fingerprint.volatile;
        self.reads(&NodeId::Test(name.clone()), rendered, parts, definition);
    }

    fn reads(&self, this: &NodeId, rendered: &Rendered, parts: &mut Parts, definition: &mut Definition) {
        for read in rendered.reads.iter().map(|read| &read.value).filter(|read| *read != this) {
            self.read(read, parts, definition);
        }
    }

    /// A table that is read: a stored one by how it is declared, a view by all that it says.
    fn read(&self, read: &NodeId, parts: &mut Parts, definition: &mut Definition) {
        parts.add(&read.to_string());
        if location::is_view(self.project, read) {
            let view = self.known.get(read);
            parts.add(&view.hash);
            definition.volatile |= view.volatile;
            definition.reads.extend(view.reads.iter().cloned());
            return;
        }
        if matches!(read, NodeId::Source { .. }) {
            parts.add(&self.known.get(read).hash);
        }
        definition.reads.insert(read.clone());
    }

    fn copy(&self, replication: &Replication, table: &Name, parts: &mut Parts, definition: &mut Definition) {
        let Replication { name: _, from, to: _, tables: _, mode, cursor, overlap, verify, allow } = replication;
        parts.add(&format!("{mode:?} {overlap:?} {verify:?}"));
        parts.add(cursor.as_ref().map_or("", |cursor| cursor.as_str()));
        for code in allow {
            parts.add(code.id);
        }
        let source = NodeId::source(from.value.clone(), table.clone());
        self.read(&source, parts, definition);
    }
}

/// How a source's table is declared.
fn declared(source: &Source, table: &Name, parts: &mut Parts) {
    let Source { name: _, connection: _, tables } = source;
    let Some(declared) = tables.get(table) else { return };
    // What docs say, how old rows may be, how to create a topic and whether it may be missing change no row that is read.
    let SourceTable {
        name: _,
        identifier,
        description: _,
        key,
        freshness: _,
        format,
        columns,
        required,
        create: _,
        bad_rows,
        max_bad_share: _,
        path,
        optional: _,
    } = declared;
    parts.add(identifier.as_ref().map_or("", |name| name.as_str()));
    for column in key {
        parts.add(column);
    }
    parts.add(format.as_ref().map_or("", |format| format.as_str()));
    for (column, kind) in columns {
        parts.add(column);
        parts.add(&kind.value.to_string());
    }
    parts.add("required");
    for column in required {
        parts.add(column);
    }
    parts.add(&format!("{bad_rows:?}"));
    parts.add(path.as_ref().map_or("", |path| path.as_str()));
}
