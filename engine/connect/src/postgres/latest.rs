//! Encoded rows of which each key keeps the last: what would be updated again at once is not sent.

use hashbrown::HashTable;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Rows that wait to be sent, in the binary form of COPY.
#[derive(Debug)]
pub struct Latest {
    /// How many bytes of them may wait.
    room: usize,
    bytes: Vec<u8>,
    rows: HashTable<Row>,
    /// Those that are sent whatever comes after them.
    kept: Vec<Row>,
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
    /// With room for so many bytes, taken when the first comes.
    pub fn new(room: usize) -> Self {
        Self { room, bytes: vec![], rows: HashTable::new(), kept: vec![] }
    }

    /// Whether there is hardly any room, not even where rows were whose key came again.
    pub fn is_full(&mut self) -> bool {
        self.bytes.len() > self.room && {
            self.compact();
            self.bytes.len() > self.room / 8 * 7
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds a row, instead of the one of the same key if there is one.
    pub fn put(&mut self, row: &[u8], key: &[u8]) {
        let hash = xxh3_64(key);
        let new = self.add(row, key);
        let (bytes, rows) = (&self.bytes, &mut self.rows);
        match rows.find_mut(hash, |there| there.key.of(bytes) == key) {
            Some(there) => *there = new,
            None => {
                rows.insert_unique(hash, new, |row| xxh3_64(row.key.of(bytes)));
            }
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
        if self.bytes.capacity() == 0 {
            // Growing would hold it twice.
            let bytes = row.len() + key.len();
            self.bytes.reserve_exact(self.room + bytes);
            self.rows.reserve(self.room / bytes.max(64), |_| 0);
        }
        let from = self.bytes.len();
        self.bytes.extend_from_slice(row);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(key);
        Row { row: Part::at(from..middle), key: Part::at(middle..self.bytes.len()) }
    }

    /// Leaves out the bytes of rows whose key came again.
    fn compact(&mut self) {
        let mut rows: Vec<&mut Row> = self.rows.iter_mut().chain(&mut self.kept).collect();
        rows.sort_unstable_by_key(|row| row.row.from);
        let mut to = 0;
        for Row { row, key } in rows {
            let range = row.from as usize..(key.from + key.bytes) as usize;
            self.bytes.copy_within(range.clone(), to);
            *row = Part::at(to..to + row.bytes as usize);
            *key = Part::at(to + row.bytes as usize..to + range.len());
            to += range.len();
        }
        self.bytes.truncate(to);
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
        let mut latest = Latest::new(4000);
        for round in 0..50_u32 {
            for key in 0..100_u32 {
                latest.put(format!("{key} in {round}").as_bytes(), &[[0; 4], key.to_be_bytes()].concat());
                assert!(!latest.is_full(), "what came again goes");
            }
        }
        let expected: Vec<String> = (0..100).map(|key| format!("{key} in 49")).collect();
        assert_eq!(taken(&latest), expected, "by key");
    }

    #[test]
    fn a_row_that_is_kept_is_sent_beside_those_of_its_key() {
        let mut latest = Latest::new(10);
        latest.put(b"a", b"\0\0\0\x01k");
        latest.keep(b"b");
        latest.put(b"c", b"\0\0\0\x01k");
        assert_eq!(taken(&latest), ["b", "c"]);
        assert!(!latest.is_full());
        latest.keep(b"dddd");
        assert_eq!(taken(&latest), ["b", "dddd", "c"], "after those of before took less room");
        assert!(latest.is_full(), "nothing more can go");
    }
}
