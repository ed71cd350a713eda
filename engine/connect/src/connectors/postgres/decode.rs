//! Binary COPY → Arrow, without an object a row.

use super::{column_builder::Cells, types::Wire};
use crate::{
    arrow::row_name,
    hub::policy::{Chosen, Replacements, Unrepresentable, ValueError},
};
use datafusion::arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::SchemaRef,
};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// What is decoded, and what the user chose for it.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The columns as they are carried.
    pub schema: SchemaRef,
    /// How each looks.
    pub wires: Vec<Wire>,
    /// What was chosen for each.
    pub chosen: Vec<Chosen>,
    /// The columns that name a row.
    pub key: Vec<String>,
}

/// Takes the bytes of a binary COPY, cut anywhere, and gives batches.
pub struct Decoder<'a> {
    shape: &'a Shape,
    cells: Vec<Cells>,
    rows: usize,
    /// Rows of the batches before.
    taken: u64,
    /// The beginning of a row whose end has not come.
    rest: Vec<u8>,
    state: State,
    replaced: &'a Replacements,
}

/// Why bytes could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong, and where.
    pub why: String,
    /// What is the matter with the value, if a choice of the user could carry it.
    pub oddity: Option<Unrepresentable>,
}

impl<T: Into<String>> From<T> for DecodeError {
    fn from(why: T) -> Self {
        Self { why: why.into(), oddity: None }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    End,
}

impl<'a> Decoder<'a> {
    /// Counts into `replaced` what becomes NULL.
    pub fn new(shape: &'a Shape, replaced: &'a Replacements) -> Self {
        let cells = shape.wires.iter().map(Cells::new).collect();
        Self { shape, cells, rows: 0, taken: 0, rest: vec![], state: State::Header, replaced }
    }

    /// Rows that wait to be taken.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Takes more bytes in.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            let used = self.take_in(bytes)?;
            self.rest.extend_from_slice(&bytes[used..]);
            return Ok(());
        }
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(bytes);
        let used = self.take_in(&rest)?;
        rest.drain(..used);
        self.rest = rest;
        Ok(())
    }

    fn take_in(&mut self, bytes: &[u8]) -> Result<usize, DecodeError> {
        let mut at = 0;
        if self.state == State::Header {
            let Some(size) = header(bytes)? else { return Ok(0) };
            at = size;
            self.state = State::Rows;
        }
        while at < bytes.len() {
            if self.state == State::End {
                return Err("bytes come after the end of the rows".into());
            }
            match self.row(&bytes[at..])? {
                Some(size) => at += size,
                None => break,
            }
        }
        Ok(at)
    }

    /// The size of the row that stands at the beginning; `None` if it is not all there.
    fn row(&mut self, bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
        let Some(count) = bytes.first_chunk::<2>() else { return Ok(None) };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.state = State::End;
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.cells.len()) {
            return Err(format!("a row has {count} columns instead of {}", self.cells.len()).into());
        }
        let mut at = 2;
        for _ in 0..count {
            let Some(size) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) else { return Ok(None) };
            match i32::from_be_bytes(*size) {
                -1 => at += 4,
                size if size < 0 => return Err(format!("a value has {size} bytes").into()),
                size => at += 4 + size.unsigned_abs() as usize,
            }
        }
        if bytes.len() < at {
            return Ok(None);
        }
        let mut rest = &bytes[2..at];
        for number in 0..self.cells.len() {
            let value = next(&mut rest);
            if let Err(refused) = self.push(number, value) {
                return Err(self.named(number, refused, &bytes[2..at]));
            }
        }
        self.rows += 1;
        Ok(Some(at))
    }

    fn push(&mut self, number: usize, value: Option<&[u8]>) -> Result<(), ValueError> {
        let (chosen, replaced) = (&self.shape.chosen[number], self.replaced);
        let mut allow = |oddity: Unrepresentable| {
            let allowed = chosen.allows(oddity);
            if allowed {
                replaced.add(self.shape.schema.field(number).name(), oddity, 1);
            }
            allowed
        };
        self.cells[number].push(value, &mut allow)
    }

    /// Why a value was refused, with its column and row.
    fn named(&self, number: usize, refused: ValueError, row: &[u8]) -> DecodeError {
        let (oddity, why) = match refused {
            ValueError::Unrepresentable(oddity, why) => (Some(oddity), why),
            ValueError::Malformed(why) => (None, why),
        };
        let at = self.taken + self.rows as u64 + 1;
        let row =
            self.key(row).map_or_else(|| format!("row {at}"), |batch| row_name::named(&batch, 0, &self.shape.key, at));
        DecodeError { why: format!("column `{}` of {row}: {why}", self.shape.schema.field(number).name()), oddity }
    }

    /// The key of a row, by itself.
    fn key(&self, row: &[u8]) -> Option<RecordBatch> {
        let schema = &self.shape.schema;
        let wanted: Vec<usize> =
            self.shape.key.iter().map(|name| schema.index_of(name)).collect::<Result<_, _>>().ok()?;
        let (mut rest, mut arrays) = (row, vec![None; schema.fields().len()]);
        for (wire, array) in self.shape.wires.iter().zip(&mut arrays) {
            let mut cells = Cells::new(wire);
            cells.push(next(&mut rest), &mut |_| true).ok()?;
            *array = Some(cells.finish());
        }
        let arrays = wanted.iter().map(|at| arrays[*at].clone()).collect::<Option<Vec<_>>>()?;
        RecordBatch::try_new(schema.project(&wanted).ok()?.into(), arrays).ok()
    }

    /// Takes the rows so far.
    pub fn batch(&mut self) -> Result<RecordBatch, DecodeError> {
        self.taken += self.rows as u64;
        let arrays = self.cells.iter_mut().map(Cells::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        let batch = RecordBatch::try_new_with_options(self.shape.schema.clone(), arrays, &options);
        batch.map_err(|error| error.to_string().into())
    }

    /// That everything has come.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.state != State::End || !self.rest.is_empty() {
            return Err("the rows end in the middle".into());
        }
        Ok(())
    }
}

/// The next value of a row whose lengths were looked at.
fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (size, after) = rest.split_first_chunk::<4>().expect("the row's lengths were looked at");
    let size = usize::try_from(i32::from_be_bytes(*size)).ok();
    let (value, after) = after.split_at(size.unwrap_or(0));
    *rest = after;
    size.map(|_| value)
}

/// The header's size; `None` if it is not all there.
fn header(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some(fixed) = bytes.first_chunk::<19>() else { return Ok(None) };
    if fixed[..11] != SIGNATURE[..] {
        return Err("this is no binary COPY".into());
    }
    if fixed[11..15] != [0; 4] {
        return Err("the binary COPY has flags that are not known".into());
    }
    let more = u32::from_be_bytes([fixed[15], fixed[16], fixed[17], fixed[18]]) as usize;
    if more > 1 << 20 {
        return Err("the binary COPY's header is too long".into());
    }
    Ok((bytes.len() >= 19 + more).then_some(19 + more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::{
        array::{Array, Int32Array, StringArray},
        datatypes::{DataType, Field, Schema},
    };
    use std::sync::Arc;

    fn shape() -> Shape {
        let fields = vec![Field::new("id", DataType::Int32, true), Field::new("word", DataType::Utf8, true)];
        Shape {
            schema: Arc::new(Schema::new(fields)),
            wires: vec![Wire::Int4, Wire::Text],
            chosen: vec![Chosen::default(); 2],
            key: vec!["id".into()],
        }
    }

    fn copy(rows: &[(i32, Option<&str>)]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        for (id, word) in rows {
            bytes.extend([0, 2, 0, 0, 0, 4]);
            bytes.extend(id.to_be_bytes());
            match word {
                None => bytes.extend((-1_i32).to_be_bytes()),
                Some(word) => {
                    bytes.extend(u32::try_from(word.len()).unwrap().to_be_bytes());
                    bytes.extend(word.as_bytes());
                }
            }
        }
        bytes.extend((-1_i16).to_be_bytes());
        bytes
    }

    #[test]
    fn rows_come_through_however_they_are_cut() {
        let (bytes, shape, replaced) =
            (copy(&[(1, Some("one")), (-2, None), (3, Some(""))]), shape(), Replacements::default());
        for size in 1..=bytes.len() {
            let mut decoder = Decoder::new(&shape, &replaced);
            bytes.chunks(size).for_each(|chunk| decoder.feed(chunk).unwrap());
            decoder.finish().unwrap();
            let batch = decoder.batch().unwrap();
            assert_eq!(batch.column(0).as_ref(), &Int32Array::from(vec![1, -2, 3]) as &dyn Array);
            let words = StringArray::from(vec![Some("one"), None, Some("")]);
            assert_eq!(batch.column(1).as_ref(), &words as &dyn Array);
        }
    }

    /// What feeding bytes to a new decoder says, and whether they were all.
    fn said(bytes: &[u8]) -> Result<(), String> {
        let (shape, replaced) = (shape(), Replacements::default());
        let mut decoder = Decoder::new(&shape, &replaced);
        decoder.feed(bytes).and_then(|()| decoder.finish()).map_err(|undecoded| undecoded.why)
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_an_error() {
        let bytes = copy(&[(1, Some("one")), (2, Some("two"))]);
        for end in 0..bytes.len() {
            assert_eq!(said(&bytes[..end]).unwrap_err(), "the rows end in the middle", "{end} of {}", bytes.len());
        }
        let changed = |at: usize, byte: u8| {
            let mut changed = bytes.clone();
            changed[at] = byte;
            said(&changed).unwrap_err()
        };
        assert_eq!(said(&[&bytes[..], &[0]].concat()).unwrap_err(), "bytes come after the end of the rows");
        assert_eq!(changed(20, 3), "a row has 3 columns instead of 2");
        assert_eq!(changed(24, 3), "the rows end in the middle");
        let short = [&bytes[..19], &[0, 2, 0, 0, 0, 3, 1, 2, 3, 0xff, 0xff, 0xff, 0xff]].concat();
        assert_eq!(said(&short).unwrap_err(), "column `id` of row 1: a value has 3 bytes instead of 4");
        assert_eq!(said(b"1,one\n2,two\n3,three\n").unwrap_err(), "this is no binary COPY");
    }

    #[test]
    fn a_value_that_cannot_be_carried_is_named_or_becomes_null() {
        let mut bytes = copy(&[(1, Some("one")), (7, Some("x"))]);
        let at = bytes.len() - 3;
        bytes[at] = 0xff;
        assert_eq!(said(&bytes).unwrap_err(), "column `word` of the row with id = 7: a text is not UTF-8");
        let (mut shape, replaced) = (shape(), Replacements::default());
        shape.chosen[1].null.push(Unrepresentable::Utf8);
        let mut decoder = Decoder::new(&shape, &replaced);
        decoder.feed(&bytes).unwrap();
        decoder.finish().unwrap();
        let words = StringArray::from(vec![Some("one"), None]);
        assert_eq!(decoder.batch().unwrap().column(1).as_ref(), &words as &dyn Array);
        assert_eq!(replaced.all()[0].to_string(), "1 value of `word` became NULL (`utf8`)");
    }
}
