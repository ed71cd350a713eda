//! Reads the project again when a file of it is saved.

use super::account::Account;
use crate::{context::Context, watch::saves::Saves};
use engine_run::service::Service;
use std::{sync::Arc, time::Instant};

/// Watches the files, for as long as they can be watched.
pub async fn reload(context: Context, account: Arc<Account>, service: Service, poll: bool) {
    let mut saves = match Saves::watch(&context.root, poll) {
        Ok(saves) => saves,
        Err(error) => return context.terminal.say(&format!("the project is not read again when it is saved: {error}")),
    };
    while let Some(paths) = saves.next().await {
        account.saved(&paths.iter().map(|path| context.shown(path)).collect::<Vec<_>>());
        let started = Instant::now();
        if service.reload().await {
            account.reloaded(started.elapsed());
        } else if let Some(broken) = service.broken() {
            account.kept(&broken.project, &broken.problems);
        }
    }
}
