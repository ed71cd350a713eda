//! When each node of a run was at work, as a picture.

use crate::web::format;
use serde::Serialize;
use std::fmt::Write as _;

const WIDTH: i64 = 640;
const ROW: usize = 22;
const LABEL: i64 = 220;

/// A node of a run, ended or at work.
#[derive(Clone, Debug, Serialize)]
pub struct Bar {
    /// The node's name.
    pub name: String,
    /// `succeeded`, `reused`, `failed`, `skipped`, `running`.
    pub state: String,
    /// When it began.
    pub started_us: i64,
    /// How long it took, or has taken so far.
    pub took_us: i64,
}

/// The picture: a bar a node over the run's time.
pub fn gantt(bars: &[Bar]) -> String {
    let Some(begin) = bars.iter().map(|bar| bar.started_us).min() else { return String::new() };
    let end = bars.iter().map(|bar| bar.started_us + bar.took_us).max().unwrap_or(begin).max(begin + 1);
    let x = |at: i64| LABEL + (at - begin) * (WIDTH - LABEL) / (end - begin);
    let height = bars.len() * ROW + 24;
    let mut text = format!(
        "<svg class=\"gantt\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         aria-label=\"when each of {} nodes was at work; the table below says the same\">",
        bars.len()
    );
    for part in 0..=4 {
        let at = begin + (end - begin) * part / 4;
        let (x, said) = (x(at), format::took(at - begin));
        let anchor = if part == 4 { "end" } else { "start" };
        let _ = write!(
            text,
            "<line class=\"tick\" x1=\"{x}\" y1=\"16\" x2=\"{x}\" y2=\"{height}\"/>\
             <text class=\"axis\" x=\"{x}\" y=\"11\" text-anchor=\"{anchor}\">{said}</text>"
        );
    }
    for (i, bar) in bars.iter().enumerate() {
        let y = 20 + i * ROW;
        let (left, right) = (x(bar.started_us), x(bar.started_us + bar.took_us));
        let (name, state) = (format::escaped(&shortened(&bar.name)), format::escaped(&bar.state));
        let title = format!("{}: {}, {}", format::escaped(&bar.name), state, format::took(bar.took_us));
        let _ = write!(
            text,
            "<g><title>{title}</title><text class=\"label\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>\
             <rect class=\"q q-{state}\" x=\"{left}\" y=\"{}\" width=\"{}\" height=\"14\" rx=\"2\"/></g>",
            LABEL - 8,
            y + 14,
            y + 3,
            (right - left).max(3),
        );
    }
    text.push_str("</svg>");
    text
}

fn shortened(name: &str) -> String {
    const MOST: usize = 30;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    format!("{}…", name.chars().take(MOST - 1).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{Bar, gantt};

    #[test]
    fn bars_lie_in_the_picture() {
        let bar =
            |name: &str, started_us, took_us| Bar { name: name.into(), state: "succeeded".into(), started_us, took_us };
        let picture = gantt(&[bar("<a>", 100, 50), bar("b", 150, 0)]);
        assert!(
            picture.contains("&lt;a&gt;") && picture.contains("x=\"220\"") && picture.contains("width=\"3\""),
            "{picture}"
        );
        assert_eq!(gantt(&[]), "");
    }
}
