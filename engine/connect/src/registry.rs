//! The kinds of connection that this build knows: the explicit list.

use crate::{
    connector::{Connection, Connector, Place},
    log, postgres, sqlite,
};
use engine_language::{
    code,
    config::connection::Connection as Declared,
    diagnostic::{Diagnostic, Problems},
    name::nearest,
};
use std::{collections::BTreeMap, path::Path, sync::Arc};

type Connect = fn(&Declared, &Path, &mut Problems) -> Option<Arc<dyn Connection>>;

/// Makes connections from what the user wrote.
#[derive(Clone, Debug)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Connect>,
}

impl Registry {
    /// All connectors of this build.
    pub fn builtin() -> Self {
        let mut registry = Self { kinds: BTreeMap::new() };
        registry.add::<log::Log>();
        registry.add::<postgres::Postgres>();
        registry.add::<sqlite::Sqlite>();
        registry
    }

    /// Adds a connector.
    pub fn add<C: Connector>(&mut self) {
        self.kinds.insert(C::KIND, |declared, root, problems| {
            let config = declared.fields.read::<C::Config>(problems)?;
            let place = Place { name: &declared.name.value, span: declared.name.span, root };
            C::connect(&place, config).map_err(|problem| problems.push(problem)).ok()
        });
    }

    /// The words that may stand after `type =`.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }

    /// Makes a connection, without I/O; complains of what is wrong with its table.
    pub fn connect(&self, declared: &Declared, root: &Path, problems: &mut Problems) -> Option<Arc<dyn Connection>> {
        let Some(connect) = self.kinds.get(declared.kind.as_str()) else {
            let message = format!("there is no connector `{}`", declared.kind.value);
            let problem = Diagnostic::error(&code::E0500, declared.kind.span, message);
            problems.push(match nearest(&declared.kind, self.kinds()) {
                Some(near) => problem.hint(format!("a connector with a similar name exists: `{near}`")),
                None => problem.hint(format!("known: {}", self.kinds().collect::<Vec<_>>().join(", "))),
            });
            return None;
        };
        connect(declared, root, problems)
    }
}
