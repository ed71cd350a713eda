//! Every code of a diagnostic.

use engine_language::code;
use std::fmt::Write as _;

/// The page.
pub fn page() -> String {
    let mut text = "# Errors and warnings\n\nWhat `engine explain CODE` prints, on one page.\n".to_owned();
    for code in code::ALL {
        let (title, rest) = code.page.split_once('\n').unwrap_or((code.page, ""));
        let title = title.trim_start_matches("# ");
        write!(text, "\n## {} {title}\n\n{}\n", code.id, rest.trim()).expect("text can be written to");
    }
    text
}
