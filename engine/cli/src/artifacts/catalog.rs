//! `catalog.json`: tables and their columns.

use super::metadata;
use datafusion::arrow::datatypes::SchemaRef;
use engine_language::graph::{NodeId, NodeKind};
use engine_run::{history::kind, sql::Schemas};
use serde_json::{Map, Value, json};

/// The whole file, from the columns of each node.
pub fn catalog(schemas: &Schemas, run: &str, at_us: i64) -> Value {
    let of = |source: bool| -> Map<String, Value> {
        let schemas = schemas.iter().filter(|(id, _)| (id.kind() == NodeKind::Source) == source);
        schemas.map(|(id, schema)| (id.to_string(), described(id, schema))).collect()
    };
    json!({ "metadata": metadata("catalog", run, at_us), "nodes": of(false), "sources": of(true) })
}

fn described(id: &NodeId, schema: &SchemaRef) -> Value {
    let columns = schema.fields().iter().enumerate().map(|(i, field)| {
        let described = json!({
            "name": field.name(),
            "type": kind(field),
            "index": i + 1,
            "nullable": field.is_nullable(),
        });
        (field.name().clone(), described)
    });
    json!({
        "unique_id": id.to_string(),
        "metadata": { "type": id.kind().word(), "name": id.name() },
        "columns": columns.collect::<Map<_, _>>(),
    })
}
