//! A model's text beside what it renders to, and how its snapshot differs.

use engine_language::graph::{NodeId, NodeKind};
use engine_run::{redact::Mask, service::Reading, test::snapshot};
use schemars::JsonSchema;
use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use std::{fs, path::Path};

/// More of a snapshot is not shown.
const LIMIT_BYTES: u64 = 1 << 20;

/// Text and SQL.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Code {
    /// As somebody wrote it.
    pub template: String,
    /// As it runs, without what came from the environment.
    pub sql: String,
}

/// Of a model or test.
pub fn of(reading: &Reading, id: &NodeId, mask: &Mask) -> Option<Code> {
    let project = &reading.project;
    let (file, rendered) = match id.kind() {
        NodeKind::Model => project.model(id).map(|model| (model.file, &model.rendered))?,
        NodeKind::Test => {
            let test = project.singular_test(id)?;
            (project.graph.nodes.get(id)?.span?.file, &test.rendered)
        }
        _ => return None,
    };
    Some(Code { template: project.files.text(file).to_string(), sql: mask.sql(rendered).trim().to_owned() })
}

/// The recorded snapshot, line by line; `+` and `-` where `engine test` found something else.
pub fn snapshot(root: &Path, name: &str) -> Option<Vec<(char, String)>> {
    let path = snapshot::path(root, name);
    let recorded = read(&path)?;
    let mut pending = path.into_os_string();
    pending.push(".new");
    let Some(now) = read(Path::new(&pending)) else {
        return Some(recorded.lines().map(|line| (' ', line.to_owned())).collect());
    };
    let (recorded, now) = (body(&recorded), body(&now));
    let diff = TextDiff::from_lines(recorded, now);
    let lines = diff.iter_all_changes().map(|change| {
        let sign = match change.tag() {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        (sign, change.value().trim_end_matches('\n').to_owned())
    });
    Some(lines.collect())
}

fn read(path: &Path) -> Option<String> {
    let size = fs::metadata(path).ok()?.len();
    if size > LIMIT_BYTES { None } else { fs::read_to_string(path).ok() }
}

/// What stands behind the front matter.
fn body(text: &str) -> &str {
    text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map_or(text, |(_, body)| body)
}
