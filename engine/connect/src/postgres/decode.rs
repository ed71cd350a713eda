//! Binary COPY → Arrow, without an object a row.

use super::{cells::Cells, types::Wire};
use datafusion::arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::SchemaRef,
};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// Takes the bytes of a binary COPY, cut anywhere, and gives batches.
pub struct Decoder {
    schema: SchemaRef,
    cells: Vec<Cells>,
    rows: usize,
    /// The beginning of a row whose end has not come.
    rest: Vec<u8>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    End,
}

impl Decoder {
    /// For columns that look like `wires`, as `schema` carries them.
    pub fn new(schema: SchemaRef, wires: &[Wire]) -> Self {
        Self { cells: wires.iter().map(Cells::new).collect(), schema, rows: 0, rest: vec![], state: State::Header }
    }

    /// Rows that wait to be taken.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Takes more bytes in.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), String> {
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

    fn take_in(&mut self, bytes: &[u8]) -> Result<usize, String> {
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
    fn row(&mut self, bytes: &[u8]) -> Result<Option<usize>, String> {
        let Some(count) = bytes.first_chunk::<2>() else { return Ok(None) };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.state = State::End;
            return Ok(Some(2));
        }
        if usize::try_from(count) != Ok(self.cells.len()) {
            return Err(format!("a row has {count} columns instead of {}", self.cells.len()));
        }
        let mut at = 2;
        for _ in 0..count {
            let Some(size) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) else { return Ok(None) };
            match i32::from_be_bytes(*size) {
                -1 => at += 4,
                size if size < 0 => return Err(format!("a value has {size} bytes")),
                size => at += 4 + size.unsigned_abs() as usize,
            }
        }
        if bytes.len() < at {
            return Ok(None);
        }
        let mut at = 2;
        for (number, cells) in self.cells.iter_mut().enumerate() {
            let size = i32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            at += 4;
            let value = usize::try_from(size).ok().map(|size| &bytes[at..at + size]);
            at += value.map_or(0, <[u8]>::len);
            cells.push(value).map_err(|why| format!("column `{}`: {why}", self.schema.field(number).name()))?;
        }
        self.rows += 1;
        Ok(Some(at))
    }

    /// Takes the rows so far.
    pub fn batch(&mut self) -> Result<RecordBatch, String> {
        let arrays = self.cells.iter_mut().map(Cells::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map_err(|error| error.to_string())
    }

    /// That everything has come.
    pub fn finish(&self) -> Result<(), String> {
        if self.state != State::End || !self.rest.is_empty() {
            return Err("the rows end in the middle".into());
        }
        Ok(())
    }
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
        array::{Int32Array, StringArray},
        datatypes::{DataType, Field, Schema},
    };
    use std::sync::Arc;

    fn decoder() -> Decoder {
        let fields = vec![Field::new("id", DataType::Int32, true), Field::new("word", DataType::Utf8, true)];
        Decoder::new(Arc::new(Schema::new(fields)), &[Wire::Int4, Wire::Text])
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
        let bytes = copy(&[(1, Some("one")), (-2, None), (3, Some(""))]);
        for size in 1..=bytes.len() {
            let mut decoder = decoder();
            bytes.chunks(size).for_each(|chunk| decoder.feed(chunk).unwrap());
            decoder.finish().unwrap();
            let batch = decoder.batch().unwrap();
            assert_eq!(
                batch.column(0).as_ref(),
                &Int32Array::from(vec![1, -2, 3]) as &dyn datafusion::arrow::array::Array
            );
            let words = StringArray::from(vec![Some("one"), None, Some("")]);
            assert_eq!(batch.column(1).as_ref(), &words as &dyn datafusion::arrow::array::Array);
        }
    }

    #[test]
    fn what_is_cut_off_or_too_long_is_an_error() {
        let bytes = copy(&[(1, Some("one")), (2, Some("two"))]);
        for end in 0..bytes.len() {
            let mut decoder = decoder();
            decoder.feed(&bytes[..end]).unwrap();
            assert!(decoder.finish().is_err(), "{end} of {} bytes are enough", bytes.len());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(decoder().feed(&longer).unwrap_err(), "bytes come after the end of the rows");
        let mut wide = bytes.clone();
        wide[20] = 3;
        assert_eq!(decoder().feed(&wide).unwrap_err(), "a row has 3 columns instead of 2");
        let mut short = bytes;
        short[24] = 3;
        let mut framed = decoder();
        let fed = framed.feed(&short);
        assert!(fed.is_err() || framed.finish().is_err(), "an int of three bytes");
        assert_eq!(decoder().feed(b"1,one\n2,two\n3,three\n").unwrap_err(), "this is no binary COPY");
    }
}
