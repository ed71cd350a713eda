//! Records of csv files.

use crate::{
    arrow::batch_size::BatchSize,
    format::{
        file::{BadRow, Chunk, FormatError, ReadOffset, SourceFile},
        infer::Inferred,
        text::{self, Cell},
    },
};
use csv::{ByteRecord, ReaderBuilder, WriterBuilder};
use datafusion::arrow::{array::RecordBatch, array::RecordBatchOptions, datatypes::SchemaRef};
use engine_language::column::ColumnType;
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Take},
};

/// A record longer than this is a quote that nobody closed.
const LONGEST_RECORD: u64 = 16 << 20;
/// What some programs put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a csv file is written.
#[derive(Clone, Copy, Debug)]
pub struct CsvDialect<'a> {
    /// Whether the first line names the columns.
    pub header: bool,
    /// What stands between fields.
    pub delimiter: u8,
    /// What stands around a field.
    pub quote: u8,
    /// The fields that mean NULL.
    pub null: &'a [String],
}

/// A csv file that is being read.
pub struct CsvReader {
    reader: csv::Reader<Guarded>,
    record: ByteRecord,
    /// What stands in each column, and where.
    fields: Vec<Field>,
    /// Fields of each record.
    width: usize,
    nulls: Vec<Vec<u8>>,
    delimiter: u8,
    quote: u8,
    /// Where the reader began.
    start: ReadOffset,
    file: Box<dyn SourceFile>,
}

struct Field {
    name: String,
    kind: ColumnType,
    index: usize,
}

impl CsvReader {
    /// Opens a file at a place, to read these columns. Without columns, every field is one of text.
    pub fn open(
        source: Box<dyn SourceFile>,
        dialect: CsvDialect<'_>,
        columns: Option<&[(String, ColumnType)]>,
        at: ReadOffset,
    ) -> Result<Self, FormatError> {
        let CsvDialect { header: has_header, delimiter, quote, null } = dialect;
        let mut file = source.open()?;
        let mut start = ReadOffset { bytes: skip_mark(&mut file)?, records: 0, lines: 0 };
        let size_bytes = source.size_bytes();
        let builder = |file: File, from: u64| {
            let inner = Guarded { inner: file.take(size_bytes.saturating_sub(from)), since: 0 };
            ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).quote(quote).from_reader(inner)
        };
        let mut record = ByteRecord::new();
        let mut reader = builder(file, start.bytes);
        let any = reader.read_byte_record(&mut record).map_err(|error| trouble(&error, 1))?;
        let names = if has_header {
            let position = reader.position();
            let end = ReadOffset {
                bytes: start.bytes + position.byte(),
                records: 0,
                lines: position.line().saturating_sub(1),
            };
            start = end;
            header(&record)?
        } else {
            (1..=if any { record.len() } else { columns.map_or(0, <[_]>::len) })
                .map(|i| format!("column_{i}"))
                .collect()
        };
        let begin = if at.bytes > start.bytes { at } else { start };
        let mut file = source.open()?;
        file.seek(SeekFrom::Start(begin.bytes))?;
        let fields = fields(&names, columns, has_header)?;
        let width = names.len();
        let nulls = null.iter().map(|word| word.clone().into_bytes()).collect();
        let reader = builder(file, begin.bytes);
        Ok(Self { reader, record, fields, width, nulls, delimiter, quote, start: begin, file: source })
    }

    /// The columns that are read.
    fn columns(&self) -> Vec<(String, ColumnType)> {
        self.fields.iter().map(|field| (field.name.clone(), field.kind.clone())).collect()
    }

    /// At most this many records; `None` at the end of the file.
    pub fn next(&mut self, most: usize, schema: &SchemaRef) -> Result<Option<Chunk>, FormatError> {
        let unread =
            |field: &Field| FormatError::Data(1, format!("`{}`: a csv file holds no {}", field.name, field.kind));
        let mut columns = vec![];
        for field in &self.fields {
            columns.push(text::Column::new(&field.kind).ok_or_else(|| unread(field))?);
        }
        let (mut count, mut seen, mut refused, mut size) = (0, 0, vec![], BatchSize::default());
        while seen < most && !size.is_full() {
            let before = self.at();
            self.reader.get_mut().since = 0;
            if !self.reader.read_byte_record(&mut self.record).map_err(|error| trouble(&error, before.lines + 1))? {
                break;
            }
            seen += 1;
            size.add_row(self.record.as_slice().len());
            match self.cells() {
                Ok(cells) => {
                    count += 1;
                    for (column, cell) in columns.iter_mut().zip(cells) {
                        column.push(cell).map_err(|error| FormatError::Data(before.lines + 1, error.to_string()))?;
                    }
                }
                Err(reason) => refused.push(BadRow { line: self.line(before)?, payload: self.payload(), reason }),
            }
        }
        if seen == 0 {
            return Ok(None);
        }
        let arrays = columns.iter_mut().map(text::Column::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
            .map_err(|error| FormatError::Declared(error.to_string()))?;
        Ok(Some(Chunk { batch, refused, seen }))
    }

    /// Gives the columns the types that hold every value of the next records, and says how many records were looked at.
    pub fn infer(&mut self, most: usize) -> Result<(Vec<(String, ColumnType)>, usize), FormatError> {
        let mut columns = self.columns();
        let mut inferred = vec![Inferred::default(); columns.len()];
        let mut records = 0;
        while records < most && self.sample(|i, word| word.into_iter().for_each(|word| inferred[i].look(word)))? {
            records += 1;
        }
        for (column, inferred) in columns.iter_mut().zip(&inferred) {
            column.1 = inferred.kind();
        }
        Ok((columns, records))
    }

    /// The fields of the next record as text; whether there was one.
    fn sample(&mut self, mut look: impl FnMut(usize, Option<&str>)) -> Result<bool, FormatError> {
        let line = self.at().lines + 1;
        self.reader.get_mut().since = 0;
        if !self.reader.read_byte_record(&mut self.record).map_err(|error| trouble(&error, line))? {
            return Ok(false);
        }
        for (i, field) in self.record.iter().enumerate().take(self.width) {
            let null = self.nulls.iter().any(|null| null == field);
            look(i, if null { None } else { Some(std::str::from_utf8(field).unwrap_or("?")) });
        }
        Ok(true)
    }

    /// Where the next record begins.
    pub fn at(&self) -> ReadOffset {
        let position = self.reader.position();
        ReadOffset {
            bytes: self.start.bytes + position.byte(),
            records: self.start.records + position.record(),
            lines: self.start.lines + position.line().saturating_sub(1),
        }
    }

    /// The line of the record that was read after this place: the reader steps over ends of lines before it.
    fn line(&self, before: ReadOffset) -> io::Result<u64> {
        let mut file = self.file.open()?;
        file.seek(SeekFrom::Start(before.bytes))?;
        let mut line = before.lines + 1;
        for byte in io::BufReader::new(file).bytes() {
            match byte? {
                b'\n' => line += 1,
                b'\r' => {}
                _ => break,
            }
        }
        Ok(line)
    }

    /// The record's values, or why it has none.
    fn cells(&self) -> Result<Vec<Cell<'_>>, String> {
        if self.record.len() != self.width {
            return Err(format!("{} fields instead of {}", self.record.len(), self.width));
        }
        let mut cells = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let bytes = &self.record[field.index];
            if self.nulls.iter().any(|null| null == bytes) {
                cells.push(Cell::Null);
                continue;
            }
            let words = std::str::from_utf8(bytes).map_err(|_| format!("`{}`: not UTF-8", field.name))?;
            let wrong = || format!("`{}`: \"{}\" is no {}", field.name, shortened(words), field.kind);
            cells.push(text::parse(words, &field.kind).ok_or_else(wrong)?);
        }
        Ok(cells)
    }

    /// The record as it is written in the file, up to the ways of quoting.
    fn payload(&self) -> Vec<u8> {
        let mut writer =
            WriterBuilder::new().delimiter(self.delimiter).quote(self.quote).flexible(true).from_writer(vec![]);
        // Memory takes every byte, and any record can be written.
        let _ = writer.write_byte_record(&self.record);
        writer.into_inner().unwrap_or_default()
    }
}

fn shortened(words: &str) -> String {
    if words.chars().count() <= 60 {
        words.into()
    } else {
        format!("{}…", words.chars().take(60).collect::<String>())
    }
}

/// Steps over a byte order mark, and says where the text begins.
fn skip_mark(file: &mut File) -> io::Result<u64> {
    let mut first = vec![];
    file.by_ref().take(3).read_to_end(&mut first)?;
    let start = if first == BYTE_ORDER_MARK { 3 } else { 0 };
    file.seek(SeekFrom::Start(start))
}

fn header(record: &ByteRecord) -> Result<Vec<String>, FormatError> {
    let mut names: Vec<String> = vec![];
    for name in record {
        let name = String::from_utf8(name.to_vec())
            .map_err(|_| FormatError::Data(1, "the names of the columns are not UTF-8".into()))?;
        if names.contains(&name) {
            return Err(FormatError::Data(1, format!("two columns are named `{name}`")));
        }
        names.push(name);
    }
    Ok(names)
}

fn fields(names: &[String], columns: Option<&[(String, ColumnType)]>, header: bool) -> Result<Vec<Field>, FormatError> {
    let Some(columns) = columns else {
        let all = names.iter().enumerate();
        return Ok(all
            .map(|(index, name)| Field { name: name.clone(), kind: ColumnType::Text(None), index })
            .collect());
    };
    let mut fields = vec![];
    for (place, (name, kind)) in columns.iter().enumerate() {
        let index = if header {
            names.iter().position(|known| known == name).ok_or_else(|| {
                FormatError::Data(1, format!("no column is named `{name}`; there are {}", names.join(", ")))
            })?
        } else {
            place
        };
        fields.push(Field { name: name.clone(), kind: kind.clone(), index });
    }
    Ok(fields)
}

fn trouble(error: &csv::Error, line: u64) -> FormatError {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            FormatError::Data(line, error.to_string())
        }
        csv::ErrorKind::Io(error) => FormatError::Io(io::Error::new(error.kind(), error.to_string())),
        _ => FormatError::Data(line, error.to_string()),
    }
}

/// A file whose records have an end.
struct Guarded {
    inner: Take<File>,
    since: u64,
}

impl Read for Guarded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since > LONGEST_RECORD {
            let message = format!("a record of more than {} MiB; is a quote not closed?", LONGEST_RECORD >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let count = self.inner.read(buffer)?;
        self.since += count as u64;
        Ok(count)
    }
}
