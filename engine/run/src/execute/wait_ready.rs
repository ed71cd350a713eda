//! Systems that are not there yet: services come up in any order.

use crate::systems::Systems;
use engine_connect::hub::{
    connection::Connection,
    error::{Blame, Error, Retry},
};
use engine_language::name::Name;
use futures::future::join_all;
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// A try that takes longer has failed.
const TRY: Duration = Duration::from_secs(5);

/// Waits until each system answers, but not longer than `patience`, and only for those for which waiting may help. What
/// does not come by then, the steps that need it will say. `waits` is told once of each that is waited for.
pub async fn wait(
    systems: &Systems,
    names: &BTreeSet<Name>,
    patience: Duration,
    waits: &(dyn Fn(&Name, &Error) + Sync),
) {
    let wanted = systems.iter().filter(|(name, _)| names.contains(*name));
    join_all(wanted.map(|(name, connection)| one(name, connection, patience, waits))).await;
}

/// The same for one of them.
pub async fn one(
    name: &Name,
    connection: &Arc<dyn Connection>,
    patience: Duration,
    waits: &(dyn Fn(&Name, &Error) + Sync),
) {
    let began = Instant::now();
    let mut pause = Duration::from_millis(100);
    let mut said = false;
    while let Some(error) = absent(name, connection).await {
        if began.elapsed() + pause > patience {
            return;
        }
        if !std::mem::replace(&mut said, true) {
            waits(name, &error);
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE);
    }
}

/// Why a system does not answer, if that may pass.
async fn absent(name: &Name, connection: &Arc<dyn Connection>) -> Option<Error> {
    let silent = || Error::new(name, "connecting", Blame::System, "no answer").later();
    let error = timeout(TRY, connection.ping()).await.unwrap_or_else(|_| Err(silent())).err()?;
    (error.retry == Retry::Later && error.blame == Blame::System).then_some(error)
}
