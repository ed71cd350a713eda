//! Whether tables are what they were.

use crate::{
    error::Result,
    history::History,
    place::{self, Place},
    systems::{self, Systems},
};
use engine_connect::position::Token;
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
type Known = Arc<OnceCell<Option<Token>>>;

impl Tokens {
    /// Knows nothing yet.
    pub fn new(project: Arc<Project>, systems: Systems, history: Arc<History>) -> Self {
        Self { project, systems, history, known: Mutex::default() }
    }

    /// What a run wrote just now.
    pub fn wrote(&self, place: &Place, token: Option<Token>) -> Result<()> {
        if let Some(token) = &token {
            self.history.remember_token(place, token)?;
        }
        self.known().insert(place.clone(), Arc::new(OnceCell::new_with(Some(token))));
        Ok(())
    }

    /// Forgets a table, because something wrote it.
    pub fn forget(&self, place: &Place) {
        self.known().remove(place);
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Place, Known>> {
        self.known.lock().expect("no holder of this lock panics")
    }

    /// The token of a node's table as it is now; `None` if it is not there or its system cannot tell.
    pub async fn of(&self, node: &NodeId) -> Result<Option<Token>> {
        let Some(place) = place::of(&self.project, node) else { return Ok(None) };
        let known = self.known().entry(place.clone()).or_default().clone();
        known.get_or_try_init(|| self.ask(node, &place)).await.cloned()
    }

    async fn ask(&self, node: &NodeId, place: &Place) -> Result<Option<Token>> {
        let last = self.history.token(place)?;
        let request = systems::request(&self.project, node, place);
        let token = self.systems.get(&place.connection)?.token(&request, last.as_ref()).await?;
        if let Some(token) = token.as_ref().filter(|token| Some(*token) != last.as_ref()) {
            self.history.remember_token(place, token)?;
        }
        Ok(token)
    }

    /// What stands for a model and the data that it reads; `None` if it cannot be told or changes each time.
    pub async fn key(&self, node: &NodeId) -> Result<Option<String>> {
        let mut hash = blake3::Hasher::new();
        hash.update(env!("CARGO_PKG_VERSION").as_bytes());
        let mut models = vec![node.clone()];
        while let Some(node) = models.pop() {
            let model = &self.project.models[&node.name];
            if model.fingerprint.volatile {
                return Ok(None);
            }
            hash.update(format!("{node}{}{:?}", model.fingerprint.hash, place::of(&self.project, &node)).as_bytes());
            for read in &model.rendered.reads {
                let stored = place::of(&self.project, &read.value).is_some();
                if read.value.kind == NodeKind::Model && !stored {
                    models.push(read.value.clone());
                } else if read.value != node {
                    let Some(token) = self.of(&read.value).await? else { return Ok(None) };
                    hash.update(format!("{}={}", read.value, token.value).as_bytes());
                }
            }
        }
        Ok(Some(hash.finalize().to_hex().to_string()))
    }
}
