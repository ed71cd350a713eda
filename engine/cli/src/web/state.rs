//! What all requests share.

use super::{
    auth::{origin::Origin, password, rate_limit::Limiter},
    view::{freshness::Freshness, picture::Pictures},
};
use crate::{context::Context, exit_status::Result};
use engine_run::{history::History, service::Service};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

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
    /// Limits failed logins.
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
