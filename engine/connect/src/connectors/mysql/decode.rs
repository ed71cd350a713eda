//! Rows of the binary protocol → Arrow.

use super::{column_builder::Cells, describe::Carried, server::Server, table::TableLocation};
use crate::{
    arrow::{batch_size::BatchSize, row_name},
    hub::{
        error::{Blame, Error},
        policy::{Unrepresentable, ValueError},
    },
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::Result as Answer,
};
use sqlx::{Decode, MySql, Row, mysql::MySqlRow};

/// Takes rows and gives batches.
pub struct Decoder<'a> {
    place: &'a TableLocation,
    columns: &'a [Carried],
    schema: &'a SchemaRef,
    cells: Vec<Cells>,
    rows: usize,
    size: BatchSize,
    /// Rows of the batches before.
    taken: u64,
}

/// Why a row could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong, and where.
    why: String,
    /// What is the matter with the value, if a choice of the user could carry it.
    oddity: Option<Unrepresentable>,
}

impl DecodeError {
    /// The error of a reading.
    pub fn of(self, server: &Server, doing: &str) -> Error {
        let error = server.error(doing, Blame::Data, self.why);
        match self.oddity {
            Some(oddity) => error.hint(format!("{} in the connection", oddity.hint())),
            None => error,
        }
    }
}

impl<'a> Decoder<'a> {
    /// For these columns of a table, as the schema carries them.
    pub fn new(place: &'a TableLocation, columns: &'a [Carried], schema: &'a SchemaRef) -> Self {
        let cells = columns.iter().map(|column| Cells::new(&column.kind.wire, &column.kind.column)).collect();
        Self { place, columns, schema, cells, rows: 0, taken: 0, size: BatchSize::default() }
    }

    /// Rows that wait to be taken.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the batch ends here.
    pub fn is_full(&self) -> bool {
        self.size.is_full()
    }

    /// Takes a row in.
    pub fn push(&mut self, row: &MySqlRow) -> Result<(), DecodeError> {
        let mut bytes = 0;
        for number in 0..self.cells.len() {
            // Of these bytes sqlx itself would make NULL where a date is zero.
            let raw = row.try_get_raw(number).ok().and_then(|value| <&[u8] as Decode<MySql>>::decode(value).ok());
            bytes += raw.map_or(0, <[u8]>::len);
            let (chosen, name) = (&self.columns[number].chosen, &self.columns[number].name);
            let replaced = &self.place.replaced;
            let allow = |oddity: Unrepresentable| {
                let allowed = chosen.allows(oddity);
                if allowed {
                    replaced.add(name, oddity, 1);
                }
                allowed
            };
            if let Err(refused) = self.cells[number].push(raw, allow) {
                return Err(self.named(number, refused));
            }
        }
        self.rows += 1;
        self.size.add_row(bytes);
        Ok(())
    }

    /// Why a value was refused, with its column and row. The row is the last of the batch.
    fn named(&mut self, number: usize, refused: ValueError) -> DecodeError {
        let (oddity, why) = match refused {
            ValueError::Unrepresentable(oddity, why) => (Some(oddity), why),
            ValueError::Malformed(why) => (None, why),
        };
        self.cells[number..].iter_mut().for_each(Cells::push_null);
        let (at, last) = (self.taken + self.rows as u64 + 1, self.rows);
        let row = match self.batch() {
            Ok(batch) => row_name::named(&batch, last, &self.place.key, at),
            Err(_) => format!("row {at}"),
        };
        DecodeError { why: format!("column `{}` of {row}: {why}", self.columns[number].name), oddity }
    }

    /// Takes the rows so far.
    pub fn batch(&mut self) -> Answer<RecordBatch> {
        self.taken += std::mem::take(&mut self.rows) as u64;
        self.size = BatchSize::default();
        Ok(RecordBatch::try_new(self.schema.clone(), self.cells.iter_mut().map(Cells::finish).collect())?)
    }
}
