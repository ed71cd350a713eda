//! A digest of rows that does not depend on their order.

use datafusion::{
    arrow::{
        array::RecordBatch,
        datatypes::SchemaRef,
        error::ArrowError,
        row::{RowConverter, SortField},
    },
    error::DataFusionError,
    execution::SendableRecordBatchStream,
};
use futures::StreamExt;
use std::fmt;
use xxhash_rust::xxh3::xxh3_128;

/// How many rows, and the sum of their hashes modulo 2^128. Equal sets of rows have equal digests, in any order and
/// cut into any batches; xxh3 is not cryptographic, it finds accidents and not attacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// Sum of the rows' hashes, wrapping.
    pub sum: u128,
}

impl Digest {
    /// The digest of both sets of rows together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, sum: self.sum.wrapping_add(other.sum) }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:032x}", self.rows, self.sum)
    }
}

/// Reads what [`Display`](fmt::Display) writes.
impl std::str::FromStr for Digest {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (rows, sum) = text.split_once('-').unwrap_or((text, ""));
        Ok(Self { rows: rows.parse()?, sum: u128::from_str_radix(sum, 16)? })
    }
}

/// Digests batches of one schema. A row's bytes are those of Arrow's row format, which are equal exactly if the values are.
#[derive(Debug)]
pub struct Digester {
    rows: RowConverter,
    digest: Digest,
}

impl Digester {
    /// Begins with no rows.
    pub fn new(schema: &SchemaRef) -> Result<Self, ArrowError> {
        let fields = schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        Ok(Self { rows: RowConverter::new(fields)?, digest: Digest::default() })
    }

    /// Adds a batch.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let rows = self.rows.convert_columns(batch.columns())?;
        for row in &rows {
            self.digest.sum = self.digest.sum.wrapping_add(xxh3_128(row.as_ref()));
        }
        self.digest.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// The digest of all rows of a stream.
    pub async fn drain(mut rows: SendableRecordBatchStream) -> Result<Digest, DataFusionError> {
        let mut digester = Self::new(&rows.schema())?;
        while let Some(batch) = rows.next().await {
            digester.add(&batch?)?;
        }
        Ok(digester.digest)
    }

    /// Adds what another was given.
    pub fn join(&mut self, other: Digest) {
        self.digest = self.digest.with(other);
    }

    /// What was added so far.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Digests rows here just as a system digests them inside itself, so that both can be compared.
pub trait RowDigester: Send {
    /// Adds a batch. `Err` says why its rows cannot be digested.
    fn add(&mut self, batch: &RecordBatch) -> Result<(), String>;
    /// Adds what another of the same kind was given.
    fn join(&mut self, other: Digest);
    /// What was added so far.
    fn digest(&self) -> Digest;
}
