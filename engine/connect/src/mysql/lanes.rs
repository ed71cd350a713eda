//! Connections that see one instant, and the turns that scans take on them.

use super::server::{Server, run};
use crate::error::Result;
use sqlx::{MySqlConnection, Row};
use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// Connections in the same transaction, or in transactions that began at the same instant. A scan has one for itself until
/// it gets to its end; who waits is served in turn. When nobody has them any more, those that only read go back to their
/// server, and the others are closed.
pub struct Lanes {
    free: Mutex<Vec<Link>>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Who takes them back in the end, if they only read.
    home: Option<Server>,
}

/// A connection, and the server's number of it.
pub struct Link {
    on: MySqlConnection,
    id: u64,
    /// Whether a reply was not read to its end.
    out_of_step: bool,
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("free", &self.turns.available_permits()).finish_non_exhaustive()
    }
}

impl Link {
    /// Opens a connection.
    pub async fn open(server: &Server, doing: &str) -> Result<Self> {
        let mut on = server.connect(doing).await?;
        let id = sqlx::raw_sql("select cast(connection_id() as unsigned)").fetch_one(&mut on).await;
        let id = id.map_err(|error| server.fault(doing, error))?;
        Ok(Self { on, id: id.get_unchecked(0), out_of_step: false })
    }

    /// The connection.
    pub fn on(&mut self) -> &mut MySqlConnection {
        &mut self.on
    }
}

impl Lanes {
    /// Of connections that see the same.
    pub fn new(links: Vec<Link>) -> Arc<Self> {
        Self::of(links, None)
    }

    /// The same, which only read.
    pub fn that_read(links: Vec<Link>, server: &Server) -> Arc<Self> {
        Self::of(links, Some(server.clone()))
    }

    fn of(links: Vec<Link>, home: Option<Server>) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(links.len()));
        Arc::new(Self { free: Mutex::new(links), turns, waiting: AtomicUsize::new(0), home })
    }

    /// How many there are together.
    pub fn count(&self) -> usize {
        self.free.lock().expect("no holder of this lock panics").len()
    }

    /// Waits for one.
    pub async fn take(self: &Arc<Self>) -> Lane {
        let waits = Waits::new(&self.waiting);
        let turn = self.turns.clone().acquire_owned().await.expect("turns are never closed");
        drop(waits);
        let link = self.free.lock().expect("no holder of this lock panics").pop();
        Lane { link, lanes: self.clone(), _turn: turn }
    }

    /// Whether somebody waits.
    pub fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        let (Some(home), Ok(runtime)) = (self.home.take(), Handle::try_current()) else { return };
        let links = std::mem::take(&mut *self.free.lock().expect("no holder of this lock panics"));
        for mut link in links.into_iter().filter(|link| !link.out_of_step) {
            let home = home.clone();
            runtime.spawn(async move {
                if run(&mut link.on, "commit").await.is_ok() {
                    home.give_back(link.on);
                }
            });
        }
    }
}

/// Counts who waits, also when the wait is given up.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection, for as long as this lives.
pub struct Lane {
    link: Option<Link>,
    lanes: Arc<Lanes>,
    _turn: OwnedSemaphorePermit,
}

impl Lane {
    /// The connection.
    pub fn on(&mut self) -> &mut MySqlConnection {
        &mut self.link.as_mut().expect("a turn is given for a connection").on
    }

    /// Says that a reply begins, or was read to its end.
    pub fn reads(&mut self, reads: bool) {
        self.link.as_mut().expect("a turn is given for a connection").out_of_step = reads;
    }

    /// The server's number of it.
    pub fn id(&self) -> u64 {
        self.link.as_ref().expect("a turn is given for a connection").id
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.lanes.free.lock().expect("no holder of this lock panics").extend(self.link.take());
    }
}

/// Ends what a connection is doing, by its number; its transaction goes on.
pub async fn interrupt(server: Server, id: u64) {
    let doing = "ending a query";
    let end = async |on: &mut MySqlConnection| {
        run(on, format!("kill query {id}")).await.map_err(|error| server.fault(doing, error))
    };
    if let Err(error) = server.briefly(doing, end).await {
        tracing::debug!(%error, "a query is read to its end instead");
    }
}
