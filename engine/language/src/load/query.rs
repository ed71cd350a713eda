//! Understands a query that was typed.

use crate::{
    diagnostic::Diagnostic, files::Span, project::Project, rendered::Rendered, resolve, sql, template::RunInfo,
};
use std::path::Path;

impl Project {
    /// Renders a query that the user typed, and checks it as if it were a model: one query, over what there is.
    pub fn query(&mut self, text: &str, run: &RunInfo) -> Result<Rendered, Vec<Diagnostic>> {
        let file = self.files.add(Path::new("<query>"), text.into());
        let rendered = self.render_text(file, None, run, false).map_err(|problem| vec![problem])?.rendered;
        let mut problems = sql::check(&rendered, Span::new(file, 0..0), None);
        problems.extend(resolve::unknown_reads(self, &rendered));
        if problems.is_empty() { Ok(rendered) } else { Err(problems) }
    }
}
