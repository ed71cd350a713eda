//! What schedules select must be there.

use crate::{diagnostic::Diagnostic, project::Project, select::select};

/// Complains of selections that name nothing.
pub(super) fn check(project: &Project) -> Vec<Diagnostic> {
    let selections = project.schedules.values().flat_map(|schedule| &schedule.select);
    let wrong = selections.filter_map(|selection| {
        let problem = select(project, &[selection.as_str()], &[]).err()?;
        Some(Diagnostic { span: Some(selection.span), ..problem })
    });
    wrong.collect()
}
