//! The project's connections, opened as far as that needs no I/O.

use engine_connect::{connector::Connection, registry::Registry};
use engine_language::{
    diagnostic::{Problems, Severity},
    name::Name,
    project::Project,
};
use std::{collections::BTreeMap, path::Path, sync::Arc};

/// Connections by name.
pub type Connections = BTreeMap<Name, Arc<dyn Connection>>;

/// Makes every connection of the chosen target; what is wrong with their tables is added to the problems.
pub fn connect(project: &Project, root: &Path, problems: &mut Problems) -> Connections {
    let registry = Registry::builtin();
    let connect = |(name, declared): (&Name, _)| {
        let connection = registry.connect(declared, root, problems)?;
        Some((name.clone(), connection))
    };
    let connections = project.connections.iter().filter_map(connect).collect();
    problems.sort(&project.files);
    connections
}

/// Whether any problem is more than a warning.
pub fn broken(problems: &Problems) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}
