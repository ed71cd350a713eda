//! Every route: how it is asked, what one must be to use it, what it is for, and who answers.

use super::{
    api, assets, guard, openapi, pages,
    route::{Needs, Route},
    sse,
    state::Web,
};
use axum::{
    Router, middleware,
    routing::{MethodRouter, get, post},
};
use engine_run::history::users::Role;

/// A route and who answers.
pub struct Served {
    route: Route,
    serve: fn() -> MethodRouter<Web>,
}

const NOBODY: Needs = Needs::Nobody;
const VIEWER: Needs = Needs::Role(Role::Viewer);
const OPERATOR: Needs = Needs::Role(Role::Operator);
const ADMIN: Needs = Needs::Role(Role::Admin);

const fn page(path: &'static str, needs: Needs, says: &'static str, serve: fn() -> MethodRouter<Web>) -> Served {
    Served { route: Route { posts: false, path, needs, says }, serve }
}

const fn form(path: &'static str, needs: Needs, says: &'static str, serve: fn() -> MethodRouter<Web>) -> Served {
    Served { route: Route { posts: true, path, needs, says }, serve }
}

/// All of them.
static ROUTES: &[Served] = &[
    page("/healthz", Needs::Anything, "Whether the process answers", || get(api::health::healthz)),
    page("/readyz", Needs::Anything, "Whether the records can be read and the service goes on", || {
        get(api::health::readyz)
    }),
    page("/metrics", VIEWER, "Numbers for Prometheus", || get(api::health::metrics)),
    page("/assets/{version}/{name}", NOBODY, "", || get(assets::asset)),
    page("/events", VIEWER, "", || get(sse::events)),
    page("/login", NOBODY, "", || get(pages::login::page)),
    form("/login", NOBODY, "Sign in", || post(pages::login::login)),
    form("/logout", VIEWER, "Sign out", || post(pages::login::logout)),
    page("/password", VIEWER, "", || get(pages::password::page)),
    form("/password", VIEWER, "Change one's own password", || post(pages::password::change)),
    page("/", VIEWER, "What is failing, what ran, what is next", || get(pages::home::home)),
    page("/models", VIEWER, "All nodes with their last runs", || get(pages::models::models)),
    page("/models/{name}", VIEWER, "One node", || get(pages::model::model)),
    page("/runs", VIEWER, "Runs, newest first", || get(pages::runs::runs)),
    form("/runs", OPERATOR, "Run nodes", || post(pages::runs::trigger)),
    page("/runs/{id}", VIEWER, "One run", || get(pages::run::run)),
    page("/runs/{id}/log", VIEWER, "The log of a run, after a line", || get(pages::run::log)),
    form("/runs/{id}/retry", OPERATOR, "Run again what a run did not finish", || post(pages::run::retry)),
    form("/runs/{id}/cancel", OPERATOR, "Cancel a run", || post(pages::run::cancel)),
    form("/jobs/{id}/cancel", OPERATOR, "Take back a run that waits", || post(pages::schedules::cancel_job)),
    page("/grid", VIEWER, "Runs by nodes", || get(pages::grid::grid)),
    page("/graph", VIEWER, "What depends on what", || get(pages::graph::graph)),
    page("/graph/{file}", VIEWER, "The graph to keep: graph.svg, graph.dot, graph.mmd", || get(pages::graph::file)),
    page("/schedules", VIEWER, "What runs when", || get(pages::schedules::schedules)),
    form("/schedules/{name}/run", OPERATOR, "Run a schedule now", || post(pages::schedules::run)),
    form("/schedules/{name}/pause", OPERATOR, "Pause a schedule", || post(pages::schedules::pause)),
    form("/schedules/{name}/resume", OPERATOR, "Let a schedule go on", || post(pages::schedules::resume)),
    form("/schedules/{name}/backfill", OPERATOR, "Run intervals of the past", || post(pages::schedules::backfill)),
    form("/backfills/{id}/cancel", OPERATOR, "Take back what waits of a backfill", || {
        post(pages::schedules::cancel_backfill)
    }),
    page("/sources", VIEWER, "Connections, tables, topics", || get(pages::sources::sources)),
    form("/sources/{name}/test", OPERATOR, "Try a connection", || post(pages::sources::test)),
    page("/checks", VIEWER, "What must hold, and what was rejected", || get(pages::checks::checks)),
    page("/users", ADMIN, "Who may sign in", || get(pages::users::users)),
    form("/users", ADMIN, "Add somebody", || post(pages::users::add)),
    form("/users/{name}/role", ADMIN, "Give somebody a role", || post(pages::users::role)),
    form("/users/{name}/password", ADMIN, "Give somebody a new password", || post(pages::users::password)),
    form("/users/{name}/remove", ADMIN, "Remove somebody", || post(pages::users::remove)),
    form("/keys", ADMIN, "Make a key for a machine", || post(pages::users::add_key)),
    form("/keys/{name}/remove", ADMIN, "Take a machine's key away", || post(pages::users::remove_key)),
    page("/audit", ADMIN, "Who did what", || get(pages::audit::audit)),
    page("/api/v1/openapi.json", VIEWER, "This description", || get(openapi::openapi)),
    page("/api/v1/nodes", VIEWER, "All nodes", || get(api::nodes::nodes)),
    page("/api/v1/nodes/{name}", VIEWER, "One node with its last runs", || get(api::nodes::node)),
    page("/api/v1/runs", VIEWER, "Runs, newest first", || get(api::runs::runs)),
    form("/api/v1/runs", OPERATOR, "Run nodes or a schedule", || post(api::runs::trigger)),
    page("/api/v1/runs/{id}", VIEWER, "One run with its nodes", || get(api::runs::run)),
    page("/api/v1/runs/{id}/log", VIEWER, "The log of a run, after a line", || get(api::runs::log)),
    form("/api/v1/runs/{id}/retry", OPERATOR, "Run again what a run did not finish", || post(api::runs::retry)),
    form("/api/v1/runs/{id}/cancel", OPERATOR, "Cancel a run", || post(api::runs::cancel)),
    page("/api/v1/jobs/{id}", VIEWER, "A run that is wanted, and what became of it", || get(api::runs::job)),
    form("/api/v1/jobs/{id}/cancel", OPERATOR, "Take back a run that waits", || post(api::runs::cancel_job)),
    page("/api/v1/schedules", VIEWER, "All schedules with their next times", || get(api::schedules::schedules)),
    form("/api/v1/schedules/{name}/pause", OPERATOR, "Pause a schedule", || post(api::schedules::pause)),
    form("/api/v1/schedules/{name}/resume", OPERATOR, "Let a schedule go on", || post(api::schedules::resume)),
    form("/api/v1/schedules/{name}/backfill", OPERATOR, "Run intervals of the past", || post(api::schedules::backfill)),
    page("/api/v1/checks", VIEWER, "How each check went the last time", || get(api::nodes::checks)),
];

/// What there is to ask for.
pub fn all() -> Vec<Route> {
    ROUTES.iter().map(|served| served.route).collect()
}

/// All routes behind the guard.
pub fn router(web: &Web) -> Router {
    let route = |router: Router<Web>, served: &Served| router.route(served.route.path, (served.serve)());
    let routes =
        ROUTES.iter().fold(Router::new(), route).fallback(guard::missing).method_not_allowed_fallback(guard::missing);
    routes.layer(middleware::from_fn_with_state(web.clone(), guard::guard)).with_state(web.clone())
}

#[cfg(test)]
mod tests {
    use super::{super::openapi::described, all};
    use std::collections::BTreeSet;

    #[test]
    fn the_description_is_whole() {
        let value = described(&all());
        let paths = value["paths"].as_object().unwrap();
        assert!(paths.len() > 40);
        let mut ids = BTreeSet::new();
        for (path, operations) in paths {
            for (verb, operation) in operations.as_object().unwrap() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path} twice");
                let in_path = path.matches('{').count();
                let told = operation["parameters"].as_array().unwrap().iter().filter(|p| p["in"] == "path").count();
                assert_eq!(told, in_path, "{path}");
                let schema = &operation["responses"]["2XX"]["content"]["application/json"]["schema"];
                let answers = path.starts_with("/api/") && !path.ends_with("openapi.json");
                assert!(!answers || schema.is_object(), "{verb} {path} has no schema");
            }
        }
        let text = value.to_string();
        let schemas = value["components"]["schemas"].as_object().unwrap();
        for name in text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(schemas.contains_key(name), "no schema {name}");
        }
    }
}
