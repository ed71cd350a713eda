//! Streams: a `continuous` schedule runs again and again, with a small wait when nothing came.

use super::{
    Inner,
    deferred_record::DeferredRecord,
    fan_out::{FanOut, Work},
    job::{origin, written},
    run_info, tick, timed_generators,
};
use crate::{
    error::Result,
    event::{Events, Listener},
    history::{Recorder, RunRequest},
    options::RunOptions,
    report::{self, RunOutcome, Status},
    schedule::backoff,
};
use engine_language::{config::schedule::Trigger, name::Name};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The wait when nothing came.
const IDLE: Duration = Duration::from_millis(500);
/// The wait when something came, or when others go first.
const SHORT: Duration = Duration::from_millis(50);
/// The wait after a first failure; it doubles.
const FAILED: Duration = Duration::from_secs(1);
/// It is never longer.
const LONGEST: Duration = Duration::from_mins(1);

/// What came of one look.
enum Round {
    Came,
    Nothing,
    Failed {
        run: Option<String>,
        said: String,
    },
    /// Others go first, or somebody paused it.
    Kept,
}

impl Inner {
    /// Begins to follow the continuous schedules that are not followed yet.
    pub(super) fn follow(self: &Arc<Self>) {
        let reading = self.reading();
        let continuous = reading.project.schedules.iter().filter(|(_, one)| one.trigger == Trigger::Continuous);
        let mut following = self.following.lock().expect("no holder of this lock panics");
        for (name, _) in continuous {
            if following.insert(name.clone()) {
                self.tasks.spawn(both(self.clone(), name.clone()));
            }
        }
    }

    /// Whether a continuous schedule is still to be followed.
    pub(super) fn is_followed(&self, name: &Name) -> bool {
        let schedules = &self.reading().project.schedules;
        let there = schedules.get(name).is_some_and(|schedule| schedule.trigger == Trigger::Continuous);
        there && !self.closing.is_cancelled()
    }

    /// Whether somebody paused a schedule.
    pub(super) fn is_paused(&self, name: &Name) -> Result<bool> {
        let record = self.history.schedules(&self.target())?.remove(name.as_str());
        Ok(record.is_some_and(|record| record.paused.is_some()))
    }
}

/// Streams are looked at and messages are sent, until the schedule is gone.
async fn both(inner: Arc<Inner>, name: Name) {
    tokio::join!(follow(inner.clone(), name.clone()), timed_generators::emit(inner.clone(), name.clone()));
    inner.following.lock().expect("no holder of this lock panics").remove(&name);
    inner.wake.notify_one();
}

async fn follow(inner: Arc<Inner>, name: Name) {
    let mut failures = 0;
    while inner.is_followed(&name) {
        let (looking, of) = (inner.clone(), name.clone());
        let round = match tokio::spawn(async move { look(&looking, &of).await }).await {
            Ok(Ok(round)) => round,
            Ok(Err(error)) => Round::Failed { run: None, said: error.to_string() },
            Err(_) => Round::Failed { run: None, said: "engine itself failed".to_owned() },
        };
        let now = inner.now();
        let wait = match round {
            Round::Kept => SHORT,
            Round::Came | Round::Nothing => {
                let came = matches!(round, Round::Came);
                inner.live.looked(name.as_str(), now, came, None);
                failures = 0;
                if came { SHORT } else { IDLE }
            }
            Round::Failed { run, said } => {
                failures += 1;
                if failures == 1 {
                    raise(&inner, &name, run.as_deref(), &said);
                }
                inner.live.looked(name.as_str(), now, false, Some(said));
                inner.beat();
                backoff::wait(FAILED, failures, now).min(LONGEST)
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = inner.closing.cancelled() => {}
        }
    }
}

fn raise(inner: &Inner, name: &Name, run: Option<&str>, said: &str) {
    let reading = inner.reading();
    let told = reading.project.schedules.get(name).is_some_and(|schedule| schedule.webhook.is_some());
    let raised =
        if told { inner.history.raise(&inner.target(), name.as_str(), run, said, inner.now()) } else { Ok(()) };
    if let Err(error) = raised {
        tracing::warn!(%error, "a failure is not told");
    }
}

/// One look: a run of all that the schedule selects, which leaves no record if nothing came.
async fn look(inner: &Arc<Inner>, name: &Name) -> Result<Round> {
    let reading = inner.reading();
    if inner.is_paused(name)? {
        sleep(IDLE).await;
        return Ok(Round::Kept);
    }
    let Some(pass) = inner.enter().await? else { return Ok(Round::Kept) };
    let now = inner.now();
    let footprint = reading.footprints.get(name).cloned().unwrap_or_default();
    let nodes: BTreeSet<_> = footprint.nodes.clone();
    if !inner.scheduler().admit_continuous(name, footprint, &tick::room(&reading), now) {
        return Ok(Round::Kept);
    }
    let leave = Leave { inner, name };
    let options = RunOptions::default();
    let plan = reading.runner.clone().with(options).plan(&nodes)?;
    let run = run_info(ulid::Ulid::new().to_string(), now, (now, now));
    let cancel = CancellationToken::new();
    let work = Work { run: run.id.clone(), schedule: Some(name.to_string()), job: None };
    inner.live.begin(work.clone(), now, cancel.clone());
    let request = RunRequest::new(&reading.project, options, inner.options.vars.clone(), &plan).of_run(&run, vec![]);
    let recorder = Recorder::new(inner.history.clone(), request).of(origin(&work)).hiding(reading.mask.clone());
    let fan_out = FanOut { inner: inner.clone(), work: work.clone() };
    let deferred = Arc::new(DeferredRecord::new(vec![Arc::new(recorder), Arc::new(fan_out)]));
    let listeners: Vec<Arc<dyn Listener>> = vec![deferred.clone()];
    let report = reading.runner.run(&plan, run, &Events::to(listeners), &cancel).await;
    let cancelled_by = inner.live.end(&work.run);
    drop((leave, pass));
    if deferred.spoke() {
        written(inner, &reading, &work, &report);
        inner.beat();
    }
    let came = report.nodes.iter().any(|node| node.status == Status::Succeeded);
    Ok(match report.outcome {
        RunOutcome::Failed => Round::Failed { run: Some(work.run), said: reading.mask.text(&report::reason(&report)) },
        RunOutcome::Cancelled if cancelled_by.is_some() => {
            Round::Failed { run: Some(work.run), said: format!("cancelled by {}", cancelled_by.unwrap_or_default()) }
        }
        _ if came => Round::Came,
        _ => Round::Nothing,
    })
}

/// Makes room for others, whatever happens.
struct Leave<'a> {
    inner: &'a Arc<Inner>,
    name: &'a Name,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.inner.scheduler().leave_continuous(self.name);
        self.inner.wake.notify_one();
    }
}
