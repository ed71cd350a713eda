//! Why a snapshot differs: which files say something else than when its rows were last as recorded.

use crate::{
    artifacts,
    context::Context,
    exit_status::{CliError, Result},
};
use engine_language::{
    files::FileId,
    graph::{NodeId, NodeKind},
    project::Project,
};
use engine_run::{
    redact::Mask,
    test::{TestKind, TestReport, TestStatus},
};
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// Below `.engine`: the files as they were when the snapshots that depend on them last passed.
const FILE: &str = "passed.json";
/// Larger files are remembered by their digest alone.
const MOST_BYTES: usize = 64 << 10;

/// The project's files as they were when the snapshots that depend on them last passed.
pub struct Passed {
    files: BTreeMap<String, String>,
}

impl Passed {
    /// What earlier tests left; nothing, if that cannot be read.
    pub fn read(context: &Context) -> Self {
        let text = fs::read_to_string(context.root.join(".engine").join(FILE)).unwrap_or_default();
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let files = value["files"].as_object().into_iter().flatten();
        let files = files.filter_map(|(path, text)| Some((path.clone(), text.as_str()?.to_owned())));
        Self { files: files.collect() }
    }

    /// `project/models/x.sql changed (line 11)`, for each file behind a model's rows that did.
    pub fn causes(&self, context: &Context, project: &Project, model: &str) -> Vec<String> {
        let changed = |file: &FileId| {
            let path = project.files.path(*file);
            let before = self.files.get(path.to_str()?)?;
            let now = kept(project.files.text(*file));
            let at = line(before, &now).map_or(String::new(), |line| format!(" (line {line})"));
            (*before != now).then(|| format!("{} changed{at}", context.shown(path)))
        };
        behind(project, model).iter().filter_map(changed).collect()
    }

    /// Takes the files behind snapshots that passed, unless a snapshot that failed depends on them too.
    pub fn remember(mut self, context: &Context, project: &Project, report: &TestReport) -> Result<()> {
        let snapshots = |failed: bool| -> BTreeSet<FileId> {
            let of = report.results.iter().filter(|result| result.kind == TestKind::Snapshot);
            let of = of.filter(|result| match result.status {
                TestStatus::Passed | TestStatus::Recorded => !failed,
                TestStatus::Failed => failed,
                TestStatus::Warned | TestStatus::Skipped => false,
            });
            of.flat_map(|result| behind(project, &result.name)).collect()
        };
        let before = self.files.clone();
        for file in snapshots(false).difference(&snapshots(true)) {
            let path = project.files.path(*file).to_string_lossy().into_owned();
            self.files.insert(path, kept(project.files.text(*file)));
        }
        let here: BTreeSet<String> = project.files.iter().map(|(_, path)| path.to_string_lossy().into()).collect();
        self.files.retain(|path, _| here.contains(path));
        if self.files == before {
            return Ok(());
        }
        artifacts::write(&context.made()?, FILE, json!({ "files": self.files }), &Mask::default()).map_err(|stop| {
            match stop {
                CliError::Io { source, .. } => CliError::Io { doing: format!("writing `.engine/{FILE}`"), source },
                other => other,
            }
        })
    }
}

/// The files that a model's rows on generated data come from.
fn behind(project: &Project, model: &str) -> BTreeSet<FileId> {
    let node = NodeId::Model(model.into());
    let mut nodes = project.graph.ancestors(&node);
    nodes.insert(node);
    let mut files: BTreeSet<FileId> = nodes
        .iter()
        .filter_map(|node| match node.kind() {
            NodeKind::Model => project.model(node).map(|model| model.file),
            NodeKind::Seed => project.seed(node).map(|seed| seed.file),
            NodeKind::Generator => project.generator(node).map(|generator| generator.name.span.file),
            NodeKind::Source | NodeKind::Copy | NodeKind::Test => None,
        })
        .collect();
    let texts: Vec<&str> = files.iter().map(|file| &**project.files.text(*file)).collect();
    let macros = project.files.iter().filter(|(_, path)| path.starts_with("project/macros"));
    let used = macros.map(|(file, _)| file).filter(|file| {
        macro_names(project.files.text(*file)).iter().any(|name| texts.iter().any(|text| text.contains(name)))
    });
    let used: Vec<FileId> = used.collect();
    files.extend(used);
    files
}

/// The names that a file of macros gives.
fn macro_names(text: &str) -> Vec<&str> {
    let after = text.split("{%").filter_map(|tag| tag.trim_start_matches('-').trim_start().strip_prefix("macro "));
    after.filter_map(|rest| rest.trim_start().split('(').next()).filter(|name| !name.is_empty()).collect()
}

/// The text, or its digest if it is large.
fn kept(text: &str) -> String {
    if text.len() <= MOST_BYTES { text.to_owned() } else { blake3::hash(text.as_bytes()).to_hex().to_string() }
}

/// The first line that is new, or that stands where some went.
fn line(before: &str, now: &str) -> Option<usize> {
    let diff = TextDiff::from_lines(before, now);
    let mut at = 0;
    let mut went = None;
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => at += 1,
            ChangeTag::Insert => return Some(at + 1),
            ChangeTag::Delete => went = went.or(Some(at + 1)),
        }
    }
    went
}

#[cfg(test)]
mod tests {
    use super::{line, macro_names};

    #[test]
    fn the_line_that_changed() {
        assert_eq!(line("a\nb\nc\n", "a\nx\nc\n"), Some(2));
        assert_eq!(line("a\nb\nc\n", "a\nb\nc\nd\n"), Some(4));
        assert_eq!(line("a\nb\nc\n", "a\nc\n"), Some(2));
        assert_eq!(line("a\n", "a\n"), None);
    }

    #[test]
    fn names_of_macros() {
        let text = "{% macro one() %}1{% endmacro %}\n{%- macro two(a, b) -%}2{% endmacro %}";
        assert_eq!(macro_names(text), ["one", "two"]);
    }
}
