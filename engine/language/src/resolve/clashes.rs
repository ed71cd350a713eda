//! Names that would mean two things in SQL.

use super::{Builder, start_of};
use crate::{code, diagnostic::Diagnostic};

impl Builder<'_> {
    /// Names that would mean two things in SQL.
    pub fn clashes(&mut self) {
        for (name, seed) in &self.project.seeds {
            if let Some(model) = self.project.models.get(name) {
                let message = format!("`{name}` is both a model and a seed, so `ref('{name}')` could mean either");
                self.problems.push(
                    Diagnostic::error(&code::E0426, start_of(model.file), message)
                        .also(start_of(seed.file), "the seed")
                        .hint("rename one of the two files"),
                );
            }
        }
        for (name, source) in &self.project.sources {
            let span = source.name.span;
            if name.as_str() == "models" {
                let message = "a source cannot be called `models`: that is where models stand in SQL";
                self.problems.push(Diagnostic::error(&code::E0429, span, message).hint("give it another name"));
            }
            if let Some(replication) = self.project.replications.get(name) {
                let message =
                    format!("`{name}` is both a source and a replication, so `{name}.table` could mean either");
                self.problems.push(
                    Diagnostic::error(&code::E0429, span, message)
                        .also(replication.name.span, "the replication")
                        .hint("rename one of the two"),
                );
            }
        }
    }
}
