//! What all requests share.

use super::{
    auth::{origin::Origin, password, rate_limit::Limiter},
    changes::Changes,
    route::Route,
    view::{Data, freshness::Freshness, picture::Pictures, profile::Kept, source::Trials},
};
use crate::{context::Context, exit_status::Result};
use engine_run::{history::History, service::Service};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{ops::Deref, sync::Arc};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Passwords that are looked at at once: each takes 19 MiB.
const PASSWORDS: usize = 2;

/// What all requests share. Clones are the same.
#[derive(Clone)]
pub struct Web(Arc<Shared>);

/// What all requests share.
pub struct Shared {
    /// What views are made from.
    data: Data,
    /// What there is to ask for.
    pub routes: Vec<Route>,
    /// By which address browsers reach it.
    pub origin: Arc<Origin>,
    /// Limits failed logins.
    pub limiter: Limiter,
    /// Turns for looking at passwords.
    pub passwords: Semaphore,
    /// What forms are signed with.
    pub key: [u8; 32],
    /// The numbers for Prometheus.
    pub metrics: PrometheusHandle,
    /// The service is ending.
    pub closing: CancellationToken,
}

impl Deref for Web {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Requests do with the data what views do.
impl Deref for Shared {
    type Target = Data;

    fn deref(&self) -> &Data {
        &self.data
    }
}

impl Web {
    /// For a service that is reached there.
    pub fn new(
        service: &Service,
        context: &Context,
        origin: Origin,
        routes: Vec<Route>,
        metrics: PrometheusHandle,
    ) -> Result<Self> {
        let records = History::open(&context.made()?)?;
        let key = records.secret("forms", password::random())?;
        let data = Data {
            service: service.clone(),
            records: Arc::new(records),
            root: context.root.clone(),
            freshness: Arc::<Freshness>::default(),
            profiles: Arc::<Kept<_>>::default(),
            pictures: Arc::<Pictures>::default(),
            trials: Arc::<Trials>::default(),
            changes: Arc::<Changes>::default(),
        };
        Ok(Self(Arc::new(Shared {
            data,
            routes,
            origin: Arc::new(origin),
            limiter: Limiter::default(),
            passwords: Semaphore::new(PASSWORDS),
            key,
            metrics,
            closing: CancellationToken::new(),
        })))
    }
}
