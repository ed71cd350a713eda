//! Rules over the whole project that need no data: what tests, schedules and checks name must be there.

mod expressions;
mod schedules;
mod unbuilt;
mod unit_tests;

use crate::{diagnostic::Diagnostic, project::Project};

/// What is wrong between the parts of a project that are good by themselves.
pub(crate) fn check(project: &Project) -> Vec<Diagnostic> {
    [expressions::check, schedules::check, unbuilt::check, unit_tests::check]
        .iter()
        .flat_map(|rule| rule(project))
        .collect()
}
