//! What becomes of types between systems, as the connectors themselves say it; for documentation.

use engine_language::column::ColumnType;

/// A system's types: how each is carried from there, and what each column type becomes there.
#[derive(Clone, Debug, Default)]
pub struct TypeMap {
    /// Types as the system declares them, each with what carries it.
    pub reads: Vec<Read>,
    /// What a column type is declared as; `None` if the system does not take it.
    pub declares: Option<fn(&ColumnType) -> Option<String>>,
    /// Whether values pass to another system of the kind as they are.
    pub passes: bool,
}

/// A type of a system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// As the system declares it.
    pub native: String,
    /// What carries it.
    pub carried: ColumnType,
    /// Values that cannot be carried, by the keys of `types` that treat them.
    pub odd: Vec<&'static str>,
}
