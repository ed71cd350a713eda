//! The web page of `engine serve`: what runs, ran and will run, for people and for machines.
//!
//! Pages are rendered here; they work without script, and each has the same as `.json`. Every route stands in
//! [`routes::ROUTES`] with what one must be to use it, and [`guard`] lets nothing else through.

mod api;
mod assets;
pub mod auth;
mod form;
mod format;
mod guard;
mod http_error;
mod layout;
mod pages;
mod request;
mod response;
mod routes;
mod sse;
mod state;
mod view;

pub use state::Web;

use crate::exit_status::{CliError, Result};
use axum::{ServiceExt, extract::Request, middleware};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

/// Answers requests until told to stop.
pub async fn serve(web: Web, listener: TcpListener, stop: CancellationToken) -> Result<()> {
    let watching = tokio::spawn(sse::watch(web.clone()));
    let app = routes::router(&web);
    // Before the route is chosen, so that every page has its `.json`.
    let app = middleware::map_request(request::json_suffix).layer(app);
    let app = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app);
    let closing = web.closing.clone();
    let stopped = async move {
        stop.cancelled().await;
        closing.cancel();
    };
    let served = axum::serve(listener, app).with_graceful_shutdown(stopped).await;
    watching.abort();
    served.map_err(CliError::io("answering requests"))
}
