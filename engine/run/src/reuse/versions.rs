//! Whether tables are what they were.

use crate::{
    error::Result,
    history::History,
    location::{self, Place},
    systems::{self, Systems},
};
use engine_connect::{
    arrow::digest::Digest,
    hub::{source::TableRequest, version::Version},
};
use engine_language::{
    graph::{NodeId, NodeKind},
    project::Project,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::OnceCell;

/// The tokens of tables during one run. What this run wrote, it knows; the rest is asked for once.
#[derive(Debug)]
pub struct Tokens {
    project: Arc<Project>,
    systems: Systems,
    history: Arc<History>,
    known: Mutex<BTreeMap<Place, Known>>,
}

/// A token that is asked for once, however many want it.
type Known = Arc<OnceCell<Option<Version>>>;

impl Tokens {
    /// Knows nothing yet.
    pub fn new(project: Arc<Project>, systems: Systems, history: Arc<History>) -> Self {
        Self { project, systems, history, known: Mutex::default() }
    }

    /// What a run wrote just now.
    pub fn wrote(&self, place: &Place, token: Option<Version>) -> Result<()> {
        if let Some(token) = &token {
            self.history.remember_token(place, token)?;
        }
        self.known().insert(place.clone(), Arc::new(OnceCell::new_with(Some(token))));
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

    /// Forgets a table, because something wrote it.
    pub fn forget(&self, place: &Place) {
        self.known().remove(place);
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Place, Known>> {
        self.known.lock().expect("no holder of this lock panics")
    }

    /// The token of a node's table as it is now; `None` if it is not there or its system cannot tell.
    pub async fn of(&self, node: &NodeId) -> Result<Option<Version>> {
        let Some(place) = location::of(&self.project, node) else { return Ok(None) };
        let known = self.known().entry(place.clone()).or_default().clone();
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

    /// What stands for a model and the data that it reads; `None` if it cannot be told or changes each time.
    pub async fn key(&self, node: &NodeId) -> Result<Option<String>> {
        let Some((mut hash, reads)) = self.said(node) else { return Ok(None) };
        for read in reads {
            let Some(token) = self.of(&read).await? else { return Ok(None) };
            add(&mut hash, &read, &token);
        }
        Ok(Some(hash.finalize().to_hex().to_string()))
    }

    /// The same of a test, if this run knows all that the test reads: to ask could cost more than the test.
    pub fn known_key(&self, node: &NodeId) -> Option<String> {
        let (mut hash, reads) = self.said(node)?;
        for read in reads {
            let place = location::of(&self.project, &read)?;
            let token = self.known().get(&place)?.get()?.clone()?;
            add(&mut hash, &read, &token);
        }
        Some(hash.finalize().to_hex().to_string())
    }

    /// What a model or a test says, its views' words included, and the tables that it reads; `None` if it says something
    /// else each time.
    fn said(&self, node: &NodeId) -> Option<(blake3::Hasher, Vec<NodeId>)> {
        let mut hash = blake3::Hasher::new();
        hash.update(env!("CARGO_PKG_VERSION").as_bytes());
        let (mut left, mut stored) = (vec![node.clone()], vec![]);
        while let Some(node) = left.pop() {
            let (fingerprint, rendered) = match self.project.singular_test(&node) {
                Some(test) => (&test.fingerprint, &test.rendered),
                None => self.project.model(&node).map(|model| (&model.fingerprint, &model.rendered))?,
            };
            if fingerprint.volatile {
                return None;
            }
            hash.update(format!("{node}{}{:?}", fingerprint.hash, location::of(&self.project, &node)).as_bytes());
            for read in rendered.reads.iter().map(|read| &read.value).filter(|read| **read != node) {
                let view = read.kind() == NodeKind::Model && location::of(&self.project, read).is_none();
                if view { left.push(read.clone()) } else { stored.push(read.clone()) }
            }
        }
        Some((hash, stored))
    }
}

fn add(hash: &mut blake3::Hasher, read: &NodeId, token: &Version) {
    hash.update(format!("{read}={}", token.value()).as_bytes());
}
