//! The web page of `engine serve`: what runs, ran and will run, for people and for machines.
//!
//! Pages are rendered here; they work without script, and each has the same as `.json`. Every route stands in
//! `routes.rs` with what one must be to use it, and [`guard`] lets nothing else through.

mod api;
mod assets;
pub mod auth;
mod changes;
mod form;
mod format;
mod guard;
mod http_error;
mod layout;
mod openapi;
mod pages;
mod request;
mod response;
mod route;
mod routes;
mod server;
mod sse;
mod state;
mod view;

pub use state::Web;

use crate::{context::Context, exit_status::Result};
use auth::origin::Origin;
use axum::middleware;
use engine_run::service::Service;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

/// The page of a service that is reached there.
pub fn open(service: &Service, context: &Context, origin: Origin, metrics: PrometheusHandle) -> Result<Web> {
    Web::new(service, context, origin, routes::all(), metrics)
}

/// Answers requests until told to stop.
pub async fn serve(web: Web, listener: TcpListener, stop: CancellationToken) {
    let watching = tokio::spawn(sse::watch(web.clone()));
    let app = routes::router(&web);
    // Before the route is chosen, so that every page has its `.json`.
    let app = middleware::map_request(request::json_suffix).layer(app);
    // Streams end with the service, not with the pages that show them.
    let closing = web.closing.clone();
    let ending = tokio::spawn({
        let stop = stop.clone();
        async move {
            stop.cancelled().await;
            closing.cancel();
        }
    });
    server::serve(listener, app, web.origin.clone(), stop).await;
    watching.abort();
    ending.abort();
}
