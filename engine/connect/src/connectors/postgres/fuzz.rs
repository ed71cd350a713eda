//! The decoder under damaged bytes: an error or rows, the same however they are cut, and never a panic. `ENGINE_FUZZ_SECONDS`
//! is for how long; without it, a second.

use super::{
    decode::{Decoder, Shape},
    types::Wire,
};
use crate::{
    arrow::types::field,
    hub::policy::{Chosen, Replacements, Unrepresentable},
};
use datafusion::arrow::{array::RecordBatch, datatypes::Schema};
use engine_language::{
    column::ColumnType::{self, *},
    table::Column,
};
use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Every way a value looks, with values that are right.
fn columns() -> Vec<(Wire, ColumnType, Vec<Vec<u8>>)> {
    let number = |bytes: &[i16]| bytes.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    // Digits, weight, sign, scale; then base-10,000 digits.
    let numbers = vec![number(&[2, 0, 0, 2, 12, 5000]), number(&[0, 0, 0x4000, 2]), number(&[0, 0, -0x4000, 0])];
    let list = [&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1][..], &[0, 0, 0, 4, 0, 0, 0, 7]].concat();
    let nulls = [&list[..], &[0xff; 4]].concat();
    let date = |days: i32| days.to_be_bytes().to_vec();
    let time = |us: i64| us.to_be_bytes().to_vec();
    vec![
        (Wire::Bool, Bool, vec![vec![0], vec![1]]),
        (Wire::Int2, SmallInt, vec![vec![0, 7]]),
        (Wire::Int4, Int, vec![vec![0x80, 0, 0, 0]]),
        (Wire::Int8, BigInt, vec![vec![0xff; 8]]),
        (Wire::Unsigned, UBigInt, numbers.clone()),
        (Wire::Float4, Float, vec![vec![0x7f, 0xc0, 0, 0]]),
        (Wire::Float8, Double, vec![vec![0x3f, 0xf0, 0, 0, 0, 0, 0, 0]]),
        (Wire::Numeric(10, 2), Decimal(10, 2), numbers.clone()),
        (Wire::Numeric(60, 5), Decimal(60, 5), numbers),
        (Wire::Text, Text(None), vec![b"text".to_vec(), "ä🦀".into(), vec![]]),
        (Wire::Jsonb, Json, vec![b"\x01{\"a\": 1}".to_vec()]),
        (Wire::Bytes, Bytes, vec![vec![0, 0xff]]),
        (Wire::Date, Date, vec![date(0), date(i32::MAX), date(i32::MIN)]),
        (Wire::Time, Time, vec![time(0), time(86_400_000_000)]),
        (Wire::Timestamp, Timestamp, vec![time(0), time(i64::MAX), time(i64::MIN)]),
        (Wire::TimestampTz, TimestampTz, vec![time(1)]),
        (Wire::Interval, Interval, vec![[time(1), date(2), date(3)].concat()]),
        (Wire::Uuid, Uuid, vec![vec![7; 16]]),
        (Wire::List(Box::new(Wire::Int4), 23), List(Box::new(Int)), vec![list, nulls, vec![0; 12]]),
    ]
}

fn copy(columns: &[(Wire, ColumnType, Vec<Vec<u8>>)], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = [b"PGCOPY\n\xff\r\n\0".as_slice(), &[0; 8]].concat();
    for _ in 0..rng.random_range(1..4) {
        bytes.extend(i16::try_from(columns.len()).unwrap().to_be_bytes());
        for (.., values) in columns {
            if rng.random_bool(0.1) {
                bytes.extend((-1_i32).to_be_bytes());
                continue;
            }
            let value = values.choose(rng).unwrap();
            bytes.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
            bytes.extend(value);
        }
    }
    bytes.extend((-1_i16).to_be_bytes());
    bytes
}

fn damage(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    for _ in 0..rng.random_range(0..4) {
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..5) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = *[0, 1, 0x7f, 0x80, 0xff].choose(rng).unwrap(),
            2 => bytes.truncate(at.max(1)),
            3 => bytes.insert(at, rng.random()),
            _ => drop(bytes.drain(at..(at + 4).min(bytes.len()))),
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
}

fn decoded(shape: &Shape, bytes: &[u8], size: usize) -> Result<RecordBatch, String> {
    let replaced = Replacements::default();
    let mut decoder = Decoder::new(shape, &replaced);
    let fed = bytes.chunks(size).try_for_each(|chunk| decoder.feed(chunk)).and_then(|()| decoder.finish());
    fed.and_then(|()| decoder.batch()).map_err(|undecoded| undecoded.why)
}

#[test]
fn damaged_bytes_are_an_error_or_rows_however_they_are_cut() {
    let columns = columns();
    let fields: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| field(&Column::new(format!("c{at}"), column.1.clone())))
        .collect();
    let wires: Vec<Wire> = columns.iter().map(|column| column.0.clone()).collect();
    let seconds = std::env::var("ENGINE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut rng = ChaCha8Rng::seed_from_u64(seconds);
    let (mut rounds, mut whole) = (0_u64, 0_u64);
    while Instant::now() < end {
        let null = if rng.random_bool(0.5) { Unrepresentable::ALL.to_vec() } else { vec![] };
        let chosen = vec![Chosen { null, ..Chosen::default() }; columns.len()];
        let shape = Shape {
            schema: Arc::new(Schema::new(fields.clone())),
            wires: wires.clone(),
            chosen,
            key: vec!["c2".into()],
        };
        let mut bytes = copy(&columns, &mut rng);
        damage(&mut bytes, &mut rng);
        let once = decoded(&shape, &bytes, bytes.len());
        let size = rng.random_range(1..=bytes.len());
        assert_eq!(once, decoded(&shape, &bytes, size), "in pieces of {size}: {bytes:?}");
        rounds += 1;
        whole += u64::from(once.is_ok());
    }
    assert!(whole > 0 && whole < rounds, "{whole} of {rounds} went through");
    println!("{rounds} rounds, {whole} of them went through");
}
