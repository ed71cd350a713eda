//! The description of the API, made from the routes themselves.

use crate::web::{
    request::RequestContext,
    response,
    routes::{Needs, ROUTES, Route},
};
use axum::{http::StatusCode, response::Response};
use serde_json::{Map, Value, json};

/// The description.
pub async fn openapi(_: RequestContext) -> Response {
    response::json(StatusCode::OK, &described())
}

fn described() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES.iter().filter(|route| !route.says.is_empty()) {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[if route.posts { "post" } else { "get" }] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "engine", "version": env!("CARGO_PKG_VERSION"), "description":
            "Every page has the same as JSON under its path with `.json`. Times are microseconds since 1970 UTC." },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "a key that an admin makes at /users" },
                "session": { "type": "apiKey", "in": "cookie", "name": "engine", "description":
                    "of a browser; changes need the header `X-CSRF-Token` and an `Origin` of this service" },
            },
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let api = route.path.starts_with("/api/");
    let role = match route.needs {
        Needs::Anything | Needs::Nobody => None,
        Needs::Role(role) => Some(role.word()),
    };
    let name = route.path.trim_start_matches("/api/v1").replace(['/', '{', '}', '.'], " ");
    let id: Vec<&str> = name.split_whitespace().collect();
    let verb = if route.posts { "post" } else { "get" };
    let mut operation = json!({
        "operationId": format!("{}{verb}_{}", if api { "" } else { "page_" }, id.join("_")),
        "summary": route.says,
        "tags": [if api { "api" } else if route.posts { "forms" } else { "pages" }],
        "parameters": parameters(route),
        "responses": {
            "default": { "description": "what went wrong",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } },
            "2XX": { "description": "done" },
        },
        "x-role": role,
        "security": if role.is_some() { json!([{ "key": [] }, { "session": [] }]) } else { json!([]) },
    });
    if let Some(schema) = body(route.path).filter(|_| route.posts) {
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        operation["requestBody"] = json!({ "content": { "application/json": { "schema": schema } } });
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let query: &[&str] = match route.path {
        "/api/v1/runs" | "/runs" if !route.posts => &["state", "schedule", "before", "limit"],
        "/api/v1/runs/{id}/log" | "/runs/{id}/log" => &["after"],
        "/models" => &["q", "kind"],
        "/graph" | "/graph/{file}" => &["select"],
        "/grid" => &["schedule"],
        _ => &[],
    };
    all.extend(query.iter().map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } })));
    all
}

/// What a machine sends there.
fn body(path: &str) -> Option<&'static str> {
    match path {
        "/api/v1/runs" => Some("Run"),
        "/api/v1/schedules/{name}/backfill" => Some("Range"),
        _ => None,
    }
}

fn schemas() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "Error": { "type": "object", "properties": { "error": text }, "required": ["error"] },
        "Run": { "type": "object", "additionalProperties": false, "properties": {
            "schedule": { "type": "string", "description": "a schedule; without it, nodes" },
            "select": { "type": "array", "items": text, "description": "nodes, in selection syntax; empty is everything" },
            "vars": { "type": "object", "additionalProperties": text },
            "full_refresh": { "type": "boolean" },
        } },
        "Range": { "type": "object", "additionalProperties": false, "required": ["from", "to"], "properties": {
            "from": { "type": "string", "description": "2026-01-31 or 2026-01-31T06:30:00Z" },
            "to": { "type": "string" },
        } },
    })
}

#[cfg(test)]
mod tests {
    use super::described;
    use std::collections::BTreeSet;

    #[test]
    fn the_description_is_whole() {
        let value = described();
        let paths = value["paths"].as_object().unwrap();
        assert!(paths.len() > 40);
        let mut ids = BTreeSet::new();
        for (path, operations) in paths {
            for (_, operation) in operations.as_object().unwrap() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path} twice");
                let in_path = path.matches('{').count();
                let told = operation["parameters"].as_array().unwrap().iter().filter(|p| p["in"] == "path").count();
                assert_eq!(told, in_path, "{path}");
            }
        }
    }
}
