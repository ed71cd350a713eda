//! Pure work on many things, over all cores.

use std::{
    num::NonZero,
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Things that a worker takes at once; for fewer, threads take longer than they save.
const SHARE: usize = 32;
/// As a main thread has it: parsers call themselves for what stands inside.
const STACK_BYTES: usize = 8 << 20;

/// What `work` makes of each, in their order.
pub fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let workers = cores.min(items.len() / SHARE);
    if workers < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = vec![];
        loop {
            let from = next.fetch_add(SHARE, Ordering::Relaxed);
            let Some(share) = items.get(from..items.len().min(from + SHARE)) else { return done };
            if share.is_empty() {
                return done;
            }
            done.push((from, share.iter().map(&work).collect::<Vec<R>>()));
        }
    };
    let mut shares: Vec<(usize, Vec<R>)> = thread::scope(|scope| {
        let begin = || thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, worker);
        let begun: Vec<_> = (0..workers).map(|_| begin().expect("a thread can be made")).collect();
        let ended = begun.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        ended.flatten().collect()
    });
    shares.sort_by_key(|(from, _)| *from);
    shares.into_iter().flat_map(|(_, share)| share).collect()
}

#[cfg(test)]
mod tests {
    use super::map;

    #[test]
    fn every_thing_in_its_order() {
        for n in [0, 1, 31, 64, 65, 1000] {
            let items: Vec<usize> = (0..n).collect();
            assert_eq!(map(&items, |item| item * 2), (0..n).map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
