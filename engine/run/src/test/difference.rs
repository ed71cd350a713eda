//! How two sets of rows differ, row by row and cell by cell.

use super::cells::Cells;
use std::collections::{BTreeMap, BTreeSet};

/// How rows that were expected and rows that came differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The names of the columns of either, those of the expected rows first.
    pub columns: Vec<String>,
    /// The columns that name a row, as places in `columns`; all of them if there is no key.
    pub key: Vec<usize>,
    /// The expected rows' header, if the columns or their types differ, and that of the rows that came.
    pub headers: Option<(String, String)>,
    /// Rows that differ, by key.
    pub changes: Vec<Change>,
    /// How many rows came.
    pub rows: usize,
}

/// A row that differs. Cells are written as in snapshots; a column that one side lacks is empty there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not expected.
    Added(Vec<String>),
    /// It was expected and did not come.
    Removed(Vec<String>),
    /// Its cells changed.
    Changed {
        /// As expected.
        was: Vec<String>,
        /// As it came.
        now: Vec<String>,
    },
}

impl Change {
    /// A cell that both sides have, or the one that there is.
    pub fn cell(&self, column: usize) -> &str {
        match self {
            Self::Added(row) | Self::Removed(row) | Self::Changed { now: row, .. } => &row[column],
        }
    }
}

/// Compares; `None` if there is no difference. Rows may come in any order.
pub fn compare(expected: &Cells, came: &Cells, key: &[&str]) -> Option<Difference> {
    if expected == came {
        return None;
    }
    let mut columns: Vec<String> = expected.columns.iter().map(|(name, _)| name.clone()).collect();
    for (name, _) in &came.columns {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let place = |name: &str| columns.iter().position(|column| column == name);
    let known: Option<Vec<usize>> = key.iter().map(|name| place(name)).collect();
    let key = known.filter(|key| !key.is_empty()).unwrap_or_else(|| (0..columns.len()).collect());
    let (was, now) = (spread(expected, &columns), spread(came, &columns));
    let (was, now) = (by_key(was, &key), by_key(now, &key));
    let keys: BTreeSet<&Vec<String>> = was.keys().chain(now.keys()).collect();
    let none = vec![];
    let changes: Vec<Change> =
        keys.iter().flat_map(|key| pair(was.get(*key).unwrap_or(&none), now.get(*key).unwrap_or(&none))).collect();
    let headers = (expected.columns != came.columns).then(|| (expected.header(), came.header()));
    if changes.is_empty() && headers.is_none() {
        return None;
    }
    Some(Difference { columns, key, headers, changes, rows: came.rows.len() })
}

/// The rows over all columns.
fn spread(cells: &Cells, columns: &[String]) -> Vec<Vec<String>> {
    let places: Vec<Option<usize>> =
        columns.iter().map(|name| cells.columns.iter().position(|(own, _)| own == name)).collect();
    let row =
        |row: &Vec<String>| places.iter().map(|place| place.map_or(String::new(), |at| row[at].clone())).collect();
    cells.rows.iter().map(row).collect()
}

fn by_key(rows: Vec<Vec<String>>, key: &[usize]) -> BTreeMap<Vec<String>, Vec<Vec<String>>> {
    let mut groups: BTreeMap<Vec<String>, Vec<Vec<String>>> = BTreeMap::new();
    for row in rows {
        groups.entry(key.iter().map(|at| row[*at].clone()).collect()).or_default().push(row);
    }
    groups
}

/// Rows of one key: equal ones cancel out, the others are paired in order.
fn pair(was: &[Vec<String>], now: &[Vec<String>]) -> Vec<Change> {
    let mut came: Vec<&Vec<String>> = now.iter().collect();
    let mut gone = vec![];
    for row in was {
        match came.iter().position(|other| *other == row) {
            Some(at) => drop(came.remove(at)),
            None => gone.push(row),
        }
    }
    let paired = gone.len().min(came.len());
    let mut changes: Vec<Change> =
        (0..paired).map(|i| Change::Changed { was: gone[i].clone(), now: came[i].clone() }).collect();
    changes.extend(gone[paired..].iter().map(|row| Change::Removed((*row).clone())));
    changes.extend(came[paired..].iter().map(|row| Change::Added((*row).clone())));
    changes
}

#[cfg(test)]
mod tests {
    use super::{Cells, Change, compare};

    fn cells(rows: &[[&str; 2]]) -> Cells {
        let columns = vec![("id".to_owned(), "int".to_owned()), ("v".to_owned(), "text".to_owned())];
        Cells { columns, rows: rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect() }
    }

    #[test]
    fn order_does_not_matter() {
        assert_eq!(compare(&cells(&[["1", "a"], ["2", "b"]]), &cells(&[["2", "b"], ["1", "a"]]), &["id"]), None);
    }

    #[test]
    fn a_row_of_the_same_key_is_changed_and_others_come_and_go() {
        let found = compare(&cells(&[["1", "a"], ["2", "b"]]), &cells(&[["1", "x"], ["3", "c"]]), &["id"]).unwrap();
        let row = |id: &str, v: &str| vec![id.to_owned(), v.to_owned()];
        let changed = Change::Changed { was: row("1", "a"), now: row("1", "x") };
        assert_eq!(found.changes, [changed, Change::Removed(row("2", "b")), Change::Added(row("3", "c"))]);
    }

    #[test]
    fn without_a_key_a_repeated_row_counts() {
        let found = compare(&cells(&[["1", "a"]]), &cells(&[["1", "a"], ["1", "a"]]), &[]).unwrap();
        assert_eq!(found.changes, [Change::Added(vec!["1".into(), "a".into()])]);
    }
}
