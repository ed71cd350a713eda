//! Encoded rows of which each key keeps the last: what would be updated again at once is not sent.

use hashbrown::HashTable;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Rows that wait to be sent, in the binary form of COPY.
#[derive(Debug, Default)]
pub struct Latest {
    bytes: Vec<u8>,
    rows: HashTable<Row>,
    /// Those that are sent whatever comes after them.
    kept: Vec<Row>,
    /// Bytes of rows whose key came again.
    dead: usize,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    row: Part,
    /// Its key's columns, one behind the other, lengths included.
    key: Part,
}

/// Where some of the bytes are.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    from: u32,
    bytes: u32,
}

impl Part {
    fn at(range: Range<usize>) -> Self {
        let small = |number| u32::try_from(number).expect("rows are sent before they are so many");
        Self { from: small(range.start), bytes: small(range.len()) }
    }

    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.from as usize..][..self.bytes as usize]
    }
}

impl Latest {
    /// How many bytes it holds.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a row, instead of the one of the same key if there is one.
    pub fn put(&mut self, row: &[u8], key: &[u8]) {
        let hash = xxh3_64(key);
        let new = self.add(row, key);
        let (bytes, rows) = (&self.bytes, &mut self.rows);
        match rows.find_mut(hash, |there| there.key.of(bytes) == key) {
            Some(there) => {
                self.dead += (there.row.bytes + there.key.bytes) as usize;
                *there = new;
            }
            None => {
                rows.insert_unique(hash, new, |row| xxh3_64(row.key.of(bytes)));
            }
        }
        if self.dead > self.bytes.len() / 2 {
            self.compact();
        }
    }

    /// Adds a row that is sent whatever comes after it.
    pub fn keep(&mut self, row: &[u8]) {
        let new = self.add(row, &[]);
        self.kept.push(new);
    }

    /// All rows, in about the order of their keys: neighbours in the table's index come one after the other.
    pub fn in_order(&self) -> Vec<Part> {
        let first = |row: &Row| {
            let mut first = [0; 8];
            // The length of the first column says nothing.
            let key = row.key.of(&self.bytes).get(4..).unwrap_or_default();
            let most = key.len().min(first.len());
            first[..most].copy_from_slice(&key[..most]);
            (first, row.row)
        };
        let mut rows: Vec<([u8; 8], Part)> = self.rows.iter().map(first).collect();
        rows.sort_unstable_by_key(|(first, _)| *first);
        self.kept.iter().map(|row| row.row).chain(rows.into_iter().map(|(_, row)| row)).collect()
    }

    /// The bytes of one of them.
    pub fn row(&self, row: Part) -> &[u8] {
        row.of(&self.bytes)
    }

    fn add(&mut self, row: &[u8], key: &[u8]) -> Row {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(row);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(key);
        Row { row: Part::at(from..middle), key: Part::at(middle..self.bytes.len()) }
    }

    /// Leaves out the bytes of rows whose key came again.
    pub fn compact(&mut self) {
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.dead);
        let old = std::mem::take(&mut self.bytes);
        for row in self.rows.iter_mut().chain(&mut self.kept) {
            let from = bytes.len();
            bytes.extend_from_slice(row.row.of(&old));
            let middle = bytes.len();
            bytes.extend_from_slice(row.key.of(&old));
            *row = Row { row: Part::at(from..middle), key: Part::at(middle..bytes.len()) };
        }
        (self.bytes, self.dead) = (bytes, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Latest;

    fn taken(latest: &Latest) -> Vec<String> {
        let text = |row| String::from_utf8(latest.row(row).to_vec()).unwrap();
        latest.in_order().into_iter().map(text).collect()
    }

    #[test]
    fn the_last_row_of_a_key_stays_however_often_it_comes() {
        let mut latest = Latest::default();
        for round in 0..50_u32 {
            for key in 0..100_u32 {
                latest.put(format!("{key} in {round}").as_bytes(), &[[0; 4], key.to_be_bytes()].concat());
            }
            assert!(latest.bytes() < 10_000, "what is dead goes: {}", latest.bytes());
        }
        let expected: Vec<String> = (0..100).map(|key| format!("{key} in 49")).collect();
        assert_eq!(taken(&latest), expected, "by key");
    }

    #[test]
    fn a_row_that_is_kept_is_sent_beside_those_of_its_key() {
        let mut latest = Latest::default();
        latest.put(b"a", b"\0\0\0\x01k");
        latest.keep(b"b");
        latest.put(b"c", b"\0\0\0\x01k");
        assert_eq!(taken(&latest), ["b", "c"]);
    }
}
