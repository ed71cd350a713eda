//! What schedules select must be there, and none may wait for itself.

use crate::{
    code, config::schedule::Schedule, config::schedule::Trigger, diagnostic::Diagnostic, name::Name, project::Project,
    select::select,
};

/// Complains of selections that name nothing, and of schedules that run after each other in a circle.
pub(super) fn check(project: &Project) -> Vec<Diagnostic> {
    let known = project.unreadable.is_empty();
    let selections = project.schedules.values().flat_map(|schedule| &schedule.select);
    let wrong = selections.filter(|_| known).filter_map(|selection| {
        let problem = select(project, &[selection.as_str()], &[]).err()?;
        Some(Diagnostic { span: Some(selection.span), ..problem })
    });
    wrong.chain(project.schedules.values().filter_map(|schedule| circle(project, schedule))).collect()
}

/// A circle that leads back to a schedule, said at the one whose name comes first in it.
fn circle(project: &Project, schedule: &Schedule) -> Option<Diagnostic> {
    let Trigger::After(first) = &schedule.trigger else { return None };
    let mut way: Vec<&Name> = vec![&schedule.name.value];
    let mut next = &first.value;
    while *next != schedule.name.value {
        if way.contains(&next) {
            return None;
        }
        way.push(next);
        match &project.schedules.get(next)?.trigger {
            Trigger::After(after) => next = &after.value,
            _ => return None,
        }
    }
    if way.iter().min() != way.first() {
        return None;
    }
    let way: Vec<&str> = way.iter().map(|name| name.as_str()).chain([schedule.name.as_str()]).collect();
    let message = format!("schedules wait for each other in a circle: {}", way.join(" after "));
    Some(Diagnostic::error(&code::E0010, first.span, message).hint("let one of them say `every` or `cron`"))
}
