//! Tables made of files: what columns they have, and their rows.

use super::{
    Folder,
    discovery::Found,
    format::Format,
    infer,
    read_offsets::ReadOffsets,
    rows::Rows,
    scan::Table,
    shape::{BATCH, Shape, refuse, rows},
};
use crate::{
    arrow::types,
    format::{
        file::{FormatError, ReadOffset},
        parquet::{Batches, ParquetReader, Part},
    },
    hub::{
        error::Result,
        rejected::Rejects,
        source::{BatchLimit, OpenTable, TableRequest},
    },
};
use datafusion::{arrow::array::RecordBatch, datasource::MemTable};
use engine_language::{
    config::source::BadRows,
    table::{Column, TableDefinition},
};
use std::sync::Arc;

/// The columns of a table: declared, or learned from its files.
pub fn definition(folder: &Folder, request: &TableRequest, files: &[Found]) -> Result<TableDefinition> {
    let declared = request.declared.as_ref().map(|facts| facts.columns.as_slice()).unwrap_or_default();
    let columns = if declared.is_empty() {
        learned(folder, files)?
    } else {
        declared.iter().map(|(name, kind)| Column::new(&name.value, kind.value.clone())).collect()
    };
    Ok(TableDefinition { columns, ..TableDefinition::default() })
}

fn learned(folder: &Folder, files: &[Found]) -> Result<Vec<Column>> {
    let Some(first) = files.first() else { return Ok(vec![]) };
    let columns = found_columns(folder, files, first)?;
    if columns.is_empty() {
        let message = "it is empty: nothing in it names its columns";
        let error = folder.error(format!("reading `{}`", folder.written.join(&first.name).display()), message);
        return Err(error.hint("write a first line with the columns' names, or declare the table's `columns`"));
    }
    Ok(columns)
}

fn found_columns(folder: &Folder, files: &[Found], first: &Found) -> Result<Vec<Column>> {
    let named = |(file, trouble): (String, FormatError)| folder.trouble(&file, trouble);
    let columns = match first.format {
        Format::Parquet => {
            let schema = ParquetReader::open(first).and_then(|file| file.schema());
            let schema = schema.map_err(|trouble| folder.trouble(&first.name, trouble))?;
            return Ok(schema.fields().iter().filter_map(|field| types::column(field)).collect());
        }
        Format::Csv | Format::Tsv => infer::csv(folder, files).map_err(named)?,
        Format::Ndjson => infer::ndjson(files).map_err(named)?,
    };
    Ok(columns.into_iter().map(|(name, kind)| Column::new(name, kind)).collect())
}

/// Opens a table. With a limit, the records are read now; without, as they are scanned.
pub fn open(folder: &Folder, request: &TableRequest, files: Vec<Found>) -> Result<OpenTable> {
    let definition = definition(folder, request, &files)?;
    let read_offsets = match &request.since {
        None => ReadOffsets::default(),
        Some(position) => ReadOffsets::of(position).map_err(|message| {
            let hint = "start over with `engine run MODEL --full-refresh`";
            folder.error(format!("reading `{}`", request.table), message).hint(hint)
        })?,
    };
    let shape = Shape {
        folder: Arc::new(folder.clone()),
        columns: definition.columns.iter().map(|column| (column.name.clone(), column.kind.clone())).collect(),
        schema: types::schema(&definition),
        bad_rows: request.declared.as_ref().map_or(BadRows::Fail, |declared| declared.bad_rows),
    };
    let mut open = vec![];
    for found in files {
        let at = read_offsets.at(&found).map_err(|trouble| folder.trouble(&found.name, trouble))?;
        open.push((found, at));
    }
    match request.limit {
        Some(limit) => batch(shape, definition, open, read_offsets, limit),
        None => Ok(whole(shape, definition, open, read_offsets)),
    }
}

fn whole(
    shape: Shape,
    definition: TableDefinition,
    files: Vec<(Found, ReadOffset)>,
    mut read_offsets: ReadOffsets,
) -> OpenTable {
    for (found, at) in &files {
        read_offsets.reached(found, ReadOffset { bytes: found.len, ..*at });
    }
    let next = Some(read_offsets.position());
    let provider = Arc::new(Table::new(shape, files));
    OpenTable { provider, definition, next, more: false, size_bytes: None, instant: None, rejected: Rejects::default() }
}

/// Reads a micro-batch: the next records of the files in their order.
fn batch(
    shape: Shape,
    definition: TableDefinition,
    files: Vec<(Found, ReadOffset)>,
    mut read_offsets: ReadOffsets,
    limit: BatchLimit,
) -> Result<OpenTable> {
    let rejected = Rejects::default();
    let (mut batches, mut left, mut bytes, mut more) =
        (vec![], usize::try_from(limit.rows).unwrap_or(usize::MAX), 0, false);
    for (found, at) in &files {
        if left == 0 || bytes >= limit.bytes {
            more |= unread(&shape, found, *at)?;
            continue;
        }
        let fail = |trouble| shape.folder.trouble(&found.name, trouble);
        let mut source = Source::open(&shape, found, *at, left).map_err(fail)?;
        while left > 0 && bytes < limit.bytes {
            let Some((batch, seen)) = source.next(&shape, found, left.min(BATCH), Some(&rejected))? else { break };
            bytes += batch.get_array_memory_size() as u64;
            left -= seen.min(left);
            batches.push(batch);
        }
        let reached = source.at(found);
        read_offsets.reached(found, reached);
        more |= unread(&shape, found, reached)?;
    }
    let provider = Arc::new(MemTable::try_new(shape.schema, vec![batches]).expect("batches have this schema"));
    Ok(OpenTable {
        provider,
        definition,
        next: Some(read_offsets.position()),
        more,
        size_bytes: None,
        instant: None,
        rejected,
    })
}

fn unread(shape: &Shape, found: &Found, at: ReadOffset) -> Result<bool> {
    match found.format {
        Format::Parquet => {
            let file = ParquetReader::open(found).map_err(|trouble| shape.folder.trouble(&found.name, trouble))?;
            Ok(at.records < file.rows())
        }
        _ => Ok(at.bytes < found.len),
    }
}

/// A file that is being read for a micro-batch.
enum Source {
    Rows(Rows),
    Parquet(Batches, u64),
}

impl Source {
    fn open(shape: &Shape, found: &Found, at: ReadOffset, most: usize) -> Result<Self, FormatError> {
        if found.format != Format::Parquet {
            return Ok(Self::Rows(rows(shape, found, &shape.columns, at)?));
        }
        let from = usize::try_from(at.records).unwrap_or(usize::MAX);
        let batches = ParquetReader::open(found)?.read(Part::Rows { from, most }, shape.schema.clone())?;
        Ok(Self::Parquet(batches, at.records))
    }

    fn next(
        &mut self,
        shape: &Shape,
        found: &Found,
        most: usize,
        keep: Option<&Rejects>,
    ) -> Result<Option<(RecordBatch, usize)>> {
        let fail = |trouble| shape.folder.trouble(&found.name, trouble);
        match self {
            Self::Rows(rows) => {
                let Some(chunk) = rows.next(most, &shape.schema).map_err(fail)? else { return Ok(None) };
                refuse(shape, found, chunk.refused, keep)?;
                Ok(Some((chunk.batch, chunk.seen)))
            }
            Self::Parquet(batches, read) => {
                let Some(batch) = batches.next().transpose().map_err(fail)? else { return Ok(None) };
                *read += batch.num_rows() as u64;
                let count = batch.num_rows();
                Ok(Some((batch, count)))
            }
        }
    }

    fn at(&self, found: &Found) -> ReadOffset {
        match self {
            Self::Rows(rows) => rows.at(),
            Self::Parquet(_, read) => ReadOffset { bytes: found.len, records: *read, lines: 0 },
        }
    }
}
