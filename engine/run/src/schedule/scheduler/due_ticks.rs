//! Ticks whose time has come: each becomes a job, or is let go.

use super::{Look, Rules, Scheduler};
use crate::schedule::{
    Tick,
    due::{Move, Standing, decide},
    record::{Cause, NewJob, ScheduleRecord},
    store::{Applied, Change, Store},
    times::Times,
};
use engine_language::{config::schedule::Missed, name::Name};
use std::collections::{BTreeMap, BTreeSet};

/// What is decided of a schedule.
struct Decision {
    /// Up to where its ticks are decided now; `None` if that is as it was.
    to_us: Option<i64>,
    tick: Option<Tick>,
    /// Before when nothing is due; `None` if something is at work.
    next_us: Option<i64>,
}

impl Scheduler {
    /// Records the ticks that are due now as jobs, and decides of those that were missed.
    pub(super) fn claim<S: Store>(
        &mut self,
        rules: &Rules<'_>,
        store: &S,
        records: &BTreeMap<String, ScheduleRecord>,
        look: &mut Look,
        now_us: i64,
    ) -> Result<(), S::Error> {
        let jobs = store.open_jobs()?;
        let of_due = jobs.iter().filter(|job| job.cause == Cause::Due);
        let busy: BTreeSet<&str> = of_due.filter_map(|job| job.schedule.as_deref()).collect();
        let (mut changes, mut next_due) = (vec![], vec![]);
        for (name, times) in rules.times {
            let Some(record) = records.get(name.as_str()) else { continue };
            let idle = record.paused.is_none() && !busy.contains(name.as_str());
            if matches!(times, Times::Never) || !idle {
                continue;
            }
            if let Some(next_us) = self.next_due.get(name).copied().filter(|next_us| *next_us > now_us) {
                look.again_at([next_us]);
                continue;
            }
            let decision = decision(times, rules.schedules[name].missed, record, now_us);
            changes.extend(changes_of(name, record, &decision));
            next_due.extend(decision.next_us.map(|next_us| (name.clone(), next_us)));
        }
        if !changes.is_empty() && store.apply(&changes, now_us)? != Applied::All {
            // Somebody changed the schedules meanwhile.
            look.again_at([now_us]);
            return Ok(());
        }
        look.again_at(next_due.iter().map(|(_, next_us)| *next_us));
        self.next_due.extend(next_due);
        look.claimed = changes.iter().filter(|change| matches!(change, Change::Add(_))).count();
        Ok(())
    }
}

fn decision(times: &Times, missed: Missed, record: &ScheduleRecord, now_us: i64) -> Decision {
    let mut standing = Standing { decided_us: record.decided_us, ready_us: record.ready_us };
    let mut to_us = None;
    loop {
        match decide(times, missed, standing, now_us) {
            Move::Run(tick) => return Decision { to_us: Some(tick.at_us), tick: Some(tick), next_us: None },
            Move::Wait(next_us) => {
                return Decision { to_us, tick: None, next_us: Some(next_us.unwrap_or(i64::MAX)) };
            }
            Move::LetGo(until_us) => (to_us, standing.decided_us) = (Some(until_us), Some(until_us)),
        }
    }
}

fn changes_of(name: &Name, record: &ScheduleRecord, decision: &Decision) -> Vec<Change> {
    let (schedule, from_us) = (name.to_string(), record.decided_us);
    let decide = decision.to_us.map(|to_us| Change::Decide { schedule, from_us, to_us });
    let add = decision.tick.map(|tick| Change::Add(NewJob::of_schedule(name.as_str(), Cause::Due, tick)));
    decide.into_iter().chain(add).collect()
}
