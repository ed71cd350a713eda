//! Encoded rows of which each key keeps the last: what would be updated again at once is not sent.

use hashbrown::{HashTable, hash_table::Entry};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Rows that wait to be sent, in the binary form of COPY.
#[derive(Debug)]
pub struct Coalesce {
    /// How many bytes of them may wait.
    room: usize,
    bytes: Vec<u8>,
    rows: HashTable<Row>,
    /// Those that are sent whatever comes after them.
    kept: Vec<Row>,
}

/// The bytes that name a row: its key's columns, one behind the other, lengths included.
#[derive(Clone, Debug)]
pub enum Key<'a> {
    /// Where they stand in the row.
    Within(Range<usize>),
    /// What they are, where they do not stand together.
    Beside(&'a [u8]),
}

#[derive(Clone, Copy, Debug)]
struct Row {
    row: Part,
    /// Within the row or behind it.
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

    fn range(self) -> Range<usize> {
        let from = self.from as usize;
        from..from + self.bytes as usize
    }

    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.range()]
    }
}

impl Key<'_> {
    fn of<'r>(&'r self, row: &'r [u8]) -> &'r [u8] {
        match self {
            Self::Within(range) => &row[range.clone()],
            Self::Beside(bytes) => bytes,
        }
    }
}

impl Coalesce {
    /// With room for so many bytes, taken when the first comes.
    pub fn new(room: usize) -> Self {
        Self { room, bytes: vec![], rows: HashTable::new(), kept: vec![] }
    }

    /// Whether so many bytes more may wait, if need be where rows were whose key came again.
    pub fn has_room(&mut self, bytes: usize) -> bool {
        self.bytes.len() + bytes <= self.room || {
            self.compact();
            // A little less, or it would be made for a few rows again and again.
            self.bytes.len() + bytes <= self.room - self.room / 32
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds a row, instead of the one of the same key if there is one.
    pub fn put(&mut self, row: &[u8], key: Key<'_>) {
        self.reserve(row);
        let name = key.of(row);
        let entry = self.rows.entry(
            xxh3_64(name),
            |there| there.key.of(&self.bytes) == name,
            |there| xxh3_64(there.key.of(&self.bytes)),
        );
        match entry {
            Entry::Vacant(free) => {
                free.insert(add(&mut self.bytes, row, &key));
            }
            Entry::Occupied(mut there) => {
                let there = there.get_mut();
                if row.len() <= there.row.bytes as usize {
                    replace(&mut self.bytes, there, row, &key);
                } else {
                    *there = add(&mut self.bytes, row, &key);
                }
            }
        }
    }

    /// Adds a row that is sent whatever comes after it.
    pub fn keep(&mut self, row: &[u8]) {
        self.reserve(row);
        self.kept.push(add(&mut self.bytes, row, &Key::Within(0..0)));
    }

    /// All rows, in about the order of their keys: neighbours in the table's index come one after the other.
    pub fn in_order(&self) -> impl Iterator<Item = &[u8]> {
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
        self.kept.iter().map(|row| row.row).chain(rows.into_iter().map(|(_, row)| row)).map(|row| row.of(&self.bytes))
    }

    /// Takes the room when the first row comes: growing would hold it twice.
    fn reserve(&mut self, row: &[u8]) {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(self.room + row.len() * 2);
            self.rows.reserve(self.room / row.len().max(64), |_| 0);
        }
    }

    /// Leaves out the bytes of rows whose key came again.
    fn compact(&mut self) {
        let mut rows: Vec<&mut Row> = self.rows.iter_mut().chain(&mut self.kept).collect();
        rows.sort_unstable_by_key(|row| row.row.from);
        let mut to = 0;
        let mut moved = |bytes: &mut Vec<u8>, part: Part| {
            bytes.copy_within(part.range(), to);
            to += part.bytes as usize;
            Part::at(to - part.bytes as usize..to)
        };
        for Row { row, key } in rows {
            let within = row.range().end >= key.range().end;
            let before = row.from;
            *row = moved(&mut self.bytes, *row);
            *key = if within {
                Part { from: row.from + (key.from - before), ..*key }
            } else {
                moved(&mut self.bytes, *key)
            };
        }
        self.bytes.truncate(to);
    }
}

/// Adds a row behind all others.
fn add(bytes: &mut Vec<u8>, row: &[u8], key: &Key<'_>) -> Row {
    let from = bytes.len();
    bytes.extend_from_slice(row);
    let middle = bytes.len();
    let key = match key {
        Key::Within(range) => from + range.start..from + range.end,
        Key::Beside(key) => {
            bytes.extend_from_slice(key);
            middle..bytes.len()
        }
    };
    Row { row: Part::at(from..middle), key: Part::at(key) }
}

/// Puts a row where one of the same key is that is no shorter.
fn replace(bytes: &mut [u8], there: &mut Row, row: &[u8], key: &Key<'_>) {
    let from = there.row.from as usize;
    bytes[from..from + row.len()].copy_from_slice(row);
    there.row = Part::at(from..from + row.len());
    if let Key::Within(range) = key {
        there.key = Part::at(from + range.start..from + range.end);
    }
}

#[cfg(test)]
mod tests {
    use super::{Coalesce, Key};

    fn taken(coalesce: &Coalesce) -> Vec<String> {
        coalesce.in_order().map(|row| String::from_utf8(row.to_vec()).unwrap()).collect()
    }

    /// A key as it stands in a row: four bytes of length, and its own.
    fn named(key: u32) -> Vec<u8> {
        [[0; 4], key.to_be_bytes()].concat()
    }

    #[test]
    fn the_last_row_of_a_key_stays_however_often_it_comes() {
        let mut coalesce = Coalesce::new(4000);
        for round in 0..50_u32 {
            for key in 0..100_u32 {
                // Now longer, now shorter.
                let row = format!("{key} in {round}{}", "!".repeat((round * 7 + key) as usize % 5));
                coalesce.put(row.as_bytes(), Key::Beside(&named(key)));
                assert!(coalesce.has_room(0), "what came again goes");
            }
        }
        let last = |key: u32| format!("{key} in 49{}", "!".repeat((49 * 7 + key) as usize % 5));
        assert_eq!(taken(&coalesce), (0..100).map(last).collect::<Vec<_>>(), "by key");
    }

    #[test]
    fn a_key_within_its_row_moves_with_it() {
        let mut coalesce = Coalesce::new(3000);
        let row =
            |key: u32, round: u32| [vec![b'x'; ((round * 5 + key) % 7) as usize], named(key), vec![b'y'; 3]].concat();
        for round in 0..50 {
            for key in 0..100 {
                let row = row(key, round);
                let from = row.len() - 11;
                coalesce.put(&row, Key::Within(from..from + 8));
                assert!(coalesce.has_room(20), "what came again goes");
            }
        }
        let rows: Vec<&[u8]> = coalesce.in_order().collect();
        assert_eq!(rows, (0..100).map(|key| row(key, 49)).collect::<Vec<_>>());
    }

    #[test]
    fn a_row_that_is_kept_is_sent_beside_those_of_its_key() {
        let mut coalesce = Coalesce::new(12);
        let key = || Key::Beside(b"\0\0\0\x01k");
        coalesce.put(b"a", key());
        coalesce.keep(b"b");
        coalesce.put(b"cc", key());
        assert_eq!(taken(&coalesce), ["b", "cc"]);
        assert!(coalesce.has_room(0));
        coalesce.keep(b"ddddd");
        assert_eq!(taken(&coalesce), ["b", "ddddd", "cc"], "after those of before took less room");
        assert!(!coalesce.has_room(0), "nothing more can go");
    }
}
