//! Rows that differ, cell by cell.

use crate::terminal::{Style, Terminal};
use engine_run::test::difference::{Change, Difference};

/// Rows shown at most.
const MOST: usize = 20;

/// The rows that differ: their key, and the cells that changed.
pub fn drawn(terminal: Terminal, difference: &Difference, was: &str) -> String {
    let key: Vec<&str> = difference.key.iter().map(|i| difference.columns[*i].as_str()).collect();
    let minus = terminal.paint(Style::Bad, was);
    let plus = terminal.paint(Style::Good, "+ now");
    let mut text = format!("  key: {}      {minus}   {plus}\n", key.join(", "));
    if let Some((was, now)) = &difference.headers {
        text += &terminal.paint(Style::Bad, &format!("  - {was}"));
        text += "\n";
        text += &terminal.paint(Style::Good, &format!("  + {now}"));
        text += "\n";
    }
    for change in difference.changes.iter().take(MOST) {
        text += &row(terminal, difference, change);
    }
    let more = difference.changes.len().saturating_sub(MOST);
    if more > 0 {
        text.extend(["  … ", &more.to_string(), " more\n"]);
    }
    text
}

fn row(terminal: Terminal, difference: &Difference, change: &Change) -> String {
    let cells: Vec<String> = match change {
        Change::Added(row) | Change::Removed(row) => row.clone(),
        Change::Changed { was, now } => (0..difference.columns.len())
            .filter(|i| difference.key.contains(i) || was[*i] != now[*i])
            .map(|i| cell(terminal, &difference.columns[i], &was[i], &now[i]))
            .collect(),
    };
    let line = cells.join(" │ ");
    match change {
        Change::Added(_) => format!("{}\n", terminal.paint(Style::Good, &format!("  + │ {line} │"))),
        Change::Removed(_) => format!("{}\n", terminal.paint(Style::Bad, &format!("  - │ {line} │"))),
        Change::Changed { .. } => format!("    │ {line} │\n"),
    }
}

fn cell(terminal: Terminal, column: &str, was: &str, now: &str) -> String {
    if was == now {
        return now.to_owned();
    }
    let minus = terminal.paint(Style::Bad, &format!("- {was}"));
    let plus = terminal.paint(Style::Good, &format!("+ {now}"));
    format!("{column}: {minus} {plus}")
}
