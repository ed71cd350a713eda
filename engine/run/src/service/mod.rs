//! The service: schedules, streams and people share one reading of the project, one history, and one account of what
//! is at work.

mod continuous;
mod control;
mod deferred_record;
mod fan_out;
mod job;
mod live;
mod reading;
mod serve;
mod shared_lock;
mod table_discovery;
mod tick;
mod timed_generators;
mod trouble;

pub use control::{ControlError, Trigger};
pub use fan_out::{Watcher, Work};
pub use live::{LiveNode, LiveRun, Look};
pub use reading::{Broken, Reading};

use crate::{clock::Clock, discover::Tables, error::Result, history::History, schedule::scheduler::Scheduler};
use engine_language::{name::Name, template::RunInfo, world::World};
use live::Live;
use shared_lock::SharedRunLock;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trouble::Trouble;

/// What a service serves.
#[derive(Clone)]
pub struct Options {
    /// The project's root.
    pub root: PathBuf,
    /// The files below it, and the environment.
    pub world: Arc<dyn World>,
    /// The target; `None` is the project's default.
    pub target: Option<Name>,
    /// Values for `var('name')`, on top of the project's.
    pub vars: BTreeMap<String, String>,
    /// The tables that replications name by globs, as far as their systems were asked.
    pub discovered: Arc<Tables>,
    /// Who hears what happens in all runs.
    pub watchers: Vec<Arc<dyn Watcher>>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("root", &self.root).field("target", &self.target).finish_non_exhaustive()
    }
}

/// A project that is served. Clones are the same service.
#[derive(Clone, Debug)]
pub struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    clock: Arc<dyn Clock>,
    history: Arc<History>,
    readings: RwLock<Readings>,
    live: Live,
    scheduler: Mutex<Scheduler>,
    /// The schedules of the project are not recorded yet.
    unmet: AtomicBool,
    run_lock: SharedRunLock,
    /// One at a time comes in, so that what others left behind is removed before anybody is at work.
    entering: tokio::sync::Mutex<()>,
    /// The continuous schedules that are followed.
    following: Mutex<BTreeSet<Name>>,
    /// Counts what happened, for those who show it.
    pulse: watch::Sender<u64>,
    /// Something happened that the schedules should look at.
    wake: Notify,
    /// Why the schedules could not be looked at, and since when.
    trouble: Mutex<Option<Trouble>>,
    /// Nothing new begins.
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// The project as it runs, and as it stands on disk if that is broken.
#[derive(Debug)]
struct Readings {
    good: Arc<Reading>,
    broken: Option<Arc<Broken>>,
}

impl Service {
    /// Reads the project, and refuses one that has errors.
    pub fn open(options: Options, history: Arc<History>, clock: Arc<dyn Clock>) -> Result<Self, Box<Broken>> {
        let good = Arc::new(Reading::read(&options, options.discovered.clone(), &history, &clock, None)?);
        Ok(Self(Arc::new(Inner {
            run_lock: SharedRunLock::new(options.root.join(".engine")),
            options,
            clock,
            history,
            readings: RwLock::new(Readings { good, broken: None }),
            live: Live::default(),
            scheduler: Mutex::default(),
            unmet: AtomicBool::new(true),
            entering: tokio::sync::Mutex::default(),
            following: Mutex::default(),
            pulse: watch::Sender::new(0),
            wake: Notify::new(),
            trouble: Mutex::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })))
    }

    /// The last reading without errors: what runs.
    pub fn reading(&self) -> Arc<Reading> {
        self.0.reading()
    }

    /// What is wrong with the project as it stands on disk, if something is.
    pub fn broken(&self) -> Option<Arc<Broken>> {
        self.0.readings.read().expect("no holder of this lock panics").broken.clone()
    }

    /// The records.
    pub fn history(&self) -> &Arc<History> {
        &self.0.history
    }

    /// The time.
    pub fn now_us(&self) -> i64 {
        self.0.now()
    }

    /// The runs at work, oldest first.
    pub fn live(&self) -> Vec<LiveRun> {
        self.0.live.runs()
    }

    /// When the stream of a `continuous` schedule was last looked at, and what came of it.
    pub fn look(&self, schedule: &str) -> Option<Look> {
        self.0.live.look(schedule)
    }

    /// How far the streams of this process were behind when they were last read, in messages.
    pub fn behind(&self) -> BTreeMap<String, u64> {
        self.0.live.behind()
    }

    /// A number that changes when something happened.
    pub fn pulse(&self) -> watch::Receiver<u64> {
        self.0.pulse.subscribe()
    }

    /// Says that something happened which the records tell.
    pub fn beat(&self) {
        self.0.beat();
    }

    /// The process that keeps runs from beginning here, if one does.
    pub fn blocked_by(&self) -> Option<u32> {
        self.0.run_lock.blocked_by()
    }

    /// Why the schedules stand still, if they do: the records cannot be read or written.
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble()
    }

    /// Reads the project again. One that is broken is told of, and the last good one goes on; true if it is good.
    pub async fn reload(&self) -> bool {
        self.0.reload().await
    }
}

impl Inner {
    fn now(&self) -> i64 {
        self.clock.now_us()
    }

    fn reading(&self) -> Arc<Reading> {
        self.readings.read().expect("no holder of this lock panics").good.clone()
    }

    fn target(&self) -> String {
        self.reading().project.target.as_str().to_owned()
    }

    fn beat(&self) {
        self.pulse.send_modify(|beats| *beats = beats.wrapping_add(1));
    }

    fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        self.scheduler.lock().expect("no holder of this lock panics")
    }

    async fn reload(self: &Arc<Self>) -> bool {
        let known = self.reading().discovered.clone();
        let mut read = self.read(known.clone()).await;
        let project = read.as_ref().map_or_else(|broken| broken.project.clone(), |reading| reading.project.clone());
        if let Some(tables) = self.tables(&project, &known).await {
            read = self.read(Arc::new(tables)).await;
        }
        self.take(read)
    }

    async fn read(self: &Arc<Self>, discovered: Arc<Tables>) -> Result<Reading, Box<Broken>> {
        let inner = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let before = inner.reading();
            Reading::read(&inner.options, discovered, &inner.history, &inner.clock, Some(&before.runner))
        });
        read.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Takes a reading as the one that runs, or as what is wrong; true if it is good.
    fn take(&self, read: Result<Reading, Box<Broken>>) -> bool {
        let good = read.is_ok();
        {
            let mut readings = self.readings.write().expect("no holder of this lock panics");
            match read {
                Ok(reading) => *readings = Readings { good: Arc::new(reading), broken: None },
                Err(broken) => readings.broken = Some(Arc::new(*broken)),
            }
        }
        if good {
            self.scheduler().reload();
            self.unmet.store(true, Ordering::Relaxed);
        }
        self.wake.notify_one();
        self.beat();
        good
    }

    /// Records which schedules there are, if that is not done since the project was read.
    fn meet_if_new(&self) -> Result<()> {
        if !self.unmet.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let met = self.meet();
        if met.is_err() {
            self.unmet.store(true, Ordering::Relaxed);
        }
        met
    }

    fn meet(&self) -> Result<()> {
        let reading = self.reading();
        let said = reading.project.schedules.iter();
        let said = said.map(|(name, schedule)| (name.to_string(), reading::said(&schedule.trigger))).collect();
        self.history.meet_schedules(reading.project.target.as_str(), &said, self.now())
    }
}

/// A run of that id that begins at that time and stands for an interval.
fn run_info(id: String, now_us: i64, interval_us: (i64, i64)) -> RunInfo {
    RunInfo { id, started_at_us: now_us, interval_us }
}
