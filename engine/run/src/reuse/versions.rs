//! The versions of tables: what tells whether their rows or their columns changed.

use crate::{
    error::Result,
    history::History,
    location::{self, Place},
    systems::{self, Systems},
};
use engine_connect::{
    arrow::digest::Digest,
    hub::{
        source::TableRequest,
        version::{Reads, RowDigests, Version},
    },
};
use engine_language::{graph::NodeId, project::Project};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::OnceCell;

/// The versions of tables during one run. What this run wrote, it knows; the rest is asked for once.
#[derive(Debug)]
pub struct Versions {
    project: Arc<Project>,
    systems: Systems,
    history: Arc<History>,
    tables: Mutex<BTreeMap<Place, VersionCell>>,
}

/// A version that is asked for once, however many want it.
type VersionCell = Arc<OnceCell<Option<Version>>>;

impl Versions {
    /// Knows nothing yet.
    pub fn new(project: Arc<Project>, systems: Systems, history: Arc<History>) -> Self {
        Self { project, systems, history, tables: Mutex::default() }
    }

    /// What a run wrote just now.
    pub fn wrote(&self, place: &Place, token: Option<Version>) -> Result<()> {
        if let Some(token) = &token {
            self.history.remember_token(place, token)?;
        }
        self.tables().insert(place.clone(), Arc::new(OnceCell::new_with(Some(token))));
        Ok(())
    }

    /// What a run wrote just now: all rows of a table, with this digest.
    pub async fn wrote_all(&self, place: &Place, rows: Digest) -> Result<Option<Version>> {
        let request = TableRequest {
            declared: systems::declared(&self.project, place),
            ..TableRequest::all(place.table.clone())
        };
        let version = self.systems.get(&place.connection)?.version_of_written(&request, Some(rows)).await?;
        self.wrote(place, version.clone())?;
        Ok(version)
    }

    /// What a run appended just now to a node's table: these rows. Only if nothing is known of the rows before them are all
    /// of them looked at.
    pub async fn appended(&self, node: &NodeId, place: &Place, added: &RowDigests) -> Result<Option<Version>> {
        let request = systems::request(&self.project, node, place);
        let last = self.history.token(place)?;
        let connection = self.systems.get(&place.connection)?;
        match last.and_then(|last| connection.version_after_append(&last, &request, added)) {
            None => self.of(node).await,
            Some(version) => {
                self.wrote(place, Some(version.clone()))?;
                Ok(Some(version))
            }
        }
    }

    /// Forgets a table, because something wrote it.
    pub fn forget(&self, place: &Place) {
        self.tables().remove(place);
    }

    fn tables(&self) -> MutexGuard<'_, BTreeMap<Place, VersionCell>> {
        self.tables.lock().expect("no holder of this lock panics")
    }

    /// The version of a node's table as it is now; `None` if it is not there or its system cannot tell.
    pub async fn of(&self, node: &NodeId) -> Result<Option<Version>> {
        let Some(place) = location::of(&self.project, node) else { return Ok(None) };
        let known = self.tables().entry(place.clone()).or_default().clone();
        known.get_or_try_init(|| self.ask(node, &place)).await.cloned()
    }

    async fn ask(&self, node: &NodeId, place: &Place) -> Result<Option<Version>> {
        let last = self.history.token(place)?;
        let request = systems::request(&self.project, node, place);
        let token = self.systems.get(&place.connection)?.readable()?.version(&request, last.as_ref()).await?;
        if let Some(token) = token.as_ref().filter(|token| Some(*token) != last.as_ref()) {
            self.history.remember_token(place, token)?;
        }
        Ok(token)
    }

    /// The tables whose rows were read to tell whether they changed, and why that took reading.
    pub fn rows_read(&self) -> BTreeMap<Place, Reads> {
        let tables = self.tables();
        let read = |(place, known): (&Place, &VersionCell)| {
            let reads = known.get()?.as_ref()?.content.reads?;
            // Of a file that was written a moment ago that is no news.
            (reads != Reads::Racy).then(|| (place.clone(), reads))
        };
        tables.iter().filter_map(read).collect()
    }

    /// The version of a node's table, if this run knows it without asking.
    pub fn known(&self, node: &NodeId) -> Option<Version> {
        let place = location::of(&self.project, node)?;
        self.table(&place)?.get()?.clone()
    }

    fn table(&self, place: &Place) -> Option<VersionCell> {
        self.tables().get(place).cloned()
    }
}
