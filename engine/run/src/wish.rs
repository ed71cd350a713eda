//! How a run is wanted; and what is written down before and after it.

use crate::{
    analyze::Schemas,
    error::Result,
    history::{Asked, History},
    plan::{self, Action, Plan, Step, Why},
    report::{Report, Status},
    runner::RunnerOptions,
};
use datafusion::arrow::datatypes::{Field, SchemaRef};
use engine_connect::{read::Start, types};
use engine_language::{graph::NodeId, project::Project};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// How a run is wanted.
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Make everything anew.
    pub full_refresh: bool,
    /// Generate again what is there already.
    pub regenerate: bool,
    /// Stop at the first failure.
    pub fail_fast: bool,
    /// Multiply the rows of generators.
    pub rows_scale: f64,
    /// Exactly so many rows of each generator.
    pub rows: Option<u64>,
    /// Where streams begin, instead of where they stand.
    pub from: Option<Start>,
    /// Streams go on until they are stopped.
    pub forever: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            full_refresh: false,
            regenerate: false,
            fail_fast: false,
            rows_scale: 1.0,
            rows: None,
            from: None,
            forever: false,
        }
    }
}

impl Wish {
    /// How the runner is to do it.
    pub fn options(self, root: &Path) -> RunnerOptions {
        RunnerOptions {
            full_refresh: self.full_refresh,
            regenerate: self.regenerate,
            rows_scale: self.rows_scale,
            fail_fast: self.fail_fast,
            from: self.from,
            forever: self.forever,
            ..RunnerOptions::new(root)
        }
    }

    /// What would be done, and why.
    pub fn plan(self, project: &Project, history: &History, nodes: &BTreeSet<NodeId>) -> Plan {
        let target = project.target.as_str();
        let mut plan = plan::plan(project, nodes, &|node| history.built(target, node).ok().flatten());
        if !self.regenerate && !self.full_refresh {
            // What was generated is the user's, and is kept even if the settings changed.
            let kept = |step: &&mut Step| step.action == Action::Generate && step.why == Why::Changed;
            plan.steps.iter_mut().filter(kept).for_each(|step| step.why = Why::Unchanged);
        }
        if self.full_refresh {
            plan.steps.iter_mut().filter(|step| step.why != Why::New).for_each(|step| step.why = Why::Asked);
        }
        plan
    }

    /// What is needed to ask for the same again.
    pub fn asked(self, project: &Project, vars: BTreeMap<String, String>, plan: &Plan) -> Asked {
        Asked {
            target: project.target.as_str().to_owned(),
            vars,
            rows_scale: self.rows_scale,
            rows: self.rows,
            full_refresh: self.full_refresh,
            regenerate: self.regenerate,
            nodes: plan.steps.iter().flat_map(|step| &step.nodes).map(ToString::to_string).collect(),
        }
    }
}

/// Keeps the columns of what was made, and forgets what is no longer in the project.
pub fn remember(project: &Project, schemas: &Schemas, history: &History, report: &Report) -> Result<()> {
    let target = project.target.as_str();
    for node in report.nodes.iter().filter(|node| node.status == Status::Succeeded) {
        let columns = schemas.get(&node.node).map(columns);
        history.remember_columns(target, &node.node, columns.as_deref())?;
    }
    for name in gone(project, history)? {
        history.forget(target, &name)?;
    }
    Ok(())
}

/// Nodes that were made in the project's target and are no longer in the project.
pub fn gone(project: &Project, history: &History) -> Result<Vec<String>> {
    let here: BTreeSet<String> = project.graph.nodes.keys().map(ToString::to_string).collect();
    let mut remembered = history.remembered(project.target.as_str())?;
    remembered.retain(|name| !here.contains(name));
    Ok(remembered)
}

/// The nodes that a run was asked for and did not bring to a good end, by name.
pub fn left(history: &History, run: &str, asked: &Asked) -> Result<Vec<String>> {
    let ended = history.nodes(run)?;
    let good = |node: &&String| {
        !ended.iter().any(|end| end.node == **node && matches!(end.status.as_str(), "succeeded" | "reused"))
    };
    Ok(asked.nodes.iter().filter(good).cloned().collect())
}

/// Columns by name, with their types in the user's words.
pub fn columns(schema: &SchemaRef) -> Vec<(String, String)> {
    schema.fields().iter().map(|field| (field.name().clone(), kind(field))).collect()
}

/// A type in the user's words; Arrow's where there is none.
pub fn kind(field: &Field) -> String {
    types::column(field).map_or_else(|| field.data_type().to_string(), |column| column.kind.to_string())
}
