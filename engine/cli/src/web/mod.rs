//! The web page of `engine serve`: what runs, ran and will run, for people and for machines.
//!
//! Pages are rendered here; they work without script, and each has the same as `.json`. Every route stands in
//! [`routes::ROUTES`] with what one must be to use it, and [`guard`] lets nothing else through.

mod answer;
mod api;
mod assets;
mod events;
mod forms;
mod freshness;
mod graph;
mod guard;
mod limiter;
pub mod metrics;
mod nodes;
mod origin;
mod pages;
pub mod password;
mod routes;
mod say;
mod shell;
mod trouble;
mod visit;
mod who;

use crate::{
    context::Context,
    stop::{Result, Stop},
};
use axum::{ServiceExt, extract::Request, middleware};
use engine_run::{history::History, service::Service};
use freshness::Freshness;
use graph::Pictures;
use limiter::Limiter;
use metrics_exporter_prometheus::PrometheusHandle;
use origin::Origin;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

/// Passwords that are looked at at once: each takes 19 MiB.
const PASSWORDS: usize = 2;

/// What all pages share. Clones are the same.
#[derive(Clone)]
pub struct Web(Arc<Shared>);

/// What all pages share.
pub struct Shared {
    /// What is served.
    pub service: Service,
    /// The records, over a connection that runs do not wait for.
    pub records: History,
    /// The project's root.
    pub root: PathBuf,
    /// By which address browsers reach it.
    pub origin: Origin,
    /// Who tried to sign in too often.
    pub limiter: Limiter,
    /// Turns for looking at passwords.
    pub passwords: Semaphore,
    /// What forms are signed with.
    pub key: [u8; 32],
    /// The numbers for Prometheus.
    pub metrics: PrometheusHandle,
    /// How old the sources' rows are.
    pub freshness: Freshness,
    /// Pictures of the graph.
    pub pictures: Pictures,
    /// The service is ending.
    pub closing: CancellationToken,
}

impl std::ops::Deref for Web {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Web {
    /// The page of a service at that address.
    pub fn new(
        service: &Service,
        context: &Context,
        address: SocketAddr,
        url: Option<String>,
        metrics: PrometheusHandle,
    ) -> Result<Self> {
        let records = History::open(&context.made()?)?;
        let key = records.secret("forms", password::random())?;
        Ok(Self(Arc::new(Shared {
            service: service.clone(),
            records,
            root: context.root.clone(),
            origin: Origin::new(address, url),
            limiter: Limiter::default(),
            passwords: Semaphore::new(PASSWORDS),
            key,
            metrics,
            freshness: Freshness::default(),
            pictures: Pictures::default(),
            closing: CancellationToken::new(),
        })))
    }
}

/// Answers requests until told to stop.
pub async fn serve(web: Web, listener: TcpListener, stop: CancellationToken) -> Result<()> {
    let watching = tokio::spawn(events::watch(web.clone()));
    let app = routes::router(&web);
    // Before the route is chosen, so that every page has its `.json`.
    let app = middleware::map_request(visit::json_suffix).layer(app);
    let app = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(app);
    let closing = web.closing.clone();
    let stopped = async move {
        stop.cancelled().await;
        closing.cancel();
    };
    let served = axum::serve(listener, app).with_graceful_shutdown(stopped).await;
    watching.abort();
    served.map_err(Stop::io("answering requests"))
}
