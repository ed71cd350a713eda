//! Scanning a table's files in parallel.

use super::{
    discovery::Found,
    format::Format,
    shape::{BATCH, Shape, refuse, rows},
};
use crate::{
    format::{
        file::{FormatError, ReadOffset},
        parquet::{ParquetReader, Part},
    },
    hub::error::Result,
};
use datafusion::{
    arrow::{
        array::RecordBatch,
        datatypes::{Schema, SchemaRef},
    },
    catalog::{Session, TableProvider},
    common::Result as Answer,
    execution::TaskContext,
    logical_expr::{Expr, TableType},
    physical_plan::{
        ExecutionPlan, SendableRecordBatchStream, stream::RecordBatchReceiverStreamBuilder, streaming::PartitionStream,
        streaming::StreamingTableExec,
    },
};
use engine_language::config::source::BadRows;
use std::sync::Arc;

/// Batches in flight of each stream.
const AHEAD: usize = 2;

/// A table of files at an instant.
#[derive(Debug)]
pub struct Table {
    shape: Arc<Shape>,
    files: Vec<(Found, ReadOffset)>,
}

impl Table {
    /// Reads these files from these places on.
    pub fn new(shape: Shape, files: Vec<(Found, ReadOffset)>) -> Self {
        Self { shape: Arc::new(shape), files }
    }
}

/// A file, or a row group of one.
#[derive(Clone, Debug)]
struct Piece {
    found: Found,
    at: ReadOffset,
    group: Option<usize>,
}

#[async_trait::async_trait]
impl TableProvider for Table {
    fn schema(&self) -> SchemaRef {
        self.shape.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Answer<Arc<dyn ExecutionPlan>> {
        let all = (0..self.shape.columns.len()).collect();
        let wanted = projection.unwrap_or(&all).clone();
        let schema = Arc::new(self.shape.schema.project(&wanted)?);
        let streams = session.config().target_partitions().max(1);
        let pieces = self.pieces()?;
        let scans = deal(pieces, streams).into_iter().map(|pieces| {
            let scan =
                Scan { shape: self.shape.clone(), pieces, wanted: wanted.clone(), schema: schema.clone(), limit };
            Arc::new(scan) as Arc<dyn PartitionStream>
        });
        Ok(Arc::new(StreamingTableExec::try_new(schema.clone(), scans.collect(), None, vec![], false, limit)?))
    }
}

impl Table {
    fn pieces(&self) -> Result<Vec<Piece>> {
        let mut pieces = vec![];
        for (found, at) in &self.files {
            let piece = |group| Piece { found: found.clone(), at: *at, group };
            match found.format {
                Format::Parquet if at.bytes == 0 => {
                    let file = ParquetReader::open(found)
                        .map_err(|trouble| self.shape.folder.trouble(&found.name, trouble))?;
                    pieces.extend((0..file.groups()).map(|group| piece(Some(group))));
                }
                Format::Csv | Format::Tsv | Format::Ndjson if at.bytes == found.len => {}
                _ => pieces.push(piece(None)),
            }
        }
        Ok(pieces)
    }
}

/// Runs of neighbouring pieces, about equally long, at least one and at most this many.
fn deal(pieces: Vec<Piece>, streams: usize) -> Vec<Vec<Piece>> {
    let each = pieces.len().div_ceil(streams).max(1);
    let mut dealt: Vec<Vec<Piece>> = pieces.chunks(each).map(<[_]>::to_vec).collect();
    if dealt.is_empty() {
        dealt.push(vec![]);
    }
    dealt
}

/// One stream over some files.
#[derive(Debug)]
struct Scan {
    shape: Arc<Shape>,
    pieces: Vec<Piece>,
    wanted: Vec<usize>,
    schema: SchemaRef,
    limit: Option<usize>,
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), AHEAD);
        let out = builder.tx();
        let reader = Reader { shape: self.shape.clone(), wanted: self.wanted.clone(), schema: self.schema.clone() };
        let (pieces, mut left) = (self.pieces.clone(), self.limit.unwrap_or(usize::MAX));
        builder.spawn_blocking(move || {
            for piece in pieces {
                let wanted = reader.read(&piece, &mut left, &mut |batch| out.blocking_send(Ok(batch)).is_ok())?;
                if !wanted {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

struct Reader {
    shape: Arc<Shape>,
    wanted: Vec<usize>,
    schema: SchemaRef,
}

impl Reader {
    /// Sends a piece's rows; says whether more are wanted.
    fn read(&self, piece: &Piece, left: &mut usize, send: &mut dyn FnMut(RecordBatch) -> bool) -> Answer<bool> {
        let fail = |trouble: FormatError| self.shape.folder.trouble(&piece.found.name, trouble);
        if piece.found.format == Format::Parquet {
            let part = match piece.group {
                Some(group) => Part::Groups(vec![group]),
                None => Part::Rows { from: usize::try_from(piece.at.records).unwrap_or(usize::MAX), most: usize::MAX },
            };
            let file = ParquetReader::open(&piece.found).and_then(|file| file.read(part, self.schema.clone()));
            for batch in file.map_err(fail)? {
                let batch = batch.map_err(fail)?;
                *left -= batch.num_rows().min(*left);
                if !send(batch) || *left == 0 {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let needed = self.needed();
        let columns: Vec<_> = needed.iter().map(|i| self.shape.columns[*i].clone()).collect();
        let schema: SchemaRef =
            Arc::new(Schema::new(needed.iter().map(|i| self.shape.schema.field(*i).clone()).collect::<Vec<_>>()));
        let places: Vec<usize> =
            self.wanted.iter().filter_map(|i| needed.iter().position(|known| known == i)).collect();
        let mut rows = rows(&self.shape, &piece.found, &columns, piece.at).map_err(fail)?;
        while let Some(chunk) = rows.next(BATCH.min(*left), &schema).map_err(fail)? {
            refuse(&self.shape, &piece.found, chunk.refused, None)?;
            *left -= chunk.batch.num_rows().min(*left);
            if !send(chunk.batch.project(&places)?) || *left == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The columns that must be parsed: all, if a record that cannot be read is left out, lest a count would depend on who
    /// asks; and at least one.
    fn needed(&self) -> Vec<usize> {
        if self.shape.bad_rows != BadRows::Fail {
            return (0..self.shape.columns.len()).collect();
        }
        if self.wanted.is_empty() { vec![0] } else { self.wanted.clone() }
    }
}
