//! What the language promises and this version has not.

use crate::{
    code, config::replication::ReplicationMode, diagnostic::Diagnostic, model::Materialized, project::Project,
};

/// Complains of what a run would refuse.
pub(super) fn check(project: &Project) -> Vec<Diagnostic> {
    let histories = project.models.values().filter(|model| model.config.materialized == Materialized::History);
    let histories = histories.map(|model| {
        let problem =
            Diagnostic::error(&code::E0309, model.config.span, "`materialized = \"history\"` is not built yet");
        problem.hint("use `incremental` with a `key`")
    });
    let changes = project.replications.values().filter(|replication| replication.mode == ReplicationMode::Cdc);
    let changes = changes.map(|replication| {
        let problem = Diagnostic::error(&code::E0309, replication.name.span, "`mode = \"cdc\"` is not built yet");
        problem.hint("use `full` or `incremental`")
    });
    histories.chain(changes).collect()
}
