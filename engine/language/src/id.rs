//! The identity of nodes and tables: what they are, and the one way in which text names them.
//!
//! A name of two parts, such as `shop.orders`, splits at its first dot. A first part that holds a dot or a double quote
//! itself is written in double quotes, in which a quote is doubled; the second part stands as it is: `"my.shop".orders`.

use crate::name::Name;
use std::{borrow::Cow, fmt};

/// A node's identity.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeId {
    /// Synthetic rows, by the name in `generators.toml`.
    Generator(Name),
    /// A table outside.
    Source {
        /// The source that it belongs to.
        source: Name,
        /// The table's name in the source.
        table: Name,
    },
    /// A small table kept with the code.
    Seed(Name),
    /// A table that a replication copies.
    Copy {
        /// The replication.
        replication: Name,
        /// The table's name, the same in the source and the copy.
        table: Name,
    },
    /// A model.
    Model(Name),
    /// A singular test.
    Test(Name),
}

/// The kinds of nodes, in the order in which nodes are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NodeKind {
    /// Synthetic rows.
    Generator,
    /// A table outside.
    Source,
    /// A small table kept with the code.
    Seed,
    /// A copied table.
    Copy,
    /// A model.
    Model,
    /// A singular test.
    Test,
}

impl NodeKind {
    /// All kinds, those first that a name without a kind means first.
    pub const ALL: [Self; 6] = [Self::Model, Self::Seed, Self::Copy, Self::Source, Self::Generator, Self::Test];

    /// The word that users know it by.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Source => "source",
            Self::Seed => "seed",
            Self::Copy => "replication",
            Self::Model => "model",
            Self::Test => "test",
        }
    }

    /// The kind that a word means.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl NodeId {
    /// A table of a source.
    pub fn source(source: impl Into<Name>, table: impl Into<Name>) -> Self {
        Self::Source { source: source.into(), table: table.into() }
    }

    /// A table that a replication copies.
    pub fn copy(replication: impl Into<Name>, table: impl Into<Name>) -> Self {
        Self::Copy { replication: replication.into(), table: table.into() }
    }

    /// What it is.
    pub fn kind(&self) -> NodeKind {
        match self {
            Self::Generator(_) => NodeKind::Generator,
            Self::Source { .. } => NodeKind::Source,
            Self::Seed(_) => NodeKind::Seed,
            Self::Copy { .. } => NodeKind::Copy,
            Self::Model(_) => NodeKind::Model,
            Self::Test(_) => NodeKind::Test,
        }
    }

    /// Its name without its kind: `mart_average_check`, `shop.orders`, `replica.orders`.
    pub fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Generator(name) | Self::Seed(name) | Self::Model(name) | Self::Test(name) => name.as_str().into(),
            Self::Source { source: first, table } | Self::Copy { replication: first, table } => {
                written(first.as_str(), table.as_str()).into()
            }
        }
    }

    /// The schema and the table by which SQL names its rows.
    pub fn in_sql(&self) -> (&str, &str) {
        match self {
            Self::Generator(name) | Self::Seed(name) | Self::Model(name) | Self::Test(name) => {
                ("models", name.as_str())
            }
            Self::Source { source: first, table } | Self::Copy { replication: first, table } => {
                (first.as_str(), table.as_str())
            }
        }
    }

    /// The model's name, if it is one.
    pub fn model(&self) -> Option<&Name> {
        if let Self::Model(name) = self { Some(name) } else { None }
    }

    /// The generator's name, if it is one.
    pub fn generator(&self) -> Option<&Name> {
        if let Self::Generator(name) = self { Some(name) } else { None }
    }

    /// The replication and the table, if it is a copied table.
    pub fn copied(&self) -> Option<(&Name, &Name)> {
        if let Self::Copy { replication, table } = self { Some((replication, table)) } else { None }
    }

    /// The table, if it is one of a source.
    pub fn source_table(&self) -> Option<TableId> {
        let Self::Source { source, table } = self else { return None };
        Some(TableId { source: source.clone(), table: table.clone() })
    }

    /// Reads what `Display` writes: the kind, a dot and the name.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('.')?;
        let kind = NodeKind::of_word(kind)?;
        Self::of_kind(kind, pair(name), name)
    }

    /// Every node that a name without a kind may mean, the likeliest first. A name of two parts is split at each of its
    /// dots, for the caller knows which sources and replications there are.
    pub fn named(text: &str) -> impl Iterator<Item = Self> {
        NodeKind::ALL.into_iter().flat_map(move |kind| Self::named_of(kind, text))
    }

    /// The same for nodes of one kind.
    pub fn named_of(kind: NodeKind, text: &str) -> impl Iterator<Item = Self> {
        let two = matches!(kind, NodeKind::Source | NodeKind::Copy);
        let one = (!two).then(|| Self::of_kind(kind, None, text)).flatten();
        let pairs = two.then(|| pairs(text)).into_iter().flatten();
        one.into_iter().chain(pairs.filter_map(move |pair| Self::of_kind(kind, Some(pair), text)))
    }

    fn of_kind(kind: NodeKind, pair: Option<(Name, Name)>, name: &str) -> Option<Self> {
        Some(match kind {
            NodeKind::Generator => Self::Generator(name.into()),
            NodeKind::Source => pair.map(|(source, table)| Self::Source { source, table })?,
            NodeKind::Seed => Self::Seed(name.into()),
            NodeKind::Copy => pair.map(|(replication, table)| Self::Copy { replication, table })?,
            NodeKind::Model => Self::Model(name.into()),
            NodeKind::Test => Self::Test(name.into()),
        })
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind().word(), self.name())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A table of a source.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId {
    /// The source.
    pub source: Name,
    /// The table's name in the source.
    pub table: Name,
}

impl TableId {
    /// Puts the two together.
    pub fn new(source: impl Into<Name>, table: impl Into<Name>) -> Self {
        Self { source: source.into(), table: table.into() }
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        pair(text).map(|(source, table)| Self { source, table })
    }

    /// Its node.
    pub fn node(&self) -> NodeId {
        NodeId::Source { source: self.source.clone(), table: self.table.clone() }
    }
}

impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.source.as_str(), self.table.as_str()))
    }
}

impl fmt::Debug for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A name of two parts as text.
pub fn written(first: &str, second: &str) -> String {
    if first.is_empty() || first.contains(['.', '"']) {
        format!("\"{}\".{second}", first.replace('"', "\"\""))
    } else {
        format!("{first}.{second}")
    }
}

/// A text as a name of two parts, as [`written`] writes it; `None` if it has not two.
pub fn pair(text: &str) -> Option<(Name, Name)> {
    pairs(text).next()
}

/// Every way to read a text as a name of two parts: as [`written`] writes it first, then split at each of its dots.
pub fn pairs(text: &str) -> impl Iterator<Item = (Name, Name)> {
    let plain = text.match_indices('.').map(|(dot, _)| (Cow::Borrowed(&text[..dot]), &text[dot + 1..]));
    let quoted = quoted(text).map(|(first, second)| (Cow::Owned(first), second));
    let all = quoted.into_iter().chain(plain);
    all.filter(|(first, second)| !first.is_empty() && !second.is_empty())
        .map(|(first, second)| (Name::new(first), Name::new(second)))
}

/// A first part in double quotes, and what stands behind the dot after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut first = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        if character != '"' {
            first.push(character);
            continue;
        }
        match characters.next() {
            Some((_, '"')) => first.push('"'),
            Some((_, '.')) => return Some((first, &inside[at + 2..])),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{NodeId, NodeKind, TableId, pair, pairs};
    use crate::name::Name;
    use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

    /// Names of 1 to 64 characters, most of them out of what separates and quotes.
    fn name() -> impl Strategy<Value = Name> {
        let hostile = prop_oneof![
            Just('.'),
            Just('"'),
            Just('\''),
            Just(' '),
            Just('+'),
            Just(','),
            Just(':'),
            Just('é'),
            Just('名'),
            Just('a'),
            any::<char>(),
        ];
        proptest::collection::vec(hostile, 1..=64).prop_map(|chars| Name::new(chars.into_iter().collect::<String>()))
    }

    fn id() -> impl Strategy<Value = NodeId> {
        (0..6, name(), name()).prop_map(|(kind, first, second)| match kind {
            0 => NodeId::Generator(first),
            1 => NodeId::Source { source: first, table: second },
            2 => NodeId::Seed(first),
            3 => NodeId::Copy { replication: first, table: second },
            4 => NodeId::Model(first),
            _ => NodeId::Test(first),
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(id in id(), other in id()) {
            prop_assert_eq!(NodeId::parse(&id.to_string()), Some(id.clone()));
            prop_assert!(NodeId::named(&id.name()).any(|named| named == id), "{}", id.name());
            prop_assert!(NodeId::named_of(id.kind(), &id.name()).next() == Some(id.clone()));
            prop_assert_eq!(id == other, id.to_string() == other.to_string());
            if let Some(table) = id.source_table() {
                prop_assert_eq!(TableId::parse(&table.to_string()), Some(table));
            }
        }

        #[test]
        fn any_text_can_be_read(text in any::<String>()) {
            let _ = NodeId::parse(&text);
            for (first, second) in pairs(&text) {
                prop_assert!(!first.as_str().is_empty() && !second.as_str().is_empty());
            }
        }
    }

    #[test]
    fn a_first_part_with_dots_stands_in_quotes() {
        let read = |text: &str| pair(text).map(|(a, b)| format!("{a}|{b}"));
        assert_eq!(read("shop.orders").as_deref(), Some("shop|orders"));
        assert_eq!(read("shop.my.orders").as_deref(), Some("shop|my.orders"));
        assert_eq!(read("\"my.shop\".or\"ders").as_deref(), Some("my.shop|or\"ders"));
        assert_eq!(read("\"a\"\"b\".c").as_deref(), Some("a\"b|c"));
        assert_eq!(read("orders"), None);
        assert_eq!(read("shop."), None);
        assert_eq!(NodeId::source("my.shop", "or\"ders").to_string(), "source.\"my.shop\".or\"ders");
        let all: Vec<String> =
            NodeId::named_of(NodeKind::Copy, "a.b.c").map(|id| format!("{:?}", id.copied())).collect();
        assert_eq!(all, ["Some((\"a\", \"b.c\"))", "Some((\"a.b\", \"c\"))"]);
    }

    #[test]
    fn kinds_are_sorted_before_names() {
        let sorted = [
            NodeId::Generator("z".into()),
            NodeId::source("a", "b"),
            NodeId::Seed("a".into()),
            NodeId::copy("a", "b"),
            NodeId::Model("a".into()),
            NodeId::Test("a".into()),
        ];
        assert!(sorted.is_sorted());
        assert!(sorted.iter().map(NodeId::kind).is_sorted());
    }
}
