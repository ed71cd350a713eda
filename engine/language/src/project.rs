//! A project as it was understood.

use crate::{
    config::{
        connection::Connection, env::Env, generator::Generator, replication::Replication, schedule::Schedule,
        seed::Seed, settings::Settings, sink::Sink, source::Source, toml::Value, unit_test::UnitTest,
    },
    diagnostic::Diagnostic,
    files::{FileId, Files},
    graph::Graph,
    id::{NodeId, TableId},
    model::{Model, SingularTest},
    name::Name,
    table::TableDefinition,
    template::{self, Outcome, RenderContext, RunInfo, TemplateEnv, Templates},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Everything that the user's files say, for one target. What could not be understood is missing here and has a diagnostic.
#[derive(Clone, Debug)]
pub struct Project {
    /// The target that connections were resolved for.
    pub target: Name,
    /// Every target that some connection names, sorted.
    pub targets: Vec<Name>,
    /// The text of every file read.
    pub files: Files,
    /// Settings of the whole project.
    pub settings: Settings,
    /// Connections in the chosen target.
    pub connections: BTreeMap<Name, Connection>,
    /// What SQL may read.
    pub sources: BTreeMap<Name, Source>,
    /// Where results may be written.
    pub sinks: BTreeMap<Name, Sink>,
    /// Copies of tables.
    pub replications: BTreeMap<Name, Replication>,
    /// Synthetic data.
    pub generators: BTreeMap<Name, Generator>,
    /// What runs when.
    pub schedules: BTreeMap<Name, Schedule>,
    /// Models, rendered once with `is_incremental()` false.
    pub models: BTreeMap<Name, Model>,
    /// Small tables kept with the code.
    pub seeds: BTreeMap<Name, Seed>,
    /// SQL that must return no rows.
    pub singular_tests: BTreeMap<Name, SingularTest>,
    /// Given rows, expected rows.
    pub unit_tests: Vec<UnitTest>,
    /// Macros and what else templates share.
    pub templates: Templates,
    /// Definitions of source tables: from `schema.lock`, from discovery, from declared columns and from
    /// generators.
    pub tables: BTreeMap<TableId, TableDefinition>,
    /// What depends on what.
    pub graph: Graph,
    /// Models with `enabled = false`, which are not in the project.
    pub disabled: BTreeSet<Name>,
    /// What was declared or is a file, and could not be understood; complaints about what reads them would only repeat that.
    pub unreadable: BTreeSet<Name>,
    /// Values for `var()`: `[vars]` with the command line's on top.
    pub vars: Arc<BTreeMap<String, Value>>,
    /// The environment as the project sees it. Secrets may be among it; never print it.
    pub env: Env,
    /// Values of the variables that templates ask for by `env_var('NAME')`. Never print them.
    pub template_env: TemplateEnv,
}

impl Project {
    /// The model that a node stands for.
    pub fn model(&self, node: &NodeId) -> Option<&Model> {
        self.models.get(node.model()?)
    }

    /// The seed that a node stands for.
    pub fn seed(&self, node: &NodeId) -> Option<&Seed> {
        if let NodeId::Seed(name) = node { self.seeds.get(name) } else { None }
    }

    /// The generator that a node stands for.
    pub fn generator(&self, node: &NodeId) -> Option<&Generator> {
        if let NodeId::Generator(name) = node { self.generators.get(name) } else { None }
    }

    /// The singular test that a node stands for.
    pub fn singular_test(&self, node: &NodeId) -> Option<&SingularTest> {
        if let NodeId::Test(name) = node { self.singular_tests.get(name) } else { None }
    }

    /// The replication that copies a node.
    pub fn replication(&self, node: &NodeId) -> Option<&Replication> {
        self.replications.get(node.copied()?.0)
    }

    /// Renders a model again, as a run needs it: with the run's own `run`, and `is_incremental()` as the target stands.
    pub fn render(&self, model: &Model, run: &RunInfo, incremental: bool) -> Result<Outcome, Diagnostic> {
        self.render_text(model.file, Some(&model.name), run, incremental)
    }

    /// Renders any file of the project.
    pub fn render_text(
        &self,
        file: FileId,
        this: Option<&Name>,
        run: &RunInfo,
        incremental: bool,
    ) -> Result<Outcome, Diagnostic> {
        self.render_in(file, &RenderContext { this: this.cloned(), ..self.context(run, incremental) })
    }

    /// What templates of this project may ask of the outside; a unit test puts its own `vars` in.
    pub fn context(&self, run: &RunInfo, incremental: bool) -> RenderContext {
        RenderContext {
            incremental,
            run: run.clone(),
            vars: self.vars.clone(),
            env: self.template_env.clone(),
            this: None,
        }
    }

    /// Renders any file of the project in a context of the caller's own.
    pub fn render_in(&self, file: FileId, context: &RenderContext) -> Result<Outcome, Diagnostic> {
        let source = template::Source { file, path: self.files.path(file), text: self.files.text(file) };
        template::render(&self.templates, source, context)
    }
}
