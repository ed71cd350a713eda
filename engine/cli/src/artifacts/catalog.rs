//! `catalog.json`: tables and their columns.

use super::metadata;
use engine_language::{
    graph::{NodeId, NodeKind},
    table::TableDefinition,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The whole file, from what is known of each node's table.
pub fn catalog(tables: &BTreeMap<NodeId, TableDefinition>, run: &str, at_us: i64) -> Value {
    let of = |source: bool| -> Map<String, Value> {
        let tables = tables.iter().filter(|(id, _)| (id.kind == NodeKind::Source) == source);
        tables.map(|(id, table)| (id.to_string(), described(id, table))).collect()
    };
    json!({ "metadata": metadata("catalog", run, at_us), "nodes": of(false), "sources": of(true) })
}

fn described(id: &NodeId, table: &TableDefinition) -> Value {
    let columns = table.columns.iter().enumerate().map(|(i, column)| {
        let described = json!({
            "name": column.name,
            "type": column.kind.to_string(),
            "index": i + 1,
            "nullable": column.nullable,
        });
        (column.name.clone(), described)
    });
    json!({
        "unique_id": id.to_string(),
        "metadata": { "type": "table", "name": id.name.as_str() },
        "columns": columns.collect::<Map<_, _>>(),
        "key": table.key,
    })
}
