//! Kinds of connection by the word after `type =`.

use super::{
    connection::{Connection, Connector, Declaration},
    type_map::TypeMap,
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
#[derive(Clone, Debug, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Kind>,
}

#[derive(Clone, Debug)]
struct Kind {
    connect: Connect,
    schema: fn() -> schemars::Schema,
    types: fn() -> TypeMap,
}

impl Registry {
    /// Adds a connector.
    pub fn add<C: Connector>(&mut self) {
        let connect: Connect = |declared, root, problems| {
            let config = declared.fields.read::<C::Config>(problems)?;
            let place = Declaration { name: &declared.name.value, span: declared.name.span, root };
            C::connect(&place, config).map_err(|problem| problems.push(problem)).ok()
        };
        let schema = || schemars::SchemaGenerator::default().into_root_schema_for::<C::Config>();
        self.kinds.insert(C::KIND, Kind { connect, schema, types: C::types });
    }

    /// The JSON schema of each kind's table, for documentation.
    pub fn schemas(&self) -> impl Iterator<Item = (&'static str, schemars::Schema)> {
        self.kinds.iter().map(|(name, kind)| (*name, (kind.schema)()))
    }

    /// What becomes of each kind's types, for documentation.
    pub fn types(&self) -> impl Iterator<Item = (&'static str, TypeMap)> {
        self.kinds.iter().map(|(name, kind)| (*name, (kind.types)()))
    }

    /// The words that may stand after `type =`.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }

    /// Makes a connection, without I/O; complains of what is wrong with its table.
    pub fn connect(&self, declared: &Declared, root: &Path, problems: &mut Problems) -> Option<Arc<dyn Connection>> {
        let Some(kind) = self.kinds.get(declared.kind.as_str()) else {
            let message = format!("there is no connector `{}`", declared.kind.value);
            let problem = Diagnostic::error(&code::E0500, declared.kind.span, message);
            problems.push(match nearest(&declared.kind, self.kinds()) {
                Some(near) => problem.hint(format!("a connector with a similar name exists: `{near}`")),
                None => problem.hint(format!("known: {}", self.kinds().collect::<Vec<_>>().join(", "))),
            });
            return None;
        };
        (kind.connect)(declared, root, problems)
    }
}
