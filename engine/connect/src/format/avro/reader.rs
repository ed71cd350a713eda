//! The bytes of one message, read by its schema and never beyond its end.

use super::schema::{Schema, Type};

/// How deep values may lie in each other.
const DEEPEST: usize = 64;
/// Values that a message may have beside one for each byte: of nothing, a list may hold any number.
const EMPTY: usize = 10_000;

/// Reads a message from its beginning on.
#[derive(Debug)]
pub struct Reader<'m> {
    rest: &'m [u8],
    values: usize,
    depth: usize,
}

impl<'m> Reader<'m> {
    /// Of these bytes.
    pub fn new(bytes: &'m [u8]) -> Self {
        Self { rest: bytes, values: bytes.len() + EMPTY, depth: 0 }
    }

    /// Sees that nothing is left.
    pub fn end(&self) -> Result<(), String> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(format!("{left} bytes are left behind the record")),
        }
    }

    /// Counts a value, and how deep it lies.
    pub fn enter<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.values == 0 || self.depth == DEEPEST {
            return Err("too many values, or too deep in each other".into());
        }
        (self.values, self.depth) = (self.values - 1, self.depth + 1);
        let done = inner(self);
        self.depth -= 1;
        done
    }

    fn take(&mut self, count: usize) -> Result<&'m [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(ends)?;
        self.rest = rest;
        Ok(taken)
    }

    /// `boolean`
    pub fn boolean(&mut self) -> Result<bool, String> {
        match self.take(1)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("a boolean is {other}")),
        }
    }

    /// `int`
    pub fn int(&mut self) -> Result<i32, String> {
        let number = self.long()?;
        number.try_into().map_err(|_| format!("an int is {number}"))
    }

    /// `long`
    pub fn long(&mut self) -> Result<i64, String> {
        let mut bits = 0_u64;
        for (number, byte) in self.rest.iter().take(10).enumerate() {
            let part = u64::from(byte & 0x7f);
            if number == 9 && part > 1 {
                break;
            }
            bits |= part << (7 * number);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[number + 1..];
                return Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed());
            }
        }
        Err(if self.rest.len() < 10 { ends() } else { "a number has more than 64 bits".into() })
    }

    /// `float`
    pub fn float(&mut self) -> Result<f32, String> {
        Ok(f32::from_le_bytes(self.take(4)?.try_into().expect("these are four bytes")))
    }

    /// `double`
    pub fn double(&mut self) -> Result<f64, String> {
        Ok(f64::from_le_bytes(self.take(8)?.try_into().expect("these are eight bytes")))
    }

    /// `bytes`
    pub fn bytes(&mut self) -> Result<&'m [u8], String> {
        let length = self.long()?;
        self.take(usize::try_from(length).map_err(|_| format!("a length is {length}"))?)
    }

    /// `string`
    pub fn text(&mut self) -> Result<&'m str, String> {
        std::str::from_utf8(self.bytes()?).map_err(|error| format!("a string is no UTF-8: {error}"))
    }

    /// `fixed`
    pub fn fixed(&mut self, size: usize) -> Result<&'m [u8], String> {
        self.take(size)
    }

    /// Which of so many.
    pub fn choice(&mut self, of: usize) -> Result<usize, String> {
        let number = self.long()?;
        let choice = usize::try_from(number).ok().filter(|choice| *choice < of);
        choice.ok_or_else(|| format!("the choice {number} is not one of {of}"))
    }

    /// The items of a list or map, one after another.
    pub fn items(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), String>) -> Result<(), String> {
        loop {
            let count = self.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // The block's length in bytes, for who would skip it.
                self.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                self.enter(&mut item)?;
            }
        }
    }

    /// Goes over a value.
    pub fn skip(&mut self, schema: &Schema, kind: &Type) -> Result<(), String> {
        match schema.resolve(kind) {
            Type::Null => Ok(()),
            Type::Boolean => self.boolean().map(drop),
            Type::Int
            | Type::Date
            | Type::TimeMillis
            | Type::Long
            | Type::TimeMicros
            | Type::Instant(_)
            | Type::Local(_) => self.long().map(drop),
            Type::Float => self.take(4).map(drop),
            Type::Double => self.take(8).map(drop),
            Type::Bytes | Type::String | Type::Uuid | Type::Decimal { size: None, .. } => self.bytes().map(drop),
            Type::Fixed(size) | Type::Decimal { size: Some(size), .. } => self.take(*size).map(drop),
            Type::UuidBytes => self.take(16).map(drop),
            Type::Enum(symbols) => self.choice(symbols.len()).map(drop),
            Type::List(inner) => self.items(|reader| reader.skip(schema, inner)),
            Type::Map(inner) => self.items(|reader| {
                reader.bytes()?;
                reader.skip(schema, inner)
            }),
            Type::Union(branches) => {
                let branch = self.choice(branches.len())?;
                self.enter(|reader| reader.skip(schema, &branches[branch]))
            }
            Type::Record(fields) => {
                self.enter(|reader| fields.iter().try_for_each(|field| reader.skip(schema, &field.kind)))
            }
            Type::Named(_) => unreachable!("a name stands for what is no name"),
        }
    }
}

fn ends() -> String {
    "the message ends too early".into()
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use crate::format::avro::schema::Schema;

    #[test]
    fn numbers_are_zigzag_and_have_64_bits_at_most() {
        let long = |bytes: &[u8]| Reader::new(bytes).long();
        assert_eq!(long(&[0]), Ok(0));
        assert_eq!(long(&[1]), Ok(-1));
        assert_eq!(long(&[0x80, 0x01]), Ok(64));
        assert_eq!(long(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(i64::MIN));
        assert_eq!(long(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(i64::MAX));
        assert!(long(&[0xff; 10]).unwrap_err().contains("more than 64 bits"));
        assert_eq!(long(&[0x80]).unwrap_err(), "the message ends too early");
        assert!(Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x20]).int().unwrap_err().contains("an int is"));
    }

    #[test]
    fn no_message_makes_it_read_for_ever_or_beyond_its_end() {
        let nothings = Schema::parse(r#"{"type":"array","items":"null"}"#, &[]).unwrap();
        let many = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let skip = |schema: &Schema, bytes: &[u8]| Reader::new(bytes).skip(schema, &schema.root);
        assert!(skip(&nothings, &many).unwrap_err().contains("too many values"));
        let itself = r#"{"type":"record","name":"r","fields":[{"name":"r","type":"r"}]}"#;
        let itself = Schema::parse(itself, &[]).unwrap();
        assert!(skip(&itself, &[]).unwrap_err().contains("too deep"));
        let bytes = Schema::parse("\"bytes\"", &[]).unwrap();
        assert!(skip(&bytes, &many).unwrap_err().contains("ends too early"));
        assert!(skip(&bytes, &[1]).unwrap_err().contains("a length is -1"));
    }
}
