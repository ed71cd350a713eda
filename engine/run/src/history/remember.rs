//! What is written down after a run, and what a run left undone.

use super::{History, RunRequest};
use crate::{
    error::Result,
    report::{Report, Status},
    sql::Schemas,
};
use datafusion::arrow::datatypes::{Field, SchemaRef};
use engine_connect::arrow::types;
use engine_language::project::Project;
use std::collections::BTreeSet;

/// Keeps the columns of what was made, and forgets what is no longer in the project.
pub fn remember(project: &Project, schemas: &Schemas, history: &History, report: &Report) -> Result<()> {
    let target = project.target.as_str();
    for node in report.nodes.iter().filter(|node| node.status == Status::Succeeded) {
        let columns = schemas.get(&node.node).map(columns);
        history.remember_columns(target, &node.node, columns.as_deref())?;
    }
    for name in removed(project, history)? {
        history.forget(target, &name)?;
    }
    Ok(())
}

/// Nodes that were made in the project's target and are no longer in the project.
pub fn removed(project: &Project, history: &History) -> Result<Vec<String>> {
    let here: BTreeSet<String> = project.graph.nodes.keys().map(ToString::to_string).collect();
    let mut remembered = history.remembered(project.target.as_str())?;
    remembered.retain(|name| !here.contains(name));
    Ok(remembered)
}

/// The nodes that were requested of a run and that it did not bring to a good end, by name.
pub fn left(history: &History, run: &str, request: &RunRequest) -> Result<Vec<String>> {
    let ended = history.nodes(run)?;
    let well = ended.iter().filter(|end| matches!(end.status.as_str(), "succeeded" | "reused"));
    let well: BTreeSet<&str> = well.map(|end| end.node.as_str()).collect();
    Ok(request.nodes.iter().filter(|node| !well.contains(node.as_str())).cloned().collect())
}

/// Columns by name, with their types in the user's words.
pub fn columns(schema: &SchemaRef) -> Vec<(String, String)> {
    schema.fields().iter().map(|field| (field.name().clone(), kind(field))).collect()
}

/// A type in the user's words; Arrow's where there is none.
pub fn kind(field: &Field) -> String {
    types::column(field).map_or_else(|| field.data_type().to_string(), |column| column.kind.to_string())
}
