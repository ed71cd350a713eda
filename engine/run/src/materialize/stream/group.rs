//! Micro-batches that are committed together: a stream that is behind stages them while what was read before is committed.

use super::{
    Flood,
    batch::{Messages, Refused, Sink, Staged, blamed, count},
};
use crate::{error::Result, report::NodeReport};
use engine_connect::{
    publish::{Advance, Commit, Mode},
    read::RejectedRow,
};
use engine_language::graph::NodeId;
use std::time::{Duration, Instant};

/// Micro-batches of one commit. A row whose key comes again in them is written once, and what a commit costs is paid once.
const BATCHES: usize = 10;
/// Bytes of messages that could not be read, which wait at hand.
const REJECTED_BYTES: usize = 4 << 20;
/// How long a commit waits for more of them.
const TIME: Duration = Duration::from_secs(1);

/// Micro-batches in one staging, of which at hand is only what could not be read.
pub struct Group {
    staged: Staged,
    rejected: Vec<RejectedRow>,
    /// Of each micro-batch, how many messages could be read and how many could not.
    counts: Vec<(usize, usize)>,
    began: Instant,
}

impl Group {
    /// Whether another one is to come to it besides the one that comes now.
    pub fn takes_more(&self) -> bool {
        let bytes: usize = self.rejected.iter().map(|row| row.payload.len()).sum();
        self.counts.len() + 1 < BATCHES && bytes < REJECTED_BYTES && self.began.elapsed() < TIME
    }

    /// How many micro-batches it is of.
    pub fn batches(&self) -> usize {
        self.counts.len()
    }

    fn messages(&self) -> usize {
        self.counts.iter().map(|(good, _)| good).sum()
    }

    fn add(&mut self, read: &mut Messages) {
        self.counts.push((read.good.num_rows(), read.rejected.len()));
        self.rejected.append(&mut read.rejected);
    }

    /// Has a flood counted as if each micro-batch were a commit.
    fn flood(&self, flood: &mut Flood) -> Result<()> {
        let mut from = 0;
        for (good, bad) in &self.counts {
            flood.read((good + bad) as u64, &self.rejected[from..from + bad])?;
            from += bad;
        }
        flood.taken(self.messages() as u64);
        Ok(())
    }
}

impl Sink<'_> {
    /// Stages the rows of a micro-batch, with those of the group if there is one. Of one that is refused, nothing is staged.
    pub async fn gather(
        &self,
        topic: &NodeId,
        group: &mut Option<Group>,
        read: &mut Messages,
        mode: Mode,
    ) -> Result<(), Refused> {
        let began = Instant::now();
        match group {
            Some(group) => {
                let made = self.make(topic, &read.good).await?;
                self.stage(&*group.staged.publisher, &made).await?;
                group.staged.tally.add(made.tally());
                group.add(read);
            }
            none => {
                let staged = self.staged(topic, &read.good, mode).await?;
                none.insert(Group { staged, rejected: vec![], counts: vec![], began }).add(read);
            }
        }
        Ok(())
    }

    /// Commits a group. `false` if the target refuses some row of it only now; then nothing is written.
    pub async fn commit_group(
        &self,
        group: Group,
        advance: Advance,
        flood: &mut Flood,
        report: &mut NodeReport,
    ) -> Result<bool> {
        let mut counted = flood.clone();
        group.flood(&mut counted)?;
        let (messages, rejected) = (group.messages(), group.rejected.len());
        let commit = Commit { advance: Some(advance), rejected: group.rejected, settled: vec![] };
        match group.staged.publisher.commit(commit).await.map_err(blamed) {
            Ok(_) => {}
            Err(Refused::Rows(error, _)) => {
                tracing::debug!(%error, messages, "a row is refused");
                return Ok(false);
            }
            Err(Refused::Whole(error)) => return Err(error),
        }
        *flood = counted;
        group.staged.tally.count(report);
        count(report, messages, rejected);
        Ok(true)
    }
}
