//! Messages of a topic, as they were read, and what the topic knows of each.

use crate::hub::rejected::RejectedRow;
use base64::{Engine, prelude::BASE64_STANDARD};
use datafusion::arrow::{
    array::{ArrayRef, Int32Array, Int64Array, StringBuilder, TimestampMicrosecondArray, UInt32Array},
    compute::take,
    error::ArrowError,
};
use serde_json::{Value, json};
use std::{fmt::Write, sync::Arc};

/// Messages, one after another, their bytes in one piece.
#[derive(Debug, Default)]
pub struct Messages {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    partitions: Vec<i32>,
    offsets: Vec<i64>,
    times: Vec<i64>,
    keys: StringBuilder,
    headers: StringBuilder,
}

/// A message as its topic holds it.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The partition.
    pub partition: i32,
    /// The offset in it.
    pub offset: i64,
    /// Microseconds since 1970 UTC.
    pub time: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its bytes.
    pub payload: &'a [u8],
}

impl Messages {
    /// Adds one, without headers.
    pub fn push(&mut self, message: Message<'_>) {
        self.push_with(message, std::iter::empty());
    }

    /// Adds one with headers.
    pub fn push_with<'a>(&mut self, message: Message<'_>, headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>) {
        self.bytes.extend_from_slice(message.payload);
        self.ends.push(self.bytes.len());
        self.partitions.push(message.partition);
        self.offsets.push(message.offset);
        self.times.push(message.time);
        match message.key.map(|key| std::str::from_utf8(key).map_err(|_| key)) {
            None => self.keys.append_null(),
            Some(Ok(text)) => self.keys.append_value(text),
            Some(Err(bytes)) => self.keys.append_value(hexadecimal(bytes)),
        }
        let headers: Vec<Value> = headers.map(header).collect();
        if headers.is_empty() {
            self.headers.append_null();
        } else {
            self.headers.append_value(Value::Array(headers).to_string());
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The length of all payloads together.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Where one of them stands: the partition, and the offset in it.
    pub fn place(&self, i: usize) -> (i32, i64) {
        (self.partitions[i], self.offsets[i])
    }

    /// One of them as it would be rejected; its source is not known here.
    pub fn row(&self, i: usize, reason: String) -> RejectedRow {
        RejectedRow {
            source: String::new(),
            partition: u32::try_from(self.partitions[i]).unwrap_or(u32::MAX),
            offset: self.offsets[i],
            payload: self.payload(i).to_vec(),
            reason,
        }
    }

    fn payload(&self, i: usize) -> &[u8] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.bytes[start..self.ends[i]]
    }

    /// The bytes of each.
    pub fn payloads(&self) -> Vec<&[u8]> {
        (0..self.len()).map(|i| self.payload(i)).collect()
    }

    /// What the topic knows of the good messages.
    pub fn facts(mut self, good: &[usize]) -> Result<Vec<ArrayRef>, ArrowError> {
        let count = self.len();
        let all: Vec<ArrayRef> = vec![
            Arc::new(self.keys.finish()),
            Arc::new(Int32Array::from(self.partitions)),
            Arc::new(Int64Array::from(self.offsets)),
            Arc::new(TimestampMicrosecondArray::from(self.times).with_timezone("UTC")),
            Arc::new(self.headers.finish()),
        ];
        if good.len() == count {
            return Ok(all);
        }
        let good = good.iter().map(|i| u32::try_from(*i).expect("a batch is small")).collect::<UInt32Array>();
        all.iter().map(|column| take(column, &good, None)).collect()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = "\\x".to_owned();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn header((key, value): (&str, Option<&[u8]>)) -> Value {
    match value.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)) {
        None => json!({ "key": key, "value": null }),
        Some(Ok(text)) => json!({ "key": key, "value": text }),
        Some(Err(bytes)) => json!({ "key": key, "base64": BASE64_STANDARD.encode(bytes) }),
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Messages};
    use datafusion::arrow::array::{Array, AsArray};

    #[test]
    fn keys_and_headers_are_text_or_say_their_bytes() {
        let mut messages = Messages::default();
        let one = Message { partition: 0, offset: 0, time: 0, key: Some(b"k"), payload: b"" };
        messages.push(one);
        messages.push(Message { key: None, ..one });
        let headers = [("a", Some(&b"x"[..])), ("a", None), ("b", Some(&[0xff][..]))];
        messages.push_with(Message { key: Some(&[0xff, 1]), ..one }, headers.into_iter());
        let facts = messages.facts(&[0, 1, 2]).unwrap();
        let (keys, headers) = (facts[0].as_string::<i32>(), facts[4].as_string::<i32>());
        assert_eq!((keys.value(0), keys.is_null(1), keys.value(2)), ("k", true, "\\xff01"));
        assert!(headers.is_null(0));
        let expected = r#"[{"key":"a","value":"x"},{"key":"a","value":null},{"key":"b","base64":"/w=="}]"#;
        assert_eq!(headers.value(2), expected);
    }
}
