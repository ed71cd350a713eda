//! The description of the API, made from the routes and the views themselves.

use crate::web::{
    request::RequestContext,
    response,
    route::{Needs, Route},
    view::{self, audit, check, error, graph, grid, home, job, model, node, run, schedule, session, source, user},
};
use axum::{http::StatusCode, response::Response};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The description.
pub async fn openapi(request: RequestContext) -> Response {
    response::json(StatusCode::OK, &described(&request.web.routes))
}

/// The description of some routes.
pub fn described(routes: &[Route]) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut schemas = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes.iter().filter(|route| !route.says.is_empty()) {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[if route.posts { "post" } else { "get" }] = operation(route, &mut schemas);
    }
    let definitions = schemas.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": { "title": "engine", "version": env!("CARGO_PKG_VERSION"), "description":
            "Every page has the same as JSON under its path with `.json`. Times are microseconds since 1970 UTC.",
            "x-view-version": view::VERSION },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "a key that an admin makes at /users" },
                "session": { "type": "apiKey", "in": "cookie", "name": "engine", "description":
                    "of a browser; changes need the header `X-CSRF-Token` and an `Origin` of this service" },
            },
            "schemas": definitions,
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
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
            "default": { "description": "what went wrong", "content": json_of(&of::<error::Error>(schemas)) },
            "2XX": { "description": "done" },
        },
        "x-role": role,
        "security": if role.is_some() { json!([{ "key": [] }, { "session": [] }]) } else { json!([]) },
    });
    if let Some(view) = view(route) {
        operation["responses"]["2XX"]["content"] = json_of(&view(schemas));
    }
    if let Some(body) = body(route) {
        operation["requestBody"] = json!({ "content": json_of(&body(schemas)) });
    }
    operation
}

fn json_of(schema: &Schema) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Schema {
    schemas.subschema_for::<T>()
}

type OfView = fn(&mut SchemaGenerator) -> Schema;

/// The view that a route answers: of a page, under its path with `.json`.
fn view(route: &Route) -> Option<OfView> {
    Some(match (route.posts, route.path) {
        (false, "/") => of::<home::Home>,
        (false, "/models" | "/api/v1/nodes") => of::<node::Nodes>,
        (false, "/models/{name}" | "/api/v1/nodes/{name}") => of::<model::Node>,
        (false, "/runs" | "/api/v1/runs") => of::<run::Runs>,
        (false, "/runs/{id}" | "/api/v1/runs/{id}") => of::<run::Run>,
        (false, "/runs/{id}/log" | "/api/v1/runs/{id}/log") => of::<run::Log>,
        (false, "/grid") => of::<grid::Grid>,
        (false, "/graph") => of::<graph::Graph>,
        (false, "/schedules" | "/api/v1/schedules") => of::<schedule::Schedules>,
        (false, "/sources") => of::<source::Sources>,
        (false, "/checks" | "/api/v1/checks") => of::<check::Checks>,
        (false, "/users") => of::<user::Users>,
        (false, "/audit") => of::<audit::Audit>,
        (false, "/login") => of::<session::Login>,
        (false, "/password") => of::<session::Password>,
        (false, "/api/v1/jobs/{id}") => of::<job::Job>,
        (true, "/api/v1/runs" | "/api/v1/runs/{id}/retry" | "/api/v1/jobs/{id}/cancel") => of::<job::JobId>,
        (true, "/api/v1/runs/{id}/cancel") => of::<job::RunId>,
        (true, "/api/v1/schedules/{name}/pause" | "/api/v1/schedules/{name}/resume") => of::<schedule::Paused>,
        (true, "/api/v1/schedules/{name}/backfill") => of::<schedule::Backfilled>,
        _ => return None,
    })
}

/// What a machine sends there.
fn body(route: &Route) -> Option<OfView> {
    Some(match (route.posts, route.path) {
        (true, "/api/v1/runs") => of::<job::RunRequest>,
        (true, "/api/v1/schedules/{name}/backfill") => of::<schedule::Range>,
        _ => return None,
    })
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut all: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let query: &[&str] = match route.path {
        "/api/v1/runs" | "/runs" if !route.posts => &["state", "schedule", "before", "limit"],
        "/api/v1/runs/{id}/log" | "/runs/{id}/log" => &["after"],
        "/models" | "/api/v1/nodes" => &["q", "kind"],
        "/models/{name}" => &["tab"],
        "/graph" | "/graph/{file}" => &["select"],
        "/grid" => &["schedule"],
        "/audit" => &["before"],
        _ => &[],
    };
    all.extend(query.iter().map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } })));
    all
}
