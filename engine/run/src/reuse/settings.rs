//! The settings of connections as far as they may change rows, and the digest that all parts of a definition go into.

use engine_language::{
    config::{
        settings::Settings,
        toml::{Value, ValueKind},
    },
    name::Name,
    project::Project,
};
use std::collections::BTreeMap;

/// Words in keys whose values let somebody in and change no row. They are left out, so that a new password rebuilds nothing
/// and no digest of one is stored.
const CREDENTIALS: [&str; 5] = ["password", "secret", "token", "credential", "private_key"];

/// Parts that are digested so that no two lists of them look the same.
pub struct Parts(blake3::Hasher);

impl Parts {
    /// Begins with engine's version: another one may compute something else.
    pub fn new() -> Self {
        let mut parts = Self(blake3::Hasher::new());
        parts.add(env!("CARGO_PKG_VERSION"));
        parts
    }

    /// Adds a part.
    pub fn add(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    /// The digest, in hexadecimal.
    pub fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}

/// What each connection says: its kind, its place and its policies.
pub fn connections(project: &Project) -> BTreeMap<Name, String> {
    let said = project.connections.iter().map(|(name, declared)| {
        let mut parts = Parts::new();
        parts.add(&declared.kind);
        add(&declared.fields, &mut parts);
        (name.clone(), parts.finish())
    });
    said.collect()
}

/// What of the project's settings may change rows.
pub fn project(project: &Project) -> String {
    // Variables are in the SQL that they are rendered into; where rows go, each node says itself. What is left says how
    // much of the machine is used, what is kept, and where a name leads.
    let Settings { default_target: _, default_sink: _, vars: _, limits: _, runs_by_connection: _, kept: _ } =
        &project.settings;
    Parts::new().finish()
}

fn add(value: &Value, parts: &mut Parts) {
    match &value.kind {
        ValueKind::String(text) | ValueKind::Interpolated(text) | ValueKind::Datetime(text) => {
            parts.add(without_user(text));
        }
        ValueKind::Integer(number) => parts.add(&number.to_string()),
        ValueKind::Float(number) => parts.add(&number.to_string()),
        ValueKind::Boolean(truth) => parts.add(&truth.to_string()),
        ValueKind::Array(items) => {
            parts.add(&format!("list of {}", items.len()));
            for item in items {
                add(item, parts);
            }
        }
        ValueKind::Table(entries) => {
            let mut entries: Vec<_> = entries.iter().filter(|(key, _, _)| !is_credential(key)).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            parts.add(&format!("table of {}", entries.len()));
            for (key, _, value) in entries {
                parts.add(key);
                add(value, parts);
            }
        }
    }
}

fn is_credential(key: &str) -> bool {
    let key = key.to_lowercase();
    CREDENTIALS.iter().any(|word| key.contains(word))
}

/// A URL without the user and the password in it; other text as it is.
fn without_user(text: &str) -> &str {
    let Some((_, rest)) = text.split_once("://") else { return text };
    let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    authority.rfind('@').map_or(text, |at| &rest[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::{is_credential, without_user};

    #[test]
    fn credentials_are_no_settings() {
        assert_eq!(without_user("mysql://me:p@ss@h:1/db"), "h:1/db");
        assert_eq!(without_user("postgres://h/db?x=a@b"), "postgres://h/db?x=a@b");
        assert_eq!(without_user("a@b"), "a@b");
        assert!(is_credential("password_file") && is_credential("sasl_password") && !is_credential("types"));
    }
}
