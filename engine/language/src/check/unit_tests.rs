//! Unit tests test a model of the project, and give rows of what it reads.

use crate::{
    code,
    config::{toml::Spanned, unit_test::UnitTest},
    diagnostic::Diagnostic,
    id::NodeId,
    model::Model,
    name::{Name, nearest},
    project::Project,
};

/// Complains of unit tests whose model or inputs are not there.
pub(super) fn check(project: &Project) -> Vec<Diagnostic> {
    project.unit_tests.iter().flat_map(|test| one(project, test)).collect()
}

fn one(project: &Project, test: &UnitTest) -> Vec<Diagnostic> {
    let Some(model) = project.models.get(&test.model.value) else {
        return if project.unreadable.contains(&test.model.value) {
            vec![]
        } else {
            vec![no_model(project, &test.model)]
        };
    };
    let given = test.steps.iter().flat_map(|step| &step.given);
    given
        .filter(|(input, _)| !reads(model, input))
        .map(|(input, rows)| {
            let message = format!("`{}` does not read `{input}`", model.name);
            let known: Vec<_> = model.rendered.reads.iter().map(|read| read.name()).collect();
            let diagnostic = Diagnostic::error(&code::E0436, rows.span, message);
            match nearest(input, &known) {
                Some(near) => diagnostic.hint(format!("a similar name is `{near}`")),
                None if known.is_empty() => diagnostic.hint("it reads nothing"),
                None => diagnostic.hint(format!("it reads {}", known.join(", "))),
            }
        })
        .collect()
}

fn reads(model: &Model, input: &str) -> bool {
    NodeId::named(input).any(|id| model.rendered.reads.iter().any(|read| read.value == id))
}

fn no_model(project: &Project, name: &Spanned<Name>) -> Diagnostic {
    let diagnostic = Diagnostic::error(&code::E0435, name.span, format!("there is no model `{}` to test", name.value));
    match nearest(name.as_str(), project.models.keys().map(Name::as_str)) {
        Some(near) => diagnostic.fix("a model with a similar name exists", name.span, format!("\"{near}\"")),
        None => diagnostic.hint("`engine ls` shows the models"),
    }
}
