//! A project from a text, and who runs it.

use engine_language::{
    load::{LoadOptions, load},
    name::Name,
    project::Project,
    template::RunInfo,
    world::MemoryWorld,
};
use engine_run::{clock::SystemClock, history::History, runner::Runner};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Loads a project in which nothing is wrong.
pub fn project(fixture: &str) -> Project {
    load_for(fixture, None)
}

/// The same, for a target.
pub fn project_for(fixture: &str, target: &str) -> Project {
    load_for(fixture, Some(target.into()))
}

fn load_for(fixture: &str, target: Option<Name>) -> Project {
    let options = LoadOptions { target, vars: BTreeMap::new(), run: RunInfo::NONE, discovered: BTreeMap::new() };
    let (project, problems) = load(&MemoryWorld::fixture(fixture), &options);
    assert!(!problems.has_errors(), "{problems:?}");
    project
}

/// A runner as a new process would make it, with a history of its own.
pub fn runner(root: &Path, project: &Arc<Project>) -> Runner {
    std::fs::create_dir_all(root.join(".engine/tmp")).unwrap();
    let history = Arc::new(History::in_memory().unwrap());
    Runner::open(project.clone(), history, Arc::new(SystemClock), root).unwrap()
}
