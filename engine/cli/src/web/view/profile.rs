//! Keeps rows and profiles of nodes, as long as they are of the same rows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::sync::OnceCell;

/// Nodes whose rows are kept.
const MOST: usize = 64;

/// Of which rows something is: it is made again when one of these is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// When the project was read.
    pub read_us: i64,
    /// When the table was made; of a table that nobody here makes, the minute.
    pub made_us: i64,
}

/// What was made of the rows of nodes.
#[derive(Debug)]
pub struct Kept<T>(Mutex<BTreeMap<String, Entry<T>>>);

/// A version of a table, and what was made of it.
type Entry<T> = (Version, Arc<OnceCell<T>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Kept<T> {
    /// What was made of a node's rows; `make` makes it once for all who ask meanwhile. Only what is `good` is kept.
    pub async fn of(
        &self,
        node: &str,
        version: Version,
        make: impl Future<Output = T>,
        good: impl Fn(&T) -> bool,
    ) -> T {
        let cell = self.cell(node, version);
        let made = cell.get_or_init(|| make).await.clone();
        if !good(&made) {
            let mut kept = self.0.lock().expect("no holder of this lock panics");
            if kept.get(node).is_some_and(|(_, other)| Arc::ptr_eq(other, &cell)) {
                kept.remove(node);
            }
        }
        made
    }

    fn cell(&self, node: &str, version: Version) -> Arc<OnceCell<T>> {
        let mut kept = self.0.lock().expect("no holder of this lock panics");
        if let Some((known, cell)) = kept.get(node)
            && *known == version
        {
            return cell.clone();
        }
        if kept.len() >= MOST {
            kept.clear();
        }
        let cell = Arc::<OnceCell<T>>::default();
        kept.insert(node.to_owned(), (version, cell.clone()));
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Version};
    use std::cell::Cell;

    #[tokio::test]
    async fn rows_are_looked_at_once() {
        let (kept, made) = (Kept::default(), Cell::new(0));
        let make = async || {
            made.set(made.get() + 1);
            made.get()
        };
        let version = |made_us| Version { read_us: 1, made_us };
        assert_eq!(kept.of("a", version(1), make(), |_| true).await, 1);
        assert_eq!(kept.of("a", version(1), make(), |_| true).await, 1, "the same rows");
        assert_eq!(kept.of("b", version(1), make(), |_| true).await, 2, "another node");
        assert_eq!(kept.of("a", version(2), make(), |_| false).await, 3, "other rows");
        assert_eq!(kept.of("a", version(2), make(), |_| true).await, 4, "an error is not kept");
    }
}
