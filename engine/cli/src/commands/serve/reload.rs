//! Reads the project again when a file of it is saved.

use crate::commands::serve::service_log::ServiceLog;
use crate::{context::Context, file_watcher::FileWatcher};
use engine_run::service::Service;
use std::{sync::Arc, time::Instant};

/// Watches the files, for as long as they can be watched.
pub async fn reload(context: Context, log: Arc<ServiceLog>, service: Service, poll: bool) {
    let mut saves = match FileWatcher::watch(&context.root, poll) {
        Ok(saves) => saves,
        Err(error) => return context.terminal.say(&format!("the project is not read again when it is saved: {error}")),
    };
    while let Some(paths) = saves.next().await {
        log.saved(&paths.iter().map(|path| context.shown(path)).collect::<Vec<_>>());
        let started = Instant::now();
        if service.reload().await {
            log.reloaded(started.elapsed());
        } else if let Some(broken) = service.broken() {
            log.kept(&broken.project, &broken.problems);
        }
    }
}
