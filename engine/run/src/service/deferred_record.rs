//! Keeps silent about a run until something comes of it: a stream without news is not worth a record a second.

use crate::{
    event::{Event, Level, Listener},
    report::Status,
};
use std::sync::{Arc, Mutex};

/// Passes events on from the first one that is worth it, with all that went before.
pub struct DeferredRecord {
    listeners: Vec<Arc<dyn Listener>>,
    held: Mutex<Option<Vec<(i64, Event)>>>,
}

impl DeferredRecord {
    /// Passes them on to these.
    pub fn new(listeners: Vec<Arc<dyn Listener>>) -> Self {
        Self { listeners, held: Mutex::new(Some(vec![])) }
    }

    /// Whether anything was worth it.
    pub fn spoke(&self) -> bool {
        self.held.lock().expect("no holder of this lock panics").is_none()
    }

    fn pass(&self, at_us: i64, event: &Event) {
        for listener in &self.listeners {
            listener.hear(at_us, event);
        }
    }
}

impl Listener for DeferredRecord {
    fn hear(&self, at_us: i64, event: &Event) {
        let mut held = self.held.lock().expect("no holder of this lock panics");
        if let Some(before) = held.as_mut() {
            if !worth_it(event) {
                before.push((at_us, event.clone()));
                return;
            }
            for (at_us, event) in held.take().unwrap_or_default() {
                self.pass(at_us, &event);
            }
        }
        self.pass(at_us, event);
    }
}

fn worth_it(event: &Event) -> bool {
    match event {
        Event::StepFinished(report) => {
            matches!(report.status, Status::Succeeded | Status::Failed) || report.rejected > 0
        }
        Event::StepProgress { rows, .. } => *rows > 0,
        Event::StepRetried { .. } => true,
        Event::Checked { checks, .. } => checks.iter().any(|check| check.failing > 0),
        Event::Log { level, .. } => *level >= Level::Warn,
        _ => false,
    }
}
