//! Rules that each row of staging meets by itself.

use crate::{
    connectors::mysql::{
        describe::{Carried, Relation},
        server::Product,
        standard_sql,
        statement::quote,
    },
    hub::publication::{Mode, Target},
};
use engine_language::table::RowCheck;

/// Those rules of a table that a row meets or breaks alone. Its staging has them too: else a row would escape them where a later
/// one of the same key takes its place, and what is refused would depend on how rows are cut into batches.
#[derive(Default)]
pub struct EachRow<'a> {
    checks: Vec<(&'a RowCheck, Vec<String>)>,
    must: bool,
}

impl<'a> EachRow<'a> {
    /// Of a table into which rows are merged; of any other, none are needed.
    pub fn of(there: &'a Relation, target: &Target) -> Self {
        if !matches!(target.mode, Mode::Merge { .. }) {
            return Self::default();
        }
        let staged = |name: &String| target.schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name));
        let checks = there.definition.checks.iter().filter_map(|check| {
            let columns = standard_sql::columns(&check.sql)?;
            // What cannot be said again is left to the table itself.
            (standard_sql::understood(&check.sql) && columns.iter().all(staged)).then_some((check, columns))
        });
        Self { checks: checks.collect(), must: true }
    }

    /// What stands behind a column's type: whether it may be NULL, and the rule that is its own, which the server names by it.
    pub fn behind(&self, column: &Carried, there: &Relation) -> String {
        // A number that counts by itself stands for NULL.
        let nullable = there.definition.column(&column.name).is_none_or(|column| column.nullable) || column.counts;
        let null = if self.must && !nullable { "not null" } else { "null" };
        match self.checks.iter().find(|(check, columns)| is_own(check, columns, &column.name)) {
            Some((check, _)) => format!("{null} check ({})", check.sql),
            None => null.to_owned(),
        }
    }

    /// The other rules, as parts of `create table`.
    pub fn parts(&self, product: &Product) -> Vec<String> {
        let own = |number: usize| {
            let (check, columns) = &self.checks[number];
            columns.first().is_some_and(|column| {
                let first = self.checks.iter().position(|(check, columns)| is_own(check, columns, column));
                is_own(check, columns, column) && first == Some(number)
            })
        };
        let part = |number: usize| {
            let check = self.checks[number].0;
            // In MySQL their names are the whole database's.
            let name = check.name.as_ref().filter(|_| product.mariadb);
            let name = name.map(|name| format!("constraint {} ", quote(name))).unwrap_or_default();
            format!("{name}check ({})", check.sql)
        };
        (0..self.checks.len()).filter(|number| !own(*number)).map(part).collect()
    }
}

/// Whether a rule without a name speaks of this column and no other.
fn is_own(check: &RowCheck, columns: &[String], column: &str) -> bool {
    check.name.is_none() && !columns.is_empty() && columns.iter().all(|name| name.eq_ignore_ascii_case(column))
}
