//! Columns under damaged values: refused, or carried, and never a panic. `ENGINE_FUZZ_SECONDS` is for how long; without it,
//! a second.

use super::{column_builder::Cells, types::Wire};
use crate::arrow::types::arrow_type;
use engine_language::column::ColumnType::{self, *};
use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use std::time::{Duration, Instant};

/// Every way a value looks, with values that are right.
fn columns() -> Vec<(Wire, ColumnType, Vec<Vec<u8>>)> {
    let moment = vec![0xe8, 7, 2, 29, 23, 59, 59, 0x3f, 0x42, 0x0e, 0];
    let clock = vec![0, 0, 0, 0, 0, 23, 59, 59, 1, 0, 0, 0];
    let labels = ["a".to_owned(), "b".to_owned()];
    vec![
        (Wire::Bool, Bool, vec![vec![0], vec![1]]),
        (Wire::Int(1, true), SmallInt, vec![vec![0xff]]),
        (Wire::Int(2, false), Int, vec![vec![0xff, 0xff]]),
        (Wire::Int(4, true), Int, vec![vec![0, 0, 0, 0x80]]),
        (Wire::Int(8, true), BigInt, vec![vec![0xff; 8]]),
        (Wire::Int(8, false), UBigInt, vec![vec![0xff; 8]]),
        (Wire::Year, SmallInt, vec![vec![0xe8, 7]]),
        (Wire::Float, Float, vec![vec![0, 0, 0xc0, 0x7f]]),
        (Wire::Double, Double, vec![vec![0, 0, 0, 0, 0, 0, 0xf0, 0x3f]]),
        (Wire::Decimal(10, 2), Decimal(10, 2), vec![b"-12.50".to_vec(), b"99999999.99".to_vec()]),
        (Wire::Decimal(65, 30), Decimal(65, 30), vec![b"1.000000000000000000000000000001".to_vec()]),
        (Wire::Whole, BigInt, vec![b"-9223372036854775808".to_vec()]),
        (Wire::Text, Text(None), vec!["ä🦀".into(), vec![]]),
        (Wire::Char, Text(Some(3)), vec![b"abc".to_vec()]),
        (Wire::Enum(labels.clone().into()), Text(None), vec![b"a".to_vec()]),
        (Wire::Set(labels.into()), Text(None), vec![b"a,b".to_vec()]),
        (Wire::Bytes, Bytes, vec![vec![0, 0xff]]),
        (Wire::Binary(2), Bytes, vec![vec![0, 0xff]]),
        (Wire::Bit(1), Bool, vec![vec![1]]),
        (Wire::Bit(64), UBigInt, vec![vec![0xff; 8], vec![1]]),
        (Wire::Date, Date, vec![moment[..4].to_vec(), vec![], vec![0; 4]]),
        (Wire::DateTime(6), Timestamp, vec![moment.clone(), moment[..7].to_vec(), vec![]]),
        (Wire::Timestamp(6), TimestampTz, vec![moment]),
        (Wire::Time(6), Time, vec![clock.clone(), clock[..8].to_vec(), vec![]]),
    ]
}

fn damaged(value: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = value.to_vec();
    for _ in 0..rng.random_range(0..3) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..4) {
            0 => bytes.insert(at, rng.random()),
            1 => bytes.truncate(at),
            2 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            _ if at < bytes.len() => bytes[at] = *[0, 0x7f, 0x80, 0xff, b'0', b'.', b'-'].choose(rng).unwrap(),
            _ => {}
        }
    }
    bytes
}

#[test]
fn damaged_values_are_refused_or_carried() {
    let columns = columns();
    let seconds = std::env::var("ENGINE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut rng = ChaCha8Rng::seed_from_u64(seconds);
    let (mut carried, mut refused) = (0_u64, 0_u64);
    while Instant::now() < end {
        let (wire, kind, values) = columns.choose(&mut rng).unwrap();
        let (mut cells, mut rows) = (Cells::new(wire, kind), 0);
        let lenient = rng.random_bool(0.5);
        for _ in 0..16 {
            let value = damaged(values.choose(&mut rng).unwrap(), &mut rng);
            let value = rng.random_bool(0.9).then_some(value.as_slice());
            // What is refused leaves the column as it was.
            match cells.push(value, |_| lenient) {
                Ok(()) => rows += 1,
                Err(_) => refused += 1,
            }
        }
        let array = cells.finish();
        assert_eq!((array.len(), array.data_type()), (rows, &arrow_type(kind)), "{wire:?}");
        carried += rows as u64;
    }
    assert!(carried > 0 && refused > 0);
    println!("{carried} values were carried, {refused} refused");
}
