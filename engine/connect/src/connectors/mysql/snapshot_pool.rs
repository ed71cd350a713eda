//! Connections that see one instant, and the turns that scans take on them.

use super::server::{Server, run};
use crate::hub::error::Result;
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
pub struct SnapshotPool {
    free: Mutex<Vec<PoolConnection>>,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Who takes them back in the end, if they only read.
    home: Option<Server>,
}

/// A connection, and the server's number of it.
pub struct PoolConnection {
    on: MySqlConnection,
    id: u64,
    /// Whether a reply was not read to its end.
    out_of_step: bool,
}

impl fmt::Debug for SnapshotPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("free", &self.turns.available_permits()).finish_non_exhaustive()
    }
}

impl PoolConnection {
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

impl SnapshotPool {
    /// Of connections that see the same.
    pub fn new(connections: Vec<PoolConnection>) -> Arc<Self> {
        Self::of(connections, None)
    }

    /// The same, which only read.
    pub fn that_read(connections: Vec<PoolConnection>, server: &Server) -> Arc<Self> {
        Self::of(connections, Some(server.clone()))
    }

    fn of(connections: Vec<PoolConnection>, home: Option<Server>) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(connections.len()));
        Arc::new(Self { free: Mutex::new(connections), turns, waiting: AtomicUsize::new(0), home })
    }

    /// How many there are together.
    pub fn count(&self) -> usize {
        self.free.lock().expect("no holder of this lock panics").len()
    }

    /// Waits for one.
    pub async fn take(self: &Arc<Self>) -> BorrowedConnection {
        let waits = Waits::new(&self.waiting);
        let turn = self.turns.clone().acquire_owned().await.expect("turns are never closed");
        drop(waits);
        let connection = self.free.lock().expect("no holder of this lock panics").pop();
        BorrowedConnection { connection, pool: self.clone(), _turn: turn }
    }

    /// Whether somebody waits.
    pub fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Drop for SnapshotPool {
    fn drop(&mut self) {
        let (Some(home), Ok(runtime)) = (self.home.take(), Handle::try_current()) else { return };
        let connections = std::mem::take(&mut *self.free.lock().expect("no holder of this lock panics"));
        for mut connection in connections.into_iter().filter(|connection| !connection.out_of_step) {
            let home = home.clone();
            runtime.spawn(async move {
                if run(&mut connection.on, "commit").await.is_ok() {
                    home.give_back(connection.on);
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
pub struct BorrowedConnection {
    connection: Option<PoolConnection>,
    pool: Arc<SnapshotPool>,
    _turn: OwnedSemaphorePermit,
}

impl BorrowedConnection {
    /// The connection.
    pub fn on(&mut self) -> &mut MySqlConnection {
        &mut self.connection.as_mut().expect("a turn is given for a connection").on
    }

    /// Says that a reply begins, or was read to its end.
    pub fn reads(&mut self, reads: bool) {
        self.connection.as_mut().expect("a turn is given for a connection").out_of_step = reads;
    }

    /// The server's number of it.
    pub fn id(&self) -> u64 {
        self.connection.as_ref().expect("a turn is given for a connection").id
    }
}

impl Drop for BorrowedConnection {
    fn drop(&mut self) {
        self.pool.free.lock().expect("no holder of this lock panics").extend(self.connection.take());
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
