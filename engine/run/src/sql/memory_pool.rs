//! Accounts for the memory of all queries: what spills has equal shares, and `RepartitionExec` is not made to spill.
//!
//! DataFusion's issue 24883: a `RepartitionExec` that spills may wait for ever for a batch that it has spilled itself. Here
//! its batches stay in memory. Beyond a bound it is refused, and so are the files that it asks for, which ends the query with an
//! error instead of a wait.

use datafusion::{
    error::{DataFusionError, Result},
    execution::{
        SpillFile, TempFileFactory,
        disk_manager::DiskManager,
        memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size},
    },
};
use std::{
    fmt::{Display, Formatter},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What `RepartitionExec` may hold, however little memory there is: some batches for each of its partitions.
const LEAST_REPARTITIONED: usize = 64 << 20;
/// What `RepartitionExec` calls the files that it spills to.
const REPARTITION_FILE: &str = "SpillPool";

/// So much memory for all queries together.
#[derive(Debug)]
pub struct QueryMemoryPool {
    size: usize,
    held: Mutex<Held>,
}

/// What consumers hold, by their kind, in bytes.
#[derive(Debug, Default)]
struct Held {
    /// Consumers that can spill.
    spillers: usize,
    spillable: usize,
    unspillable: usize,
    repartitioned: usize,
}

/// What becomes of a consumer for which memory is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It spills.
    Spillable,
    /// Its query fails.
    Unspillable,
    /// It may hold more than its share.
    Repartition,
}

impl Kind {
    fn of(consumer: &MemoryConsumer) -> Self {
        match consumer.can_spill() {
            true if consumer.name().starts_with("RepartitionExec[") => Self::Repartition,
            true => Self::Spillable,
            false => Self::Unspillable,
        }
    }
}

impl Held {
    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Spillable => &mut self.spillable,
            Kind::Unspillable => &mut self.unspillable,
            Kind::Repartition => &mut self.repartitioned,
        }
    }

    /// What one consumer may hold in all, if it holds so much now.
    fn most(&self, kind: Kind, size: usize, own: usize) -> usize {
        // Half is left to the others, which could not make room for what is repartitioned by spilling.
        let shared = size.saturating_sub(self.repartitioned).max(size / 2).saturating_sub(self.unspillable);
        match kind {
            Kind::Spillable => shared / self.spillers.max(1),
            Kind::Unspillable => (own + shared).saturating_sub(self.spillable),
            Kind::Repartition => (own + size.max(LEAST_REPARTITIONED)).saturating_sub(self.repartitioned),
        }
    }
}

impl QueryMemoryPool {
    /// A pool of so many bytes.
    pub fn new(size: usize) -> Self {
        Self { size, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusal(&self, reservation: &MemoryReservation, additional: usize, most: usize) -> DataFusionError {
        let [asked, own, most] = [additional, reservation.size(), most].map(human_readable_size);
        let name = reservation.consumer().name();
        DataFusionError::ResourcesExhausted(format!(
            "{name} asked for {asked} more than {own}, of at most {most}: {self}"
        ))
    }
}

impl MemoryPool for QueryMemoryPool {
    fn name(&self) -> &'static str {
        "queries"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if Kind::of(consumer) == Kind::Spillable {
            self.held().spillers += 1;
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if Kind::of(consumer) == Kind::Spillable {
            self.held().spillers -= 1;
        }
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        *self.held().of(Kind::of(reservation.consumer())) += additional;
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        *self.held().of(Kind::of(reservation.consumer())) -= shrink;
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let (kind, own) = (Kind::of(reservation.consumer()), reservation.size());
        let mut held = self.held();
        let most = held.most(kind, self.size, own);
        if own + additional > most {
            return Err(self.refusal(reservation, additional, most));
        }
        *held.of(kind) += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        let held = self.held();
        held.spillable + held.unspillable + held.repartitioned
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.size)
    }
}

impl Display for QueryMemoryPool {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} for all queries together", human_readable_size(self.size))
    }
}

/// Makes files to spill to, but none for `RepartitionExec`.
#[derive(Debug)]
pub struct SpillFiles(pub Arc<DiskManager>);

impl TempFileFactory for SpillFiles {
    fn create_temp_file(&self, description: &str) -> Result<Arc<dyn SpillFile>> {
        if description == REPARTITION_FILE {
            let message = "RepartitionExec holds as much as all queries may: the rows of few groups wait in it";
            return Err(DataFusionError::ResourcesExhausted(message.into()));
        }
        self.0.create_tmp_file(description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn pool(size: usize) -> Arc<dyn MemoryPool> {
        Arc::new(QueryMemoryPool::new(size))
    }

    fn consumer(pool: &Arc<dyn MemoryPool>, name: &str, spills: bool) -> MemoryReservation {
        MemoryConsumer::new(name).with_can_spill(spills).register(pool)
    }

    #[test]
    fn what_spills_has_equal_shares_of_what_the_others_leave() {
        let pool = pool(100 * MIB);
        let (sort, group) = (consumer(&pool, "sort", true), consumer(&pool, "group", true));
        assert!(sort.try_grow(51 * MIB).is_err());
        sort.try_grow(50 * MIB).unwrap();
        let join = consumer(&pool, "join", false);
        join.try_grow(40 * MIB).unwrap();
        assert!(join.try_grow(11 * MIB).is_err(), "the sort holds it");
        assert!(group.try_grow(31 * MIB).is_err(), "half of 60");
        group.try_grow(30 * MIB).unwrap();
        drop((sort, group, join));
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn what_is_repartitioned_is_held_and_leaves_half_to_the_others() {
        let pool = pool(100 * MIB);
        let partitions = ["RepartitionExec[0]", "RepartitionExec[1]"].map(|name| consumer(&pool, name, true));
        partitions[0].try_grow(70 * MIB).unwrap();
        let sort = consumer(&pool, "sort", true);
        assert!(sort.try_grow(51 * MIB).is_err());
        sort.try_grow(50 * MIB).unwrap();
        partitions[1].try_grow(30 * MIB).unwrap();
        assert!(partitions[1].try_grow(1).is_err());
        partitions[0].shrink(10 * MIB);
        partitions[1].try_grow(10 * MIB).unwrap();
    }

    #[test]
    fn little_memory_holds_the_batches_on_their_way() {
        let pool = pool(MIB);
        let partition = consumer(&pool, "RepartitionExec[0]", true);
        partition.try_grow(LEAST_REPARTITIONED).unwrap();
        assert!(partition.try_grow(1).is_err());
    }

    #[test]
    fn only_others_have_files() {
        let files = SpillFiles(Arc::new(DiskManager::builder().build().unwrap()));
        assert!(files.create_temp_file(REPARTITION_FILE).is_err());
        assert!(files.create_temp_file("Sorting").is_ok());
    }
}
