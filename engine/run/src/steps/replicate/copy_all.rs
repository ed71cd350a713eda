//! Which tables are copied when: the largest first, and as many at once as keep the machine busy.
//!
//! What a table gets after its rows (its indexes) is made while others are copied. Were the largest one copied beside all
//! others, it would end last, and nothing would be left to do meanwhile.

use super::{
    Job, Passing,
    copy::{Copied, Scan},
};
use crate::error::Result;
use engine_connect::hub::{connection::cores, publication::Publication};
use futures::{StreamExt, stream::FuturesUnordered};
use std::{cmp::Reverse, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Tables copied at once, where each is read in one stream.
const AT_ONCE: usize = 4;

impl Job<'_> {
    /// Copies all tables, each when there is room for it.
    pub(super) async fn copy_all(&self, tables: &[Passing], publisher: &dyn Publication) -> Result<Vec<Copied>> {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut order: Vec<usize> = (0..tables.len()).collect();
        order.sort_by_key(|at| Reverse(tables[*at].open.size_bytes));
        let (mut copying, mut done) = (FuturesUnordered::new(), vec![]);
        for at in order {
            let scan = self.scan(&tables[at]).await?;
            let wanted = takes(scan.streams(), cores(usize::MAX));
            // A large table is not overtaken by small ones that need less room.
            let taken = loop {
                tokio::select! {
                    taken = room.clone().acquire_many_owned(wanted) => break taken.expect("room is never closed"),
                    Some(copied) = copying.next() => done.push(copied?),
                }
            };
            copying.push(self.one_of(tables, at, (scan, taken), publisher));
        }
        while let Some(copied) = copying.next().await {
            done.push(copied?);
        }
        done.sort_unstable_by_key(|(at, _)| *at);
        Ok(done.into_iter().map(|(_, copied)| copied).collect())
    }

    async fn one_of(
        &self,
        tables: &[Passing],
        at: usize,
        (scan, taken): (Scan, OwnedSemaphorePermit),
        publisher: &dyn Publication,
    ) -> Result<(usize, Copied)> {
        let copied = self.one(&tables[at], scan, publisher).await?;
        drop(taken);
        Ok((at, copied))
    }
}

/// How much room a table takes of [`AT_ONCE`]: all of it, if it keeps every core busy by itself.
fn takes(streams: usize, cores: usize) -> u32 {
    let takes = if streams > 1 { (AT_ONCE * streams).div_ceil(cores).min(AT_ONCE) } else { 1 };
    u32::try_from(takes).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::takes;

    #[test]
    fn a_table_that_keeps_every_core_busy_is_copied_alone() {
        assert_eq!([1, 2, 4, 16].map(|streams| takes(streams, 2)), [1, 4, 4, 4]);
        assert_eq!([1, 2, 4, 16].map(|streams| takes(streams, 8)), [1, 1, 2, 4]);
        assert_eq!(takes(1, 1), 1, "one that is read in one stream leaves room for the waits of others");
    }
}
