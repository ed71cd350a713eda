//! Synthetic rows: each cell a function of seed, column and row number alone.
//!
//! A column is computed for any set of row numbers, so rows need no rows before them: batches, partitions and the rows that
//! a reference leads to are all asked for in the same way.

mod columns;
mod dependencies;
mod fake;
mod literal;
mod messages;
mod query;
mod scan;
mod seeded_random;

use datafusion::{
    arrow::datatypes::{Schema, SchemaRef},
    catalog::TableProvider,
};
use engine_language::{
    config::generator::{GeneratedColumn, Generator, Rows, table},
    diagnostic::Diagnostic,
    name::Name,
    table::TableDefinition,
};
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// All generators of a project, for one run.
#[derive(Debug)]
pub struct Generators {
    generators: BTreeMap<Name, Generator>,
    /// Columns of each generator, with their types.
    schemas: BTreeMap<Name, SchemaRef>,
    /// What `now` means where `as_of` is not given, in microseconds since 1970 UTC.
    now_us: i64,
    /// Rows are multiplied by this.
    scale: f64,
}

impl Generators {
    /// Checks that no column depends on itself and that every fake word is known.
    pub fn new(generators: &BTreeMap<Name, Generator>, now_us: i64, scale: f64) -> Result<Arc<Self>, Diagnostic> {
        dependencies::check(generators)?;
        let schema = |generator: &Generator| {
            let columns = table::definition(generators, generator).columns;
            // What a generator makes is cast to these exactly; whether NULL is allowed is the table's business.
            let fields = columns.iter().map(|column| crate::arrow::types::field(column).with_nullable(true));
            Arc::new(Schema::new(fields.collect::<Vec<_>>()))
        };
        let schemas = generators.iter().map(|(name, generator)| (name.clone(), schema(generator))).collect();
        Ok(Arc::new(Self { generators: generators.clone(), schemas, now_us, scale }))
    }

    /// The definition of the table that a generator fills.
    pub fn definition(&self, name: &Name) -> TableDefinition {
        table::definition(&self.generators, self.generator(name))
    }

    /// How many rows a generator makes; of one that makes some for each row of another, the most.
    pub fn rows(&self, name: &Name) -> u64 {
        match &self.generator(name).rows {
            Rows::Count(rows) => self.scaled(*rows),
            Rows::Per { parent, max, .. } => self.rows(&parent.value).saturating_mul(*max),
        }
    }

    /// The rows as a table that is computed while it is read.
    pub fn provider(self: &Arc<Self>, name: &Name) -> Arc<dyn TableProvider> {
        scan::table(self, name)
    }

    /// The rows as messages, with the faults that the user asked for: sent twice, late, or garbled.
    pub fn messages(self: &Arc<Self>, name: &Name) -> Arc<dyn TableProvider> {
        messages::table(self, name, 0..self.rows(name))
    }

    /// The messages of these rows, which may lie beyond the last one: rows have no end.
    pub fn messages_of(self: &Arc<Self>, name: &Name, rows: Range<u64>) -> Arc<dyn TableProvider> {
        messages::table(self, name, rows)
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a scale is rough"
    )]
    fn scaled(&self, rows: u64) -> u64 {
        (rows as f64 * self.scale).round().max(0.0) as u64
    }

    fn generator(&self, name: &Name) -> &Generator {
        &self.generators[name]
    }

    fn column(&self, name: &Name, column: &str) -> &GeneratedColumn {
        let found = self.generator(name).columns.iter().find(|c| c.name.value == column);
        found.expect("columns are checked when the project is loaded")
    }

    /// What `now` means for a generator.
    fn now(&self, name: &Name) -> i64 {
        self.generator(name).as_of_us.unwrap_or(self.now_us)
    }

    /// How many rows of a `per` generator a row of its parent has.
    fn children(&self, name: &Name, parent_row: u64) -> u64 {
        match &self.generator(name).rows {
            Rows::Count(_) => 1,
            Rows::Per { min, max, .. } => {
                let chance = seeded_random::SeededRandom::new(self.generator(name).seed, "", "children");
                min + chance.below(parent_row, max - min + 1)
            }
        }
    }

    /// How many rows there are at the top of a generator's chain of parents.
    fn roots(&self, name: &Name) -> u64 {
        match &self.generator(name).rows {
            Rows::Count(rows) => self.scaled(*rows),
            Rows::Per { parent, .. } => self.roots(&parent.value),
        }
    }

    /// How many row numbers stem from one row at the top.
    fn fan(&self, name: &Name) -> u64 {
        match &self.generator(name).rows {
            Rows::Count(_) => 1,
            Rows::Per { parent, max, .. } => self.fan(&parent.value).saturating_mul(*max).max(1),
        }
    }

    /// The numbers of the rows from one number up to another that there are; `per` generators have gaps.
    fn numbers(&self, name: &Name, from: u64, to: u64) -> Vec<u64> {
        (from..to).filter(|row| self.exists(name, *row)).collect()
    }

    fn exists(&self, name: &Name, row: u64) -> bool {
        match &self.generator(name).rows {
            Rows::Count(_) => true,
            Rows::Per { parent, max, .. } => {
                row % max < self.children(name, row / max) && self.exists(&parent.value, row / max)
            }
        }
    }
}
