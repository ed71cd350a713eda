//! `engine explain`: a kind of mistake in full.

use crate::{
    args::Explain,
    exit_status::{CliError, ExitStatus, Result},
    terminal::{self, Style, Terminal},
};
use engine_language::{
    code::{self, Code},
    name::nearest,
};

/// Prints a code's page, or the list of them.
pub fn explain(terminal: Terminal, args: &Explain) -> Result {
    let text = match &args.code {
        Some(typed) => page(terminal, find(typed)?),
        None => list(),
    };
    terminal::write(&text)?;
    Ok(ExitStatus::Done)
}

/// The code that was typed: `E0202`, `e202`, `202`.
fn find(typed: &str) -> Result<&'static Code> {
    let digits = typed.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let letter = typed[..typed.len() - digits.len()].to_uppercase();
    let letters: &[&str] = if letter.is_empty() { &["E", "W"] } else { &[&letter] };
    let padded = letters.iter().find_map(|letter| code::find(&format!("{letter}{digits:0>4}")));
    padded.ok_or_else(|| {
        let near = nearest(&typed.to_uppercase(), code::ALL.iter().map(|code| code.id));
        let hint = match near.and_then(code::find) {
            Some(code) => format!("a similar one is `{}`, {}", code.id, title(code).to_lowercase()),
            None => "`engine explain` lists all of them".to_owned(),
        };
        CliError::usage(format!("there is no code `{typed}`"), hint)
    })
}

/// Every code with its title, a line each.
fn list() -> String {
    let mut text = String::new();
    text.extend(code::ALL.iter().flat_map(|code| [code.id, "  ", title(code), "\n"]));
    text
}

fn title(code: &Code) -> &'static str {
    code.page.lines().next().unwrap_or_default().trim_start_matches("# ")
}

fn page(terminal: Terminal, code: &Code) -> String {
    let colour = terminal.data_colour;
    let mut text = format!("{} {}\n", Style::Bad.paint(colour, code.id), Style::Bold.paint(colour, title(code)));
    let mut code_block = false;
    for line in code.page.lines().skip(1) {
        if line.starts_with("```") {
            code_block = !code_block;
        } else if code_block {
            text.extend([format!("    {}\n", Style::Blue.paint(colour, line))]);
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}
