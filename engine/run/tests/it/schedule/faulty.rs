//! Records that fail: before a write, after it, for a while, or with the whole process.

use engine_run::{
    history::TargetRecords,
    schedule::{
        record::{Job, RunEnd, ScheduleRecord},
        store::{Applied, Change, Store},
    },
};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

/// Numbers that look as if they came by chance.
#[derive(Debug)]
pub struct Chance(Cell<u64>);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// A number below that one.
    pub fn below(&self, limit: u64) -> u64 {
        let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0.set(next);
        (next >> 33) % limit
    }
}

/// The records of a target, with faults between any two steps.
pub struct Faulty<'a> {
    pub records: TargetRecords<'a>,
    pub chance: Chance,
    /// Of a hundred calls so many fail, each in one of the ways.
    pub percent: Cell<u64>,
    /// Nothing can be written.
    pub full: Cell<bool>,
    /// The process died, and nobody has asked yet.
    pub died: Cell<bool>,
    /// Jobs that somebody cancelled, some of them just before they would have begun.
    pub cancelled: RefCell<BTreeSet<i64>>,
    /// How often each kind of fault hit.
    pub hits: RefCell<BTreeMap<&'static str, u64>>,
}

impl Faulty<'_> {
    fn hit(&self, kind: &'static str) -> Result<(), String> {
        *self.hits.borrow_mut().entry(kind).or_default() += 1;
        if kind.starts_with("dies") {
            self.died.set(true);
        }
        Err(kind.to_owned())
    }

    fn fault(&self, kinds: [&'static str; 2]) -> Result<(), String> {
        if self.died.get() {
            return Err("the process is dead".to_owned());
        }
        if self.chance.below(100) >= self.percent.get() {
            return Ok(());
        }
        self.hit(kinds[usize::from(self.chance.below(4) == 0)])
    }

    /// Somebody cancels a job that waits.
    pub fn cancel(&self, job: i64, now_us: i64) {
        if self.records.history.unwant(Some(job), None, "cancelled", now_us).unwrap() > 0 {
            self.cancelled.borrow_mut().insert(job);
        }
    }
}

impl Store for Faulty<'_> {
    type Error = String;

    fn schedules(&self) -> Result<BTreeMap<String, ScheduleRecord>, String> {
        self.fault(["reading fails", "dies before reading"])?;
        self.records.schedules().map_err(|error| error.to_string())
    }

    fn open_jobs(&self) -> Result<Vec<Job>, String> {
        self.fault(["reading fails", "dies before reading"])?;
        self.records.open_jobs().map_err(|error| error.to_string())
    }

    fn run_end(&self, run: &str) -> Result<Option<RunEnd>, String> {
        self.fault(["reading fails", "dies before reading"])?;
        self.records.run_end(run).map_err(|error| error.to_string())
    }

    fn apply(&self, changes: &[Change], now_us: i64) -> Result<Applied, String> {
        self.fault(["writing fails", "dies before writing"])?;
        if self.full.get() {
            self.hit("the disk is full")?;
        }
        if let [Change::Begin { job, .. }] = changes
            && self.chance.below(200) < self.percent.get()
        {
            self.cancel(*job, now_us);
        }
        let applied = self.records.apply(changes, now_us).map_err(|error| error.to_string())?;
        self.fault(["fails after writing", "dies after writing"])?;
        Ok(applied)
    }
}
