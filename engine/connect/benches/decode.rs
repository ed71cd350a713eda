//! One core decodes PostgreSQL's binary COPY of nine mixed columns: `cargo bench -p engine-connect --bench decode`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use datafusion::arrow::datatypes::Schema;
use engine_connect::{
    arrow::types::field,
    connectors::postgres::{Decoder, Shape, Wire},
    hub::policy::{Chosen, Replacements},
};
use engine_language::{column::ColumnType, table::Column};
use std::{hint::black_box, sync::Arc};

const ROWS: u32 = 100_000;
/// Rows of a batch, as readings have them.
const BATCH: usize = 8192;
/// Bytes that come at once.
const CHUNK: usize = 65_536;

fn columns() -> Vec<(Wire, ColumnType)> {
    vec![
        (Wire::Int4, ColumnType::Int),
        (Wire::Int8, ColumnType::BigInt),
        (Wire::Text, ColumnType::Text(None)),
        (Wire::Text, ColumnType::Text(Some(20))),
        (Wire::Numeric(10, 2), ColumnType::Decimal(10, 2)),
        (Wire::Timestamp, ColumnType::Timestamp),
        (Wire::Date, ColumnType::Date),
        (Wire::Float8, ColumnType::Double),
        (Wire::Bool, ColumnType::Bool),
    ]
}

fn add(bytes: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        None => bytes.extend((-1_i32).to_be_bytes()),
        Some(value) => {
            bytes.extend(u32::try_from(value.len()).expect("values are short").to_be_bytes());
            bytes.extend(value);
        }
    }
}

fn copy() -> Vec<u8> {
    let mut bytes = [b"PGCOPY\n\xff\r\n\0".as_slice(), &[0; 8]].concat();
    for row in 0..ROWS {
        bytes.extend(9_i16.to_be_bytes());
        add(&mut bytes, Some(&row.to_be_bytes()));
        add(&mut bytes, Some(&(u64::from(row) * 1_000_003).to_be_bytes()));
        add(&mut bytes, Some(format!("someone.{row}@example.com").as_bytes()));
        add(&mut bytes, (row % 10 != 0).then_some(b"Delivered".as_slice()));
        let [a, b] = u16::try_from(row % 9999 + 1).expect("it is small").to_be_bytes();
        add(&mut bytes, Some(&[0, 2, 0, 0, 0, 0, 0, 2, a, b, 0x09, 0xc4]));
        add(&mut bytes, Some(&(i64::from(row) * 1_000_000).to_be_bytes()));
        add(&mut bytes, Some(&(row % 9000).to_be_bytes()));
        add(&mut bytes, Some(&f64::from(row).to_be_bytes()));
        add(&mut bytes, Some(&[u8::from(row % 2 == 0)]));
    }
    bytes.extend((-1_i16).to_be_bytes());
    bytes
}

fn decode(criterion: &mut Criterion) {
    let columns = columns();
    let fields = columns.iter().enumerate().map(|(at, (_, kind))| field(&Column::new(format!("c{at}"), kind.clone())));
    let shape = Shape {
        schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        wires: columns.iter().map(|(wire, _)| wire.clone()).collect(),
        chosen: vec![Chosen::default(); columns.len()],
        key: vec![],
    };
    let bytes = copy();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROWS.into()));
    group.bench_function(BenchmarkId::new("copy", "9 columns"), |bencher| {
        bencher.iter(|| {
            let replaced = Replacements::default();
            let mut decoder = Decoder::new(&shape, &replaced);
            let mut rows = 0;
            for chunk in bytes.chunks(CHUNK) {
                decoder.feed(chunk).expect("the bytes are right");
                if decoder.rows() >= BATCH {
                    rows += black_box(decoder.batch().expect("the rows are right")).num_rows();
                }
            }
            rows += black_box(decoder.batch().expect("the rows are right")).num_rows();
            assert_eq!(rows, ROWS as usize);
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
