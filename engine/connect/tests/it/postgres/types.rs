//! Every type with its extremes: to another table exactly, or said where it cannot be.

use super::Place;
use datafusion::prelude::SessionContext;
use engine_connect::hub::{
    error::{Error, Result},
    publication::{Commit, Mode, PublishRequest, Target, Writers},
    source::{ReadRequest, TableRequest},
};
use futures::StreamExt;

/// Types as PostgreSQL declares them, and values that are hard to carry.
pub const HARD: &[(&str, &[&str])] = &[
    ("boolean", &["true", "false"]),
    ("smallint", &["-32768", "32767"]),
    ("integer", &["-2147483648", "2147483647"]),
    ("bigint", &["-9223372036854775808", "9223372036854775807"]),
    ("real", &["NaN", "Infinity", "-Infinity", "1e-45", "3.4028235e38", "-0"]),
    ("double precision", &["NaN", "Infinity", "-Infinity", "5e-324", "1.7976931348623157e308", "-0"]),
    ("numeric(10,2)", &["NaN", "-99999999.99", "0.01", "0", "100"]),
    ("numeric(38,18)", &["99999999999999999999.999999999999999999", "-0.000000000000000001"]),
    ("numeric(76,30)", &["9999999999999999999999999999999999999999999999.999999999999999999999999999999"]),
    ("numeric(200,100)", &["1e99", "-1e-100"]),
    ("numeric(3,-2)", &["12300", "-100"]),
    (
        "numeric",
        &[
            "NaN",
            "Infinity",
            "-Infinity",
            "1e1000",
            "1e-1000",
            "1.10",
            "1.1",
            "0.00",
            "-12345678901234567890.123456789",
        ],
    ),
    ("text", &["", " a ", "NULL", "\\x", "Ωß🦀", "\u{202e}abc", "\r\n\t"]),
    ("character varying(3)", &["abc", "ab ", "🦀🦀🦀"]),
    ("character(5)", &["a", "", "abcde"]),
    ("\"char\"", &["a", ""]),
    ("name", &["a_name"]),
    ("bytea", &["", "\\x00ff"]),
    ("date", &["0001-01-01 BC", "4713-01-01 BC", "5874897-12-31", "infinity", "-infinity", "1970-01-01"]),
    ("time without time zone", &["24:00:00", "23:59:59.999999", "00:00"]),
    ("time(3) without time zone", &["24:00:00", "23:59:59.999"]),
    ("time with time zone", &["24:00:00-15:59", "23:59:59.999999+13"]),
    (
        "timestamp without time zone",
        &["4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "infinity", "-infinity"],
    ),
    ("timestamp(0) without time zone", &["2026-01-01 00:00:01"]),
    (
        "timestamp with time zone",
        &[
            "4713-01-01 00:00:00+00 BC",
            "294276-12-31 23:59:59.999999+00",
            "infinity",
            "2026-03-29 02:30:00 Europe/Berlin",
        ],
    ),
    ("interval", &["1 year 2 mons -3 days 04:05:06.000001", "-178000000 years", "2000000 days", "1000000:00:00"]),
    ("interval day to second(3)", &["3 days 04:05:06.123"]),
    ("json", &["{\"b\": 1,  \"a\": [null]}", "null"]),
    ("jsonb", &["{\"b\": 1, \"a\": [null]}", "1e400", "\"\\ud83e\\udd80\""]),
    ("jsonpath", &["$.a[*]"]),
    ("xml", &["<a>b</a>"]),
    ("uuid", &["00000000-0000-0000-0000-00000000000f", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    ("bit(3)", &["101"]),
    ("bit varying(5)", &["", "10101"]),
    ("inet", &["192.168.0.1/24", "::1"]),
    ("cidr", &["10.0.0.0/8"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("money", &["-92233720368547758.08", "0.01"]),
    ("oid", &["4294967295"]),
    ("pg_lsn", &["FFFFFFFF/FFFFFFFF"]),
    ("point", &["(1.5,-2)"]),
    ("path", &["[(0,0),(1,1)]"]),
    ("circle", &["<(1,2),3>"]),
    ("tsvector", &["'a':1A 'b':2"]),
    ("tsquery", &["'a' & !'b'"]),
    ("int4range", &["[1,5)", "empty", "(,)"]),
    ("tstzrange", &["[2026-01-01 00:00:00+00,infinity)"]),
    ("nummultirange", &["{[1.5,2.5),(3,)}"]),
    ("integer[]", &["{1,NULL,-2}", "{}", "{{1,2},{3,4}}", "[0:1]={7,8}"]),
    ("numeric[]", &["{NaN,1.50,1e100}"]),
    ("text[]", &["{\"\",\"a,b\",NULL,\"NULL\"}"]),
    ("timestamp without time zone[]", &["{infinity,2026-01-01}"]),
    ("uuid[]", &["{00000000-0000-0000-0000-00000000000f}"]),
    ("mood", &["so so", "Ωk", "happy"]),
    ("mood[]", &["{happy,NULL}"]),
    ("small", &["7"]),
    ("smaller", &["3"]),
    ("pair", &["(1,\"a b\")"]),
    ("citext", &["AbC"]),
    ("regclass", &["pg_class"]),
];

/// A table `source` of one column a type, each value in a row.
async fn hard() -> (Place, Vec<String>) {
    let place = Place::with(
        "create extension if not exists citext schema public;
         create type mood as enum ('so so', 'Ωk', 'happy');
         create domain small as integer check (value < 100); create domain smaller as small check (value < 10);
         create type pair as (n integer, word text)",
    )
    .await;
    let columns: Vec<String> = (0..HARD.len()).map(|at| format!("c{at}")).collect();
    let declared = columns.iter().zip(HARD).map(|(column, (kind, _))| format!("{column} {kind}"));
    let mut sql = format!("create table source (id bigint primary key, {});", declared.collect::<Vec<_>>().join(", "));
    let rows = HARD.iter().map(|(_, values)| values.len()).max().unwrap();
    for row in 0..=rows {
        let cell = |(kind, values): &(&str, &[&str])| match values.get(row) {
            Some(value) => format!("'{}'::{kind}", value.replace('\'', "''")),
            None => "NULL".into(),
        };
        let cells: Vec<String> = HARD.iter().map(cell).collect();
        sql = format!("{sql} insert into source values ({row}, {});", cells.join(", "));
    }
    place.run(&sql).await;
    // An array that remembers a NULL which it no longer has.
    let at = HARD.iter().position(|(kind, _)| *kind == "integer[]").unwrap();
    place.run(&format!("update source set c{at}[2] = 5 where id = 0")).await;
    (place, columns)
}

/// Copies a table as a replication does, and compares all digests.
async fn pass(place: &Place, from: &str, to: &str, passing: bool) -> Result<usize> {
    let bound_for = passing.then(|| place.connection.kind());
    let request = TableRequest { bound_for, ..TableRequest::all(from) };
    let reading = place.connection.readable().unwrap().open(ReadRequest { tables: vec![request] }).await?;
    let open = &reading.tables[0];
    let target = Target {
        table: to.into(),
        schema: open.provider.schema(),
        definition: open.definition.clone(),
        mode: Mode::Replace,
        declared: None,
    };
    let publication = PublishRequest { run: "run".into(), tables: vec![target], pipeline: None };
    let publisher = place.connection.writable().unwrap().begin(publication).await?;
    let mut digesters: Vec<_> =
        open.digester().into_iter().chain(publisher.server_digest().unwrap().digester(&to.into())).collect();
    let mut writer = publisher.writer(&to.into(), Writers::Several).await?;
    let frame = SessionContext::new().read_table(open.provider.clone()).unwrap();
    let mut rows = frame.execute_stream().await.unwrap();
    while let Some(batch) = rows.next().await {
        let batch = batch.map_err(|error| match error {
            datafusion::error::DataFusionError::External(error) => *error.downcast::<Error>().unwrap(),
            other => panic!("{other}"),
        })?;
        for digester in &mut digesters {
            digester.add(&batch).unwrap();
        }
        writer.write(batch).await?;
    }
    writer.finish().await?;
    let inside = [open.digest().await?, publisher.server_digest().unwrap().digest(&to.into()).await?];
    let inside: Vec<_> = inside.into_iter().flatten().collect();
    assert_eq!(inside.len(), digesters.len());
    for (there, here) in inside.iter().zip(&digesters) {
        assert_eq!(*there, here.digest(), "{from}");
    }
    publisher.commit(Commit::default()).await?;
    Ok(inside.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_passes_to_another_table_as_it_is() {
    let (place, columns) = hard().await;
    pass(&place, "source", "copy", true).await.unwrap();
    for (column, (kind, _)) in columns.iter().zip(HARD) {
        let differ = format!(
            "select count(*) from source s full join copy c using (id) \
             where s.{column}::text is distinct from c.{column}::text"
        );
        assert_eq!(place.value(&differ).await, "0", "{kind}");
        let declared = format!(
            "select format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'copy'::regclass and attname = '{column}'"
        );
        let expected = match *kind {
            // These are the database's own, or mean something by number.
            "mood[]" => "text[]",
            "small" | "smaller" => "integer",
            "pair" | "citext" | "regclass" => "text",
            other => other,
        };
        assert_eq!(place.value(&declared).await, expected, "{kind}");
    }
    assert_eq!(place.value("select count(*) from copy").await, place.value("select count(*) from source").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_inside_the_server_are_those_made_here() {
    let (place, columns) = hard().await;
    let mut apart = vec![];
    for (at, (column, (kind, _))) in columns.iter().zip(HARD).enumerate() {
        let from = format!("from {}", kind.replace('"', ""));
        place.run(&format!("create table \"{from}\" as select id, {column} from source")).await;
        let compared = pass(&place, &from, &format!("to{at}"), true).await.unwrap();
        if compared != 2 {
            apart.push(*kind);
        }
    }
    // Arrays may remember NULLs that they no longer have; these are compared by reading them back.
    let arrays: Vec<&str> = HARD.iter().map(|(kind, _)| *kind).filter(|kind| kind.ends_with("[]")).collect();
    assert_eq!(apart, arrays);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_query_could_read_have_the_same_digests() {
    let place = Place::with(
        "create type mood as enum ('so so', 'happy');
         create table soft (id bigint primary key, flag boolean, s smallint, f real, d double precision, n numeric(10,2),
            w numeric(60,5), t text, v varchar(5), c char(5), b bytea, day date, at timestamp, tz timestamptz, tm time,
            i interval, j json, u uuid, m mood, net inet);
         insert into soft values (1, true, -1, 'NaN', '-0', -0.05, 1e40, 'Ωß', 'ab ', 'a', '\\x00ff', '0001-01-01 BC',
            '1969-12-31 23:59:59.999999', '294246-12-31 23:59:59.999999+00', '23:59:59.999999', '-1 year 3 days 00:00:00.000001',
            '{ }', '00112233-4455-6677-8899-aabbccddeeff', 'happy', '10.0.0.1/8');
         insert into soft (id) values (2)",
    )
    .await;
    assert_eq!(pass(&place, "soft", "copied", false).await.unwrap(), 2);
    for table in ["soft", "copied"] {
        let rows = format!("select string_agg(t::text, ' ' order by id) from {table} t");
        assert_eq!(place.value(&rows).await, place.value(&rows.replace(table, "soft")).await);
    }
    // A number that is carried with more digits than it has is compared by reading it back.
    place.run("create table loose (n numeric); insert into loose values (1.5)").await;
    assert_eq!(pass(&place, "loose", "tight", false).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_changes_the_digest_inside() {
    let place = Place::with("create table t (id bigint primary key, n numeric(10,2), w text); insert into t values (1, 1.50, 'a'), (2, -1.50, 'b'), (3, null, null)").await;
    let digest = async || {
        let reading = place.open(&["t"]).await.unwrap();
        reading.tables[0].digest().await.unwrap().unwrap()
    };
    let before = digest().await;
    for change in ["n = -n where id = 1", "w = 'b' where id = 1", "w = '' where id = 3", "n = 0 where id = 3"] {
        place.run(&format!("create table kept as select * from t; update t set {change}")).await;
        assert_ne!(digest().await, before, "{change}");
        place.run("truncate t; insert into t select * from kept; drop table kept").await;
        assert_eq!(digest().await, before);
    }
}
