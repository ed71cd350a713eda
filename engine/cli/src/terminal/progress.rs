//! The live region: what is running, how fast, and how long it will still take.

use super::format::NAME;
use crate::terminal::{Terminal, format};
use engine_language::graph::NodeId;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

const SPINNER: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ";
const BAR: &str = "█▉▊▋▌▍▎▏ ";
/// More bars than this would fill the screen.
const BARS: usize = 8;

/// Bars under the finished lines. Without a terminal it does nothing.
#[derive(Debug)]
pub struct Progress {
    live: Option<Live>,
}

#[derive(Debug)]
struct Live {
    region: MultiProgress,
    bars: Mutex<BTreeMap<NodeId, ProgressBar>>,
}

impl Progress {
    /// For a terminal.
    pub fn new(terminal: Terminal) -> Self {
        let region = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(15));
        let live = terminal.live.then(|| Live { region: region(), bars: Mutex::default() });
        Self { live }
    }

    /// A step began.
    pub fn start(&self, node: &NodeId, doing: &str) {
        let Some(live) = &self.live else { return };
        let mut bars = live.bars();
        if bars.len() >= BARS {
            return;
        }
        let bar = live.region.add(ProgressBar::new_spinner());
        bar.set_style(spinning());
        bar.set_prefix(format!("{doing} {:<NAME$}", node.name()));
        bar.enable_steady_tick(Duration::from_millis(100));
        bars.insert(node.clone(), bar);
    }

    /// A step moved on.
    pub fn advance(&self, node: &NodeId, rows: u64, of_rows: Option<u64>) {
        let Some(live) = &self.live else { return };
        let bars = live.bars();
        let Some(bar) = bars.get(node) else { return };
        if let Some(all) = of_rows.filter(|all| *all > 0 && bar.length() != Some(*all)) {
            bar.set_length(all);
            bar.set_style(measured());
        }
        bar.set_position(rows);
    }

    /// A step ended.
    pub fn finish(&self, node: &NodeId) {
        let Some(live) = &self.live else { return };
        let bar = live.bars().remove(node);
        if let Some(bar) = bar {
            bar.finish_and_clear();
            live.region.remove(&bar);
        }
    }

    /// Writes something above the region.
    pub fn above(&self, write: impl FnOnce()) {
        match &self.live {
            Some(live) => live.region.suspend(write),
            None => write(),
        }
    }

    /// Removes whatever still stands there.
    pub fn clear(&self) {
        let Some(live) = &self.live else { return };
        live.bars().clear();
        let _ = live.region.clear();
    }
}

impl Live {
    fn bars(&self) -> MutexGuard<'_, BTreeMap<NodeId, ProgressBar>> {
        self.bars.lock().expect("no holder of this lock panics")
    }
}

fn spinning() -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner:>3} {prefix}  {rows}").expect("the template is valid");
    style.tick_chars(SPINNER).with_key("rows", rows)
}

fn measured() -> ProgressStyle {
    let template = "{spinner:>3} {prefix}  {bar:10}  {percent:>3} %   {rate}   {left}";
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    style.tick_chars(SPINNER).progress_chars(BAR).with_key("rate", rate).with_key("left", left)
}

fn rows(state: &ProgressState, out: &mut dyn Write) {
    if state.pos() > 0 {
        let _ = write!(out, "{}   {}", format::counted(state.pos(), "row"), speed(state));
    }
}

fn rate(state: &ProgressState, out: &mut dyn Write) {
    let _ = out.write_str(&speed(state));
}

fn left(state: &ProgressState, out: &mut dyn Write) {
    let _ = write!(out, "{}s left", state.eta().as_secs());
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for the eye")]
fn speed(state: &ProgressState) -> String {
    format!("{} rows/s", format::short(state.per_sec().max(0.0) as u64))
}
