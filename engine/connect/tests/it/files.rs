//! Files as people leave them in folders.

use crate::contract::subject::{open, query};
use datafusion::arrow::util::pretty::pretty_format_batches;
use engine_connect::hub::{
    connection::Connection,
    error::{Blame, Error, Retry},
    source::{BatchLimit, OpenTable, ReadRequest, TableRequest},
};
use engine_language::{
    column::ColumnType,
    config::{
        source::{BadRows, SourceTable},
        toml::Spanned,
    },
    files::{Files, Span},
};
use std::{fs, path::Path, sync::Arc, time::Duration};

/// A folder of files and a connection to it.
struct Place {
    folder: tempfile::TempDir,
    connection: Arc<dyn Connection>,
}

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        Self::with("", files)
    }

    fn with(keys: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let connection = open(&format!("type = \"files\"\npath = \"data\"\n{keys}"), folder.path());
        let place = Self { folder, connection };
        for (name, text) in files {
            place.write(name, text.as_bytes());
        }
        place
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.folder.path().join("data").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    async fn open(&self, table: TableRequest) -> Result<OpenTable, Error> {
        Ok(self.connection.readable().unwrap().open(ReadRequest { tables: vec![table] }).await?.tables.remove(0))
    }

    /// The rows as lines, and the columns with their types before them.
    async fn shown(&self, table: TableRequest) -> String {
        let opened = self.open(table).await.unwrap();
        let columns: Vec<String> =
            opened.definition.columns.iter().map(|column| format!("{} {}", column.name, column.kind)).collect();
        let text = pretty_format_batches(&query(opened.provider, "select * from t").await).unwrap().to_string();
        let rows = text.lines().skip(3).filter(|line| line.starts_with('|'));
        let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(",");
        format!("{}: {}", columns.join(", "), rows.map(cells).collect::<Vec<_>>().join(" / "))
    }

    /// What a scan of all columns says when it fails.
    async fn failure(&self, table: TableRequest) -> String {
        let opened = match self.open(table).await {
            Ok(opened) => opened,
            Err(error) => return error.to_string(),
        };
        let context = datafusion::prelude::SessionContext::new();
        let rows = context.read_table(opened.provider).unwrap().collect().await;
        let error = rows.unwrap_err();
        error.find_root().to_string().replace("External error: ", "")
    }
}

/// A table's facts as a project would declare them.
fn table(path: Option<&str>, columns: &[(&str, &str)], bad_rows: BadRows) -> TableRequest {
    let at = Span::new(Files::default().add(Path::new("sources.toml"), "".into()), 0..0);
    let columns = columns.iter().map(|(name, kind)| {
        let kind: ColumnType = kind.parse().unwrap();
        (Spanned::new((*name).to_owned(), at), Spanned::new(kind, at))
    });
    let declared = SourceTable {
        name: Spanned::new("t".into(), at),
        identifier: None,
        description: None,
        key: vec![],
        freshness: None,
        format: None,
        columns: columns.collect(),
        required: vec![],
        create: None,
        bad_rows,
        max_bad_share: SourceTable::MAX_BAD_SHARE,
        path: path.map(|path| Spanned::new(path.to_owned(), at)),
        optional: false,
    };
    TableRequest { declared: Some(Arc::new(declared)), ..TableRequest::all("t") }
}

fn small(request: TableRequest, rows: u64) -> TableRequest {
    TableRequest { limit: Some(BatchLimit { rows, bytes: 1 << 20, time: Duration::from_secs(1) }), ..request }
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_learned_from_what_stands_there() {
    let text = "id,zip,price,day,at,ok,word,none\n1,01234,1.5,2026-01-02,2026-01-02 03:04:05,true,a,\n\
                -2,99999,2,2026-01-03,2026-01-02T03:04:05.25,false,\"b, c\",\n";
    let place = Place::new(&[("t.csv", text)]);
    assert_eq!(
        place.shown(TableRequest::all("t")).await,
        "id bigint, zip text, price decimal(18,1), day date, at timestamp, ok bool, word text, none text: \
         1,01234,1.5,2026-01-02,2026-01-02T03:04:05,true,a, / -2,99999,2.0,2026-01-03,2026-01-02T03:04:05.250,false,b, c,"
    );
    let place = Place::new(&[("t.ndjson", "{\"a\":1,\"b\":\"x\"}\n\n{\"b\":null,\"c\":[1],\"a\":2.5}\n")]);
    assert_eq!(place.shown(TableRequest::all("t")).await, "a decimal(18,1), b text, c json: 1.0,x, / 2.5,,[1]");
}

#[tokio::test(flavor = "multi_thread")]
async fn globs_name_files_in_order() {
    let files = [("b/2.csv", "n\n2\n"), ("a/1.csv", "n\n1\n"), ("a/b/3.csv", "n\n3\n"), ("a/note.txt", "?")];
    let place = Place::new(&files);
    for (glob, expected) in [("*/*.csv", "1 / 2"), ("**/*.csv", "3 / 1 / 2"), ("a/1.csv", "1"), ("a/[0-9].*", "1")] {
        let shown = place.shown(table(Some(glob), &[("n", "int")], BadRows::Fail)).await;
        let (_, rows) = shown.split_once(": ").unwrap();
        let mut rows: Vec<&str> = rows.split(" / ").collect();
        let mut expected: Vec<&str> = expected.split(" / ").collect();
        rows.sort_unstable();
        expected.sort_unstable();
        assert_eq!(rows, expected, "{glob}");
    }
    let place = Place::new(&[("one.csv", "n\n1\n"), ("two/x.ndjson", "{}"), ("two.txt", ""), ("three.parquet", "")]);
    let names: Vec<String> = place.connection.tables().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["one", "three", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_number_loses_a_digit() {
    let big = "123456789012345678901234567890123456789";
    let rows =
        format!("a,b,c,d,at\n18446744073709551616,0.12345678901234567890,{big},1e-7,2026-01-01 00:00:00 \n1,1,1,1,\n");
    let place = Place::new(&[("t.csv", &rows)]);
    assert_eq!(
        place.shown(TableRequest::all("t")).await,
        format!(
            "a decimal(38,0), b decimal(38,20), c text, d double, at timestamp: \
             18446744073709551616,0.12345678901234567890,{big},1e-7,2026-01-01T00:00:00 / 1,1.00000000000000000000,1,1.0,"
        )
    );
    let lines = format!("{{\"a\":18446744073709551616,\"b\":0.12345678901234567890,\"c\":{big},\"d\":1e-7}}\n");
    let place = Place::new(&[("t.ndjson", &lines)]);
    assert_eq!(
        place.shown(TableRequest::all("t")).await,
        format!(
            "a decimal(38,0), b decimal(38,20), c json, d double: 18446744073709551616,0.12345678901234567890,{big},1e-7"
        )
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_has_no_columns_is_not_empty() {
    let place =
        Place::new(&[("none.csv", ""), ("none.ndjson", "\n"), ("heads.csv", "id,word\n"), ("deep/a.csv", "x\n1\n")]);
    let gone = place.failure(table(Some("deep/*.tsv"), &[], BadRows::Fail)).await;
    assert!(gone.contains("no file matches `") && gone.contains("deep/*.tsv`"), "{gone}");
    let gone = place.failure(TableRequest::all("orders")).await;
    assert!(gone.contains("there is no file `") && gone.contains("orders.csv`"), "{gone}");
    for file in ["none.csv", "none.ndjson"] {
        let empty = place.failure(table(Some(file), &[], BadRows::Fail)).await;
        assert!(empty.contains(file) && empty.contains("it is empty: nothing in it names its columns"), "{empty}");
    }
    assert_eq!(place.shown(TableRequest::all("heads")).await, "id text, word text: ");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_ways_to_write_csv() {
    let keys = "delimiter = \";\"\nquote = \"'\"\nheader = false\nnull = [\"NA\", \"-\"]";
    let place = Place::with(keys, &[("t.csv", "\u{feff}1;'a;''b'\r\nNA;\r\n-;'two\nlines'\r\n")]);
    let shown = place.shown(table(None, &[("n", "int"), ("word", "text")], BadRows::Fail)).await;
    assert_eq!(shown, "n int, word text: 1,a;'b / , / ,two / ,lines");
    let place = Place::new(&[("t.tsv", "a\tb\n1\tx,y\n")]);
    assert_eq!(place.shown(TableRequest::all("t")).await, "a bigint, b text: 1,x,y");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_named_with_file_and_line() {
    let columns = [("id", "int"), ("price", "decimal(10,2)")];
    for (text, expected) in [
        ("id,price\n1,2.50\n2,2.505\n", "reading `data/t.csv:3`: `price`: \"2.505\" is no decimal(10,2)"),
        ("id,price\n\"1\",1\n\n\"a\nb\",1\n", "reading `data/t.csv:4`: `id`: \"a\nb\" is no int"),
        ("id,price\r\n1,1\r\nx,1\r\n", "reading `data/t.csv:3`: `id`: \"x\" is no int"),
        ("id,price\n99999999999,1\n", "reading `data/t.csv:2`: `id`: \"99999999999\" is no int"),
        ("id,price\n1,1,1\n", "reading `data/t.csv:2`: 3 fields instead of 2"),
        ("id,prize\n1,1\n", "reading `data/t.csv:1`: no column is named `price`; there are id, prize"),
        ("id,id\n1,1\n", "reading `data/t.csv:1`: two columns are named `id`"),
    ] {
        let place = Place::new(&[("t.csv", text)]);
        let said = place.failure(table(None, &columns, BadRows::Fail)).await;
        assert!(said.contains(expected), "{said}");
    }
    let place = Place::new(&[]);
    place.write("t.csv", b"id,word\n1,\xff\n");
    let said = place.failure(table(None, &[("word", "text")], BadRows::Fail)).await;
    assert!(said.contains("reading `data/t.csv:2`: `word`: not UTF-8"), "{said}");
    let place = Place::new(&[("t.ndjson", "{\"id\": 1}\n\n{\"id\": 1.5}\n")]);
    let said = place.failure(table(None, &[("id", "int")], BadRows::Fail)).await;
    assert!(said.contains("reading `data/t.ndjson:3`: `id`: 1.5 is no int"), "{said}");
    let place = Place::new(&[("t.parquet", "no parquet")]);
    let said = place.failure(table(None, &[], BadRows::Fail)).await;
    assert!(said.contains("reading `data/t.parquet`: "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_that_is_not_closed_ends() {
    let place = Place::new(&[("t.csv", &format!("word\n\"{}", "x".repeat(20 << 20)))]);
    let said = place.failure(table(None, &[("word", "text")], BadRows::Fail)).await;
    assert!(said.contains("`data/t.csv:2`") && said.contains("is a quote not closed?"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_what_is_declared() {
    let place = Place::new(&[("t.txt", "x"), ("u.csv", "a\n1\n"), ("u.parquet", "")]);
    let said = place.open(table(Some("t.txt"), &[], BadRows::Fail)).await.unwrap_err();
    assert!(said.to_string().contains("`t.txt` does not say how it is written"), "{said}");
    let said = place.open(TableRequest::all("u")).await.unwrap_err();
    assert!(said.to_string().contains("`u.csv` and `u.parquet` are written differently"), "{said}");
    let said = place.open(table(Some("[a"), &[], BadRows::Fail)).await.unwrap_err();
    assert!(said.to_string().contains("unclosed character class"), "{said}");
    assert!(place.connection.readable().unwrap().describe(&TableRequest::all("../data/u")).await.unwrap().is_none());
    let nowhere = open("type = \"files\"\npath = \"nowhere\"", place.folder.path());
    let said = nowhere.ping().await.unwrap_err();
    assert_eq!((said.blame, said.retry), (Blame::User, Retry::Never));
    assert!(said.to_string().contains("`nowhere` is no folder"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_kept_or_left_out() {
    let place = Place::new(&[("t.csv", "id\n1\nx\n3\n")]);
    let shown = place.shown(table(None, &[("id", "int")], BadRows::Skip)).await;
    assert_eq!(shown, "id int: 1 / 3");
    let opened = place.open(small(table(None, &[("id", "int")], BadRows::DeadLetter), 10)).await.unwrap();
    let rejected = opened.rejected.take();
    assert_eq!(rejected.len(), 1);
    assert_eq!((rejected[0].source.as_str(), rejected[0].offset), ("t.csv", 3));
    assert_eq!((rejected[0].payload.as_slice(), rejected[0].reason.as_str()), (&b"x\n"[..], "`id`: \"x\" is no int"));
}

/// Any number of rows at a time, files that grow and files that come: each row once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn streams_go_on_after_what_they_have_read() {
    for rows in [1, 2, 100] {
        let place = Place::new(&[("t/1.csv", "n\r\n1\r\n2\r\n3\r\n"), ("t/2.csv", "n\n4\n")]);
        let asked = || small(table(None, &[("n", "int")], BadRows::Fail), rows);
        let (mut since, mut seen) = (None, vec![]);
        let mut drain = async |since: &mut Option<_>| loop {
            let opened = place.open(TableRequest { since: since.clone(), ..asked() }).await.unwrap();
            let batches = query(opened.provider, "select n from t").await;
            let text = pretty_format_batches(&batches).unwrap().to_string();
            let lines = text.lines().skip(3).filter(|line| line.starts_with('|'));
            seen.extend(lines.map(|line| line.trim_matches(['|', ' ']).to_owned()));
            *since = opened.next;
            if !opened.more {
                break;
            }
        };
        drain(&mut since).await;
        place.write("t/2.csv", b"n\n4\n5\n");
        place.write("t/3.csv", b"n\n6\n");
        drain(&mut since).await;
        drain(&mut since).await;
        assert_eq!(seen.join(" "), "1 2 3 4 5 6", "{rows} at a time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_was_read_stops_the_stream() {
    let asked = |since| TableRequest { since, ..small(table(None, &[("n", "int")], BadRows::Fail), 10) };
    for (later, expected) in [("n\n1\n", "became shorter"), ("n\n1\n23\n", "last line that was continued")] {
        let place = Place::new(&[("t.csv", "n\n1\n2")]);
        let first = place.open(asked(None)).await.unwrap();
        place.write("t.csv", later.as_bytes());
        let error = place.open(asked(first.next)).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint.unwrap().contains("--full-refresh"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_under_a_reader_is_an_error() {
    let place = Place::new(&[("t.csv", "n\n1\n")]);
    let opened = place.open(TableRequest::all("t")).await.unwrap();
    place.write("t.csv", b"n\n");
    let context = datafusion::prelude::SessionContext::new();
    let error = context.read_table(opened.provider).unwrap().collect().await.unwrap_err();
    assert!(error.to_string().contains("it was changed while it was read"), "{error}");
}
