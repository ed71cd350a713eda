//! Loading: from the user's files to a project.

mod builder;
mod query;
mod read_files;

use crate::{
    check,
    config::{self, Config, Overrides},
    diagnostic::Problems,
    files::Files,
    graph::Graph,
    id::TableId,
    name::Name,
    project::Project,
    resolve,
    table::TableDefinition,
    template::{RunInfo, TemplateEnv, Templates},
    world::World,
};
use builder::Builder;
use read_files::FileReader;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What loading depends on besides the files.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// `-t`; `None` is `default_target`, else the only target there is.
    pub target: Option<Name>,
    /// `--var name=value`, as typed.
    pub vars: BTreeMap<String, String>,
    /// What `run` is in templates.
    pub run: RunInfo,
    /// Definitions found by asking the systems; they win over `schema.lock`.
    pub discovered: BTreeMap<TableId, TableDefinition>,
}

impl LoadOptions {
    fn overrides(&self) -> Overrides<'_> {
        Overrides { target: self.target.as_ref(), vars: &self.vars, tables: &self.discovered }
    }
}

/// Understands a project. Never fails: what could not be understood is missing from the project and has a diagnostic.
pub fn load(world: &dyn World, options: &LoadOptions) -> (Project, Problems) {
    let mut files = Files::default();
    let mut problems = Problems::default();
    let mut config = config::read(world, &mut files, &mut problems, options.overrides());
    let mut reader = FileReader::new(world, &mut files, &mut problems);
    let models = reader.read_all("project/models", "sql");
    let macros = reader.read_all("project/macros", "sql");
    let seeds = reader.read_all("project/seeds", "csv");
    let tests = reader.read_all("project/tests", "sql");
    let FileReader { refused, unreadable, .. } = reader;
    let facts = std::mem::take(&mut config.seeds);
    let mut project = configured(config, files);
    project.unreadable.extend(unreadable);
    let mut builder = Builder { project: &mut project, problems, options };
    builder.seeds(&seeds, facts);
    builder.templates(&models, &macros, &refused);
    builder.environment(world, models.iter().chain(&tests));
    builder.models(&models);
    builder.tests(&tests);
    let mut problems = builder.problems;
    let (graph, complaints) = resolve::build(&project);
    project.graph = graph;
    problems.extend(complaints);
    problems.extend(check::check(&project));
    problems.drop_consequences();
    problems.sort(&project.files);
    (project, problems)
}

/// The project as far as its TOML files say.
fn configured(config: Config, files: Files) -> Project {
    Project {
        target: config.target,
        targets: config.targets,
        files,
        vars: Arc::new(config.settings.vars.clone()),
        settings: config.settings,
        connections: config.connections,
        sources: config.sources,
        sinks: config.sinks,
        replications: config.replications,
        generators: config.generators,
        schedules: config.schedules,
        models: BTreeMap::new(),
        seeds: BTreeMap::new(),
        singular_tests: BTreeMap::new(),
        unit_tests: config.unit_tests,
        templates: Templates::default(),
        tables: config.tables,
        graph: Graph::default(),
        disabled: BTreeSet::new(),
        unreadable: config.unreadable,
        env: config.env,
        template_env: TemplateEnv::default(),
    }
}
