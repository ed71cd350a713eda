//! Avro in the frame of a schema registry, against what another implementation of Avro writes and reads.

use super::{
    in_avro::in_avro,
    registry::Registry,
    topic::{Topic, cells, column},
};
use crate::contract::subject;
use arrow_avro::{
    reader::ReaderBuilder,
    schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, FingerprintStrategy, SchemaStore},
    writer::{WriterBuilder, format::AvroSoeFormat},
};
use datafusion::arrow::{
    array::{ArrayRef, BinaryArray, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, UInt64Array},
    datatypes::{DataType, Field, Schema, TimeUnit},
    util::pretty::pretty_format_batches,
};
use engine_connect::hub::{
    error::{Blame, Result},
    publication::{Commit, Mode, PublishRequest, Target, Writers},
    source::{OpenTable, ReadRequest, TableRequest},
    topics::Start,
};
use engine_language::{
    config::{source::SourceTable, toml::Spanned},
    table::TableDefinition,
};
use serde_json::json;
use std::sync::Arc;

/// A topic with a registry; its columns are these instead of those of every topic.
struct Place {
    topic: Topic,
    registry: Registry,
    columns: Vec<(&'static str, &'static str)>,
}

impl Place {
    fn new(columns: &[(&'static str, &'static str)]) -> Self {
        Self::with("", columns)
    }

    fn with(more: &str, columns: &[(&'static str, &'static str)]) -> Self {
        let registry = Registry::new();
        let toml = format!("registry = \"{}/\"\n{more}", registry.url);
        let topic = Topic::at(&super::brokers(), &toml);
        topic.create(1, &[]);
        Self { topic, registry, columns: columns.to_vec() }
    }

    fn request(&self) -> TableRequest {
        let mut request = self.topic.request(None, Some(crate::kafka::topic::limit(1000)));
        let mut declared = SourceTable::clone(request.declared.as_ref().unwrap());
        let at = declared.name.span;
        let column = |(name, kind): &(&str, &str)| {
            (Spanned::new((*name).to_owned(), at), Spanned::new(kind.parse().unwrap(), at))
        };
        declared.columns = self.columns.iter().map(column).collect();
        request.declared = Some(Arc::new(declared));
        in_avro(&mut request.declared);
        request
    }

    async fn read(&self) -> Result<OpenTable> {
        let request = ReadRequest { tables: vec![self.request()] };
        Ok(self.topic.connection.readable().unwrap().open(request).await?.tables.remove(0))
    }

    /// Reads from an offset on.
    async fn read_from(&self, offset: u64) -> OpenTable {
        let connection = &self.topic.connection;
        let since = connection.topics().unwrap().start(&self.request(), Start::Offset(offset)).await.unwrap();
        let request = TableRequest { since, ..self.request() };
        connection.readable().unwrap().open(ReadRequest { tables: vec![request] }).await.unwrap().tables.remove(0)
    }

    /// Sends rows as another program would, and says what their schema's number is.
    fn send(&self, batch: &RecordBatch) -> u32 {
        let schema = AvroSchema::try_from(batch.schema_ref().as_ref()).unwrap();
        let number = self.registry.add("words", json!({ "schema": schema.json_string }));
        let builder = WriterBuilder::new(batch.schema_ref().as_ref().clone());
        let builder = builder.with_fingerprint_strategy(FingerprintStrategy::Id(number));
        let mut encoder = builder.build_encoder::<AvroSoeFormat>().unwrap();
        encoder.encode(batch).unwrap();
        let rows: Vec<Vec<u8>> = encoder.flush().iter().map(|row| row.to_vec()).collect();
        self.topic.send_bytes(0, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        number
    }

    /// Sends one record, given byte by byte, of a schema.
    fn send_record(&self, schema: &str, record: &[u8]) {
        let number = self.registry.add("words", json!({ "schema": schema }));
        self.topic.send_bytes(0, &[&framed(number, record)]);
    }
}

fn framed(number: u32, record: &[u8]) -> Vec<u8> {
    [&[0], number.to_be_bytes().as_slice(), record].concat()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

fn ints(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_read_by_the_schema_that_it_was_written_with() {
    let place = Place::new(&[("id", "bigint"), ("word", "text"), ("since", "timestamptz")]);
    place.send(&batch(vec![("id", ints(&[Some(1), None])), ("word", texts(&[Some("a"), Some("Ωß")]))]));
    let small: ArrayRef = Arc::new(Int32Array::from(vec![2]));
    let more: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
    let at = datafusion::arrow::array::TimestampMillisecondArray::from(vec![1_700_000_000_123]).with_timezone("+00:00");
    place.send(&batch(vec![("more", more), ("since", Arc::new(at)), ("id", small), ("word", texts(&[None]))]));
    let open = place.read().await.unwrap();
    let found = cells(&open, "select coalesce(cast(id as text), '-'), coalesce(word, '-'), since from t").await;
    assert_eq!(found, "1 a - Ωß 2 - 2023-11-14T22:13:20.123Z");
    assert_eq!(open.rejected.take(), []);
    let asked = place.registry.asked();
    assert_eq!(asked.iter().filter(|asked| asked.contains("/schemas/ids/1")).count(), 1, "each schema once: {asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_another_reads() {
    let place = Place::new(&[("id", "bigint")]);
    let types: Vec<(&str, ArrayRef)> = vec![
        ("yes", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("small", Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)]))),
        ("id", ints(&[Some(i64::MIN), None, Some(i64::MAX)])),
        ("word", texts(&[Some(""), None, Some("Ωß🦀\0")])),
        ("raw", Arc::new(BinaryArray::from(vec![Some(&b"\xff\0"[..]), None, Some(b"")]))),
        ("price", decimals(&[Some(-12345), None, Some(99_999_999_999_999)])),
        ("day", Arc::new(datafusion::arrow::array::Date32Array::from(vec![Some(-1), None, Some(20_000)]))),
        ("x", Arc::new(datafusion::arrow::array::Float64Array::from(vec![Some(0.1), None, Some(f64::MAX)]))),
        ("at", instants(&[Some(-1), None, Some(1_700_000_000_123_456)])),
    ];
    let rows = batch(types);
    let mut declared = place.request().declared;
    in_avro(&mut declared);
    let target = Target {
        table: "words".into(),
        schema: rows.schema(),
        definition: TableDefinition::default(),
        mode: Mode::Append,
        declared,
    };
    let publication = PublishRequest { run: "it".into(), tables: vec![target], pipeline: None };
    let publisher = place.topic.connection.writable().unwrap().begin(publication).await.unwrap();
    let mut writer = publisher.writer(&"words".into(), Writers::Several).await.unwrap();
    writer.write(rows.clone()).await.unwrap();
    writer.finish().await.unwrap();
    publisher.commit(Commit::default()).await.unwrap();
    let (number, schema) = place.registry.newest(&format!("{}-value", place.topic.name));
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store.set(Fingerprint::Id(number), AvroSchema::new(schema)).unwrap();
    let mut decoder = ReaderBuilder::new().with_writer_schema_store(store).build_decoder().unwrap();
    for message in place.topic.messages() {
        assert_eq!(decoder.decode(&message).unwrap(), message.len());
    }
    let read = decoder.flush().unwrap().unwrap();
    let shown = |batch: RecordBatch| pretty_format_batches(&[batch]).unwrap().to_string();
    assert_eq!(shown(read).replace("+00:00", "Z"), shown(rows));
}

fn decimals(values: &[Option<i128>]) -> ArrayRef {
    let array = datafusion::arrow::array::Decimal128Array::from(values.to_vec());
    Arc::new(array.with_precision_and_scale(14, 2).unwrap())
}

fn instants(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(datafusion::arrow::array::TimestampMicrosecondArray::from(values.to_vec()).with_timezone("UTC"))
}

/// Records of `{"id": ["null", long], "word": ["null", string]}` that are none, and why.
const POISON: &[(&[u8], &str)] = &[
    (b"\x02\x02\x02\x02", "`word`: the message ends too early"),
    (b"\x02\x02", "`word`: the message ends too early"),
    (b"\x02\x02\x02\x02a\x00", "1 bytes are left behind the record"),
    (b"\x04\x02\x02\x02a", "`id`: the choice 2 is not one of 2"),
    (b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x02a", "`id`: a number has more than 64 bits"),
    (b"\x02\x02\x02\x02\xff", "`word`: a string is no UTF-8"),
    (b"\x02\x02\x02\x01", "`word`: a length is -1"),
    (b"\x00\x02\x02a", "`id`: there is no value, and it is required"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_poison_is_refused_alone_and_the_good_around_it_is_read() {
    let mut place = Place::new(&[("id", "bigint"), ("word", "text")]);
    place.topic.required = vec!["id"];
    let number = place.send(&batch(vec![("id", ints(&[Some(7)])), ("word", texts(&[Some("good")]))]));
    let proto = place.registry.add("p", json!({ "schema": "message p {}", "schemaType": "PROTOBUF" }));
    let broken = place.registry.add("b", json!({ "schema": "{\"type\":\"record\"}" }));
    let single = place.registry.add("s", json!({ "schema": "\"long\"" }));
    let mut poison: Vec<(Vec<u8>, String)> =
        POISON.iter().map(|(record, why)| (framed(number, record), (*why).to_owned())).collect();
    poison.push((framed(4000, b"\x02"), "the registry has no schema 4000".into()));
    poison.push((framed(proto, b"\x02"), format!("the schema {proto} is one of PROTOBUF, not of Avro")));
    poison.push((framed(broken, b"\x02"), format!("the schema {broken}: \"record\" has no `fields`")));
    poison.push((framed(single, b"\x02"), format!("the schema {single} is no record")));
    poison.push((b"{\"id\":1}".to_vec(), "not Avro as a schema registry frames it: its first byte is 123".into()));
    poison.push((vec![0, 0], "not Avro as a schema registry frames it: it has 2 bytes".into()));
    poison.push((vec![], "not Avro as a schema registry frames it: it has 0 bytes".into()));
    for (bytes, _) in &poison {
        place.topic.send_bytes(0, &[bytes]);
    }
    place.send(&batch(vec![("id", ints(&[Some(8)])), ("word", texts(&[Some("good")]))]));
    let open = place.read().await.unwrap();
    assert_eq!(column(&open, "id").await, "7 8");
    let rejected = open.rejected.take();
    assert_eq!(rejected.len(), poison.len());
    for (row, (bytes, why)) in rejected.iter().zip(&poison) {
        assert_eq!(&row.payload, bytes);
        assert!(row.reason.contains(why), "`{why}` is not in `{}`", row.reason);
    }
    let again =
        place.topic.connection.topics().unwrap().decode(&place.request(), rejected.clone()).await.unwrap().unwrap();
    assert_eq!(again.rejected.take(), rejected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_in_its_column_what_it_is_or_refuses_its_message() {
    let field =
        |kind: &str| format!("{{\"type\":\"record\",\"name\":\"r\",\"fields\":[{{\"name\":\"v\",\"type\":{kind}}}]}}");
    let logical = |on: &str, kind: &str| format!("{{\"type\":\"{on}\",\"logicalType\":\"{kind}\"}}");
    let inner = "{\"type\":\"record\",\"name\":\"i\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},\
                 {\"name\":\"d\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}}]}";
    let choice = "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"Gold\",\"Silver\"]}";
    let fixed = "{\"type\":\"fixed\",\"name\":\"u\",\"size\":16,\"logicalType\":\"uuid\"}";
    let cases: Vec<(&str, String, &[u8], &str)> = vec![
        ("smallint", "\"int\"".into(), b"\x80\x80\x04", "`v`: 32768 is no smallint"),
        ("double", "\"long\"".into(), b"\x82\x80\x80\x80\x80\x80\x80\x20", "`v`: 9007199254740993 is no double"),
        ("int", "\"string\"".into(), b"\x021", "`v`: \"1\" is no int"),
        ("text", "\"int\"".into(), b"\x02", "`v`: 1 is no text"),
        ("text", choice.into(), b"\x02", "Silver"),
        (
            "uuid",
            fixed.into(),
            b"\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
            "00010203-0405-0607-0809-0a0b0c0d0e0f",
        ),
        ("date", logical("int", "date"), b"\x01", "1969-12-31"),
        ("time", logical("int", "time-millis"), b"\x02", "00:00:00.001"),
        ("time", logical("long", "time-micros"), b"\x80\x80\xbb\xdd\x83\x05", "a time of day is"),
        ("timestamp", logical("long", "local-timestamp-micros"), b"\x02", "1970-01-01T00:00:00.000001"),
        ("timestamptz", logical("long", "local-timestamp-micros"), b"\x02", "is no timestamptz"),
        ("timestamptz", logical("long", "timestamp-nanos"), b"\x02", "`v`: a time has parts of a microsecond"),
        ("json", inner.into(), b"\x04\x02\x04\x00\x02", "{\"a\":[1,2],\"d\":\"1970-01-02\"}"),
        ("text", inner.into(), b"\x00\x00", "is no text"),
        ("bool", "\"boolean\"".into(), b"\x02", "`v`: a boolean is 2"),
        ("bigint", logical("int", "no-such-type"), b"\x03", "-2"),
    ];
    let mut place = Place::new(&[]);
    for (at, (kind, schema, record, expected)) in cases.into_iter().enumerate() {
        place.send_record(&field(&schema), record);
        place.columns = vec![("v", kind)];
        let open = place.read_from(at as u64).await;
        let found = cells(&open, "select cast(v as text) as v from t").await;
        let refused = open.rejected.take();
        let found = refused.first().map_or(found, |row| row.reason.clone());
        assert!(found.contains(expected), "{schema} as {kind}: `{expected}` is not `{found}`");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_may_speak_of_those_of_others() {
    let place = Place::new(&[("id", "bigint"), ("tier", "text")]);
    let tier = json!({ "schema": "{\"type\":\"enum\",\"name\":\"shop.Tier\",\"symbols\":[\"Gold\"]}" });
    place.registry.add("tier%2Fs", tier);
    let schema = "{\"type\":\"record\",\"name\":\"shop.User\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"tier\",\"type\":\"Tier\"}]}";
    let references = json!([{ "name": "shop.Tier", "subject": "tier/s", "version": 1 }]);
    let number = place.registry.add("words", json!({ "schema": schema, "references": references }));
    place.topic.send_bytes(0, &[&framed(number, b"\x02\x00")]);
    let open = place.read().await.unwrap();
    assert_eq!(cells(&open, "select id, tier from t").await, "1 Gold");
    assert!(place.registry.asked().contains(&"GET /subjects/tier%2Fs/versions/1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_or_refuses_loses_no_message() {
    let place =
        Place::with("registry_user = \"u\"\nregistry_password = \"secret\"", &[("id", "bigint"), ("word", "text")]);
    place.registry.guard("Basic dTpzZWNyZXQ=");
    place.send(&batch(vec![("id", ints(&[Some(1)])), ("word", texts(&[Some("a")]))]));
    place.registry.answer_instead(Some((503, json!({ "error_code": 50003, "message": "no leader" }))));
    let away = place.read().await.unwrap_err();
    assert_eq!((away.blame, away.retry), (Blame::System, engine_connect::hub::error::Retry::Later), "{away}");
    assert!(away.to_string().contains("reading the schema 1: no leader"), "{away}");
    place.registry.answer_instead(Some((404, json!("no registry"))));
    let wrong = place.read().await.unwrap_err();
    assert!(wrong.hint.as_ref().unwrap().contains("check `registry`"), "{wrong:?}");
    place.registry.answer_instead(None);
    let open = place.read().await.unwrap();
    assert_eq!((column(&open, "id").await.as_str(), open.rejected.take().len()), ("1", 0));
    place.registry.guard("Basic other");
    place.send(&batch(vec![("id", ints(&[Some(2)]))]));
    let refused = place.read().await.unwrap_err();
    assert_eq!(refused.blame, Blame::User);
    assert!(refused.hint.as_ref().unwrap().contains("`registry_user`"), "{refused:?}");
    assert!(!format!("{refused:?}{away:?}").contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_registry_there_is_no_avro() {
    let topic = Topic::new(1);
    let place = Place { topic, registry: Registry::new(), columns: vec![("id", "bigint")] };
    let refused = place.read().await.unwrap_err();
    assert_eq!(refused.blame, Blame::User);
    assert!(refused.to_string().contains("the connection has no `registry`"), "{refused}");
    let mut problems = engine_language::diagnostic::Problems::default();
    let toml = "type = \"kafka\"\nbrokers = \"b:1\"\nregistry = \"http://u:p@r:8081\"";
    assert!(subject::connect(toml, std::path::Path::new("/"), &mut problems).is_none());
    let said = format!("{problems:?}");
    assert!(said.contains("`registry` should look like") && !said.contains("u:p"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_avro_cannot_name_or_hold_is_not_written() {
    let place = Place::new(&[("id", "bigint")]);
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
    for (rows, expected) in [
        (batch(vec![("a b", unsigned.clone())]), "column `a b`: names in Avro"),
        (
            batch(vec![("i", datafusion::arrow::array::new_null_array(&DataType::Time32(TimeUnit::Second), 1))]),
            "column `i`: Avro has no type",
        ),
    ] {
        let declared = place.request().declared;
        let definition = TableDefinition::default();
        let target = Target { table: "words".into(), schema: rows.schema(), definition, mode: Mode::Append, declared };
        let publication = PublishRequest { run: "it".into(), tables: vec![target], pipeline: None };
        let refused = place.topic.connection.writable().unwrap().begin(publication).await.err().unwrap();
        assert!(refused.to_string().contains(expected), "{refused}");
    }
    place.registry.answer_instead(Some((409, json!({ "error_code": 409, "message": "incompatible" }))));
    let rows = batch(vec![("u", unsigned)]);
    let (declared, definition) = (place.request().declared, TableDefinition::default());
    let target = Target { table: "words".into(), schema: rows.schema(), definition, mode: Mode::Append, declared };
    let publication = PublishRequest { run: "it".into(), tables: vec![target], pipeline: None };
    let refused = place.topic.connection.writable().unwrap().begin(publication).await.err().unwrap();
    assert!(refused.hint.as_ref().unwrap().contains("rule of compatibility"), "{refused:?}");
}
