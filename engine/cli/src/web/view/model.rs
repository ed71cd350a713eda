//! One node: what it is, its rows, its SQL, what it reads and who reads it, its runs, its snapshot.

use super::{
    Data,
    check::{self, Check},
    code::{self, Code},
    lineage::{self, Lineage},
    node, node_link,
    profile::Version,
    rows::{self, Rows},
    run::{self, NodeResult},
};
use crate::web::{
    format::{self, Square},
    http_error::HttpError,
};
use engine_language::{
    graph::{NodeId, NodeKind},
    model::Model,
};
use engine_run::{check::name, history::columns, location, service::Reading, test::snapshot};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::runtime::Handle;

/// Runs that are shown.
const RUNS: u32 = 50;
/// What a system outside holds is looked at again after so long.
const MINUTE_US: i64 = 60_000_000;

const TABS: [(&str, &str); 6] = [
    ("overview", "Overview"),
    ("data", "Data"),
    ("sql", "SQL"),
    ("lineage", "Lineage"),
    ("runs", "Runs"),
    ("snapshot", "Snapshot"),
];

/// One node.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Node {
    /// When this was made, in microseconds since 1970 UTC.
    pub now_us: i64,
    /// Its kind and name: `model.mart_average_check`.
    pub unique_id: String,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Its kind, as dbt's artifacts call it.
    pub resource_type: &'static str,
    /// Where its page is.
    pub url: String,
    /// What it is, as far as somebody wrote that down.
    pub description: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its file.
    pub path: Option<String>,
    /// How a model is materialized.
    pub materialized: Option<&'static str>,
    /// What it reads.
    pub depends_on: Vec<String>,
    /// What is worth knowing, in a few words each.
    pub facts: Vec<(&'static str, String)>,
    /// How it ended the last time, or `running`.
    pub state: Option<String>,
    /// When that was.
    pub last_us: Option<i64>,
    /// Its last runs, oldest first.
    #[serde(skip)]
    pub squares: Vec<Square>,
    /// The parts that there are: the word in the address, and the word for people.
    #[serde(skip)]
    pub tabs: Vec<(&'static str, &'static str)>,
    /// The part that is shown.
    pub tab: String,
    /// Whether running it does something.
    pub runs_by_hand: bool,
    /// Its columns and their types, as far as they are known.
    pub columns: Vec<(String, String)>,
    /// How its checks went.
    pub checks: Vec<Check>,
    /// Checks that are declared and have not run.
    pub not_run: Vec<String>,
    /// Its runs, newest first.
    pub runs: Vec<NodeResult>,
    /// Some of its rows, in the part `data`.
    pub data: Option<Rows>,
    /// What it says, in the part `sql`.
    pub code: Option<Code>,
    /// What is around it, in the part `lineage`.
    pub lineage: Option<Lineage>,
    /// Its snapshot line by line, in the part `snapshot`; `+` and `-` where `engine test` found something else.
    pub snapshot: Option<Vec<(char, String)>>,
    /// Whether the snapshot is not what `engine test` found the last time.
    pub differs: bool,
}

/// A node by its name, with one of its parts.
pub fn model(data: &Data, name: &str, tab: &str, runtime: &Handle) -> Result<Node, HttpError> {
    let reading = data.service.reading();
    let (project, mask) = (&reading.project, &reading.mask);
    let unknown = || HttpError::not_found(format!("there is nothing called `{name}` in the project"));
    let id = node_link::find(project, name).ok_or_else(unknown)?;
    let model = project.model(&id);
    let tab = TABS.iter().find(|(known, _)| *known == tab).map_or("overview", |(known, _)| known);
    let runs = data.records.runs_of_node(&id.to_string(), RUNS)?;
    let last = runs.iter().find(|run| run.status != "skipped");
    let node = project.graph.nodes.get(&id);
    let checks = check::last(data, &reading, Some(&id))?;
    let snapshot = if tab == "snapshot" { code::snapshot(&data.root, &id.name()) } else { None };
    let running = node::working(data).contains(&id);
    let description = model.and_then(|model| model.config.description.as_deref());
    Ok(Node {
        now_us: data.service.now_us(),
        unique_id: id.to_string(),
        name: id.name().into_owned(),
        kind: id.kind().word(),
        resource_type: id.kind().word(),
        url: node_link::url(project, &id),
        description: description.map(|text| mask.text(text)).unwrap_or_default(),
        tags: node.map(|node| node.tags.clone()).unwrap_or_default(),
        path: node.and_then(|node| node.path.as_ref().map(|path| format!("project/{path}"))),
        materialized: model.map(|model| model.config.materialized.word()),
        depends_on: project.graph.parents.get(&id).into_iter().flatten().map(ToString::to_string).collect(),
        facts: facts(&reading, &id, model),
        state: if running { Some("running".to_owned()) } else { last.map(|run| run.status.clone()) },
        last_us: last.and_then(|run| run.started_us),
        squares: node::squares(runs.get(..runs.len().min(format::SQUARES)).unwrap_or_default()),
        tabs: tabs(data, &reading, &id, model),
        tab: tab.to_owned(),
        runs_by_hand: id.kind() != NodeKind::Source,
        columns: reading.schemas.get(&id).map(columns).unwrap_or_default(),
        not_run: not_run(&reading, model, &checks),
        checks,
        data: if tab == "data" { Some(rows(data, &reading, &id, runtime)?) } else { None },
        code: if tab == "sql" { code::of(&reading, &id, mask) } else { None },
        lineage: (tab == "lineage").then(|| lineage::of(data, &reading, &id)),
        differs: snapshot.iter().flatten().any(|(sign, _)| *sign != ' '),
        snapshot,
        runs: runs.into_iter().map(|run| run::ended(&reading, run)).collect(),
    })
}

/// Rows and profile of a node.
fn rows(data: &Data, reading: &Reading, id: &NodeId, runtime: &Handle) -> Result<Rows, HttpError> {
    let built = data.records.built(reading.project.target.as_str(), id)?;
    let made_us = built.map_or(data.service.now_us() / MINUTE_US, |built| built.at_us);
    let version = Version { read_us: reading.read_us, made_us };
    let made = rows::of(reading, id, &reading.mask);
    Ok(runtime.block_on(data.profiles.of(&id.to_string(), version, made, |rows| rows.error.is_none())))
}

/// Checks that are declared and have not run.
fn not_run(reading: &Reading, model: Option<&Model>, checks: &[Check]) -> Vec<String> {
    let declared = model.iter().flat_map(|model| &model.config.checks);
    let declared = declared.map(|check| reading.mask.text(&name(&check.rule)));
    declared.filter(|name| checks.iter().all(|check| check.name != *name)).collect()
}

/// The parts that there are.
fn tabs(data: &Data, reading: &Reading, id: &NodeId, model: Option<&Model>) -> Vec<(&'static str, &'static str)> {
    let has_rows = location::of(&reading.project, id).is_some() || model.is_some();
    let has_code = model.is_some() || id.kind() == NodeKind::Test;
    let has_snapshot = snapshot::path(&data.root, &id.name()).is_file() && model.is_some();
    let there = |tab: &str| match tab {
        "data" => has_rows,
        "sql" => has_code,
        "snapshot" => has_snapshot,
        _ => true,
    };
    TABS.into_iter().filter(|(tab, _)| there(tab)).collect()
}

/// What is worth knowing, in a few words each.
fn facts(reading: &Reading, id: &NodeId, model: Option<&Model>) -> Vec<(&'static str, String)> {
    let mut facts = vec![];
    if let Some(model) = model {
        facts.push(("materialized", model.config.materialized.word().to_owned()));
        if !model.config.key.is_empty() {
            let key: Vec<String> = model.config.key.iter().map(|column| column.value.clone()).collect();
            facts.push(("key", key.join(", ")));
        }
    }
    if let Some(place) = location::of(&reading.project, id) {
        facts.push(("table", place.to_string()));
    }
    facts
}
