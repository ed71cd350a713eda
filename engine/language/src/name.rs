//! Names that users give, and the nearest one to a mistyped one.

use std::{borrow::Borrow, fmt, sync::Arc};

/// A name in a project: of a connection, a source, a model. Any text of 1 to 64 characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Name(Arc<str>);

impl Name {
    /// Takes a name as it is; [`Name::check`] says whether users may give it.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().into())
    }

    /// Why this name cannot be given, if so.
    pub fn check(&self) -> Option<&'static str> {
        let n = self.0.chars().count();
        if n == 0 {
            Some("a name cannot be empty")
        } else if n > 64 {
            Some("a name has at most 64 characters")
        } else if self.0.chars().any(char::is_control) {
            Some("a name cannot contain control characters")
        } else {
            None
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl schemars::JsonSchema for Name {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

/// The candidate that a mistyped name most likely meant, if one is near enough.
pub fn nearest<S: AsRef<str> + Ord>(typed: &str, candidates: impl IntoIterator<Item = S>) -> Option<S> {
    let typed = typed.to_lowercase();
    let far = |candidate: &S| {
        let candidate = candidate.as_ref();
        let distance = strsim::damerau_levenshtein(&typed, &candidate.to_lowercase());
        let longer = candidate.chars().count().max(typed.chars().count());
        (distance <= longer.div_ceil(3)).then_some(distance)
    };
    candidates.into_iter().filter_map(|candidate| Some((far(&candidate)?, candidate))).min().map(|(_, near)| near)
}
