//! Short ways to ask and to change the records.

use super::{History, state};
use crate::error::Result;
use rusqlite::{OptionalExtension as _, Params, Row, Transaction, TransactionBehavior};

impl History {
    /// All rows of a query.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let db = self.db();
        let mut statement = db.prepare_cached(sql).map_err(state)?;
        let rows = statement.query_map(params, row).map_err(state)?;
        rows.collect::<rusqlite::Result<_>>().map_err(state)
    }

    /// The first row of a query.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let db = self.db();
        let mut statement = db.prepare_cached(sql).map_err(state)?;
        statement.query_row(params, row).optional().map_err(state)
    }

    /// Changes rows; answers how many.
    pub(super) fn change(&self, sql: &str, params: impl Params) -> Result<usize> {
        let db = self.db();
        db.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).map_err(state)
    }

    /// Does several things, all of them or none.
    pub(super) fn together<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut db = self.db();
        let done = || {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        };
        done().map_err(|error: rusqlite::Error| state(error))
    }

    /// The same, undone if the work answers that it is to be.
    pub(super) fn all_or_none<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<(T, bool)>,
    ) -> Result<T> {
        let mut db = self.db();
        let done = || {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let (answer, keep) = work(&transaction)?;
            if keep {
                transaction.commit()?;
            } else {
                transaction.rollback()?;
            }
            Ok(answer)
        };
        done().map_err(|error: rusqlite::Error| state(error))
    }

    /// A number that changes when another connection has written the records.
    pub fn version(&self) -> Result<i64> {
        self.db().query_row("pragma data_version", [], |row| row.get(0)).map_err(state)
    }
}
