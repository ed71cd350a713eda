//! Micro-batches that are committed together: a stream that is behind stages them while what was read before is committed.

use super::{
    ErrorBudget,
    batch::{CommitError, Messages, Sink, Tally, blamed, count},
};
use crate::{error::Result, report::NodeReport};
use engine_connect::hub::{
    publication::{Advance, Commit, Mode, Publication, Waiting, Writer, Writers},
    rejected::RejectedRow,
};
use engine_language::graph::NodeId;
use std::time::{Duration, Instant};

/// Bytes of messages that could not be read, which wait at hand.
const REJECTED_BYTES: usize = 4 << 20;
/// Micro-batches that are written alone after a refusal, and after many.
const ALONE: (usize, usize) = (10, 1000);
/// How long a commit waits for more of them at least: a row whose key comes again in that time is written once.
const TIME: Duration = Duration::from_secs(3);
/// How long it waits while the one before it is not done, when it could not begin anyway, or while rows wait at hand.
const MOST_TIME: Duration = Duration::from_secs(5);

/// Micro-batches in one staging, of which at hand is only what could not be read.
pub struct Group {
    publisher: Box<dyn Publication>,
    /// Rows may wait in it for those that take their places.
    writer: Option<Box<dyn Writer>>,
    tally: Tally,
    rejected: Vec<RejectedRow>,
    /// Of each micro-batch, how many messages could be read and how many could not.
    counts: Vec<(usize, usize)>,
    began: Instant,
}

impl Group {
    /// Whether another one is to come to it besides the one that comes now; `idle` if what was read before is committed.
    pub fn takes_more(&mut self, idle: bool) -> bool {
        let bytes: usize = self.rejected.iter().map(|row| row.payload.len()).sum();
        let waiting = self.writer.as_mut().map_or(Waiting::Not, |writer| writer.waiting());
        let time = match (waiting, idle) {
            // Each row would be sent only once: nothing is gained by more of them.
            (Waiting::Full, true) => Duration::ZERO,
            (Waiting::Not, true) => TIME,
            (Waiting::Some, true) | (_, false) => MOST_TIME,
        };
        bytes < REJECTED_BYTES && self.began.elapsed() < time
    }

    fn messages(&self) -> usize {
        self.counts.iter().map(|(good, _)| good).sum()
    }

    /// Says that no more come to it.
    pub async fn close(&mut self) -> Result<(), CommitError> {
        match self.writer.take() {
            Some(writer) => writer.finish().await.map(drop).map_err(blamed),
            None => Ok(()),
        }
    }

    /// Has a `error_budget` counted as if each micro-batch were a commit.
    fn error_budget(&self, error_budget: &mut ErrorBudget) -> Result<()> {
        let mut from = 0;
        for (good, bad) in &self.counts {
            error_budget.read((good + bad) as u64, &self.rejected[from..from + bad])?;
            from += bad;
        }
        error_budget.taken(self.messages() as u64);
        Ok(())
    }
}

/// Whether groups are worth their while: of one with a refused row, each micro-batch has to be read again and written alone.
#[derive(Debug, Default)]
pub struct Trust {
    /// How many micro-batches are still to be written alone.
    alone: usize,
    /// How many there were after the last group that was refused.
    lost: usize,
}

impl Trust {
    /// Whether the next ones may be a group.
    pub fn groups(&self) -> bool {
        self.alone == 0
    }

    /// A group was refused: the more of them, the longer the others are written alone.
    pub fn lose(&mut self) {
        self.lost = (self.lost * 2).clamp(ALONE.0, ALONE.1);
        self.alone = self.lost;
    }

    /// Something was committed.
    pub fn regain(&mut self) {
        match self.alone {
            // A group, or what is alone anyhow.
            0 => self.lost = 0,
            _ => self.alone -= 1,
        }
    }
}

impl Sink<'_> {
    /// Stages the rows of a micro-batch, with those of the group if there is one. A group of which one is refused is of no use.
    pub async fn gather(
        &self,
        topic: &NodeId,
        group: &mut Option<Group>,
        read: Messages,
        mode: Mode,
    ) -> Result<(), CommitError> {
        let began = Instant::now();
        let made = self.make(topic, &read.good).await?;
        let group = match group {
            Some(group) => group,
            none => {
                let publisher = self.target.begin(self.publication(&made, mode)).await?;
                let writer = Some(publisher.writer(&self.place.table, Writers::Only).await?);
                let tally = Tally::default();
                none.insert(Group { publisher, writer, tally, rejected: vec![], counts: vec![], began })
            }
        };
        let writer = group.writer.as_mut().expect("it is closed when no more come");
        made.write(&mut **writer).await?;
        group.tally.add(made.tally());
        group.counts.push((read.good.num_rows(), read.rejected.len()));
        group.rejected.extend(read.rejected);
        Ok(())
    }

    /// Commits a group. `false` if the target refuses some row of it only now; then nothing is written.
    pub async fn commit_group(
        &self,
        group: Group,
        advance: Advance,
        error_budget: &mut ErrorBudget,
        report: &mut NodeReport,
    ) -> Result<bool> {
        let mut counted = error_budget.clone();
        group.error_budget(&mut counted)?;
        let (messages, rejected) = (group.messages(), group.rejected.len());
        let commit = Commit { advance: Some(advance), rejected: group.rejected, ..Commit::default() };
        match group.publisher.commit(commit).await.map_err(blamed) {
            Ok(_) => {}
            Err(CommitError::Rows(error, _)) => {
                tracing::debug!(%error, messages, "a row is refused");
                return Ok(false);
            }
            Err(CommitError::Whole(error)) => return Err(error),
        }
        *error_budget = counted;
        group.tally.count(report);
        count(report, messages, rejected);
        Ok(true)
    }
}
