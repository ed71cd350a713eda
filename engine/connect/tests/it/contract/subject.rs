//! A connector under test, and how the checks speak to it.

use datafusion::{
    arrow::{
        array::{ArrayRef, Int64Array, RecordBatch, StringArray},
        util::pretty::pretty_format_batches,
    },
    prelude::SessionContext,
};
use engine_connect::{
    arrow::types,
    hub::{
        connection::Connection,
        error::Result,
        publication::{Commit, Mode, PublishRequest, Target, Writers, Written},
        source::{OpenTable, ReadRequest, TableRequest},
    },
};
use engine_language::{
    column::ColumnType,
    config::{
        connection::Connection as Declared,
        source::{BadRows, SourceTable},
        toml::{Spanned, Value},
    },
    diagnostic::Problems,
    files::{Files, Span},
    name::Name,
    table::{Column, TableDefinition},
};
use std::{path::Path, sync::Arc};

/// A connector, over a place of its own.
pub struct Subject {
    /// The system.
    pub connection: Arc<dyn Connection>,
    /// Types that it refuses to carry, in the language's words.
    pub refused: &'static [&'static str],
    /// Bytes of the longest name that it keeps.
    pub longest_name: usize,
    /// Whether names of tables are letters, digits, `.`, `_` and `-` alone, and others are refused.
    pub plain_names: bool,
    /// Whether its texts may hold a NUL character.
    pub nul: bool,
    /// The format in which the test itself writes what the connector only reads.
    format: Option<&'static str>,
    /// Keeps the place.
    folder: tempfile::TempDir,
}

impl Subject {
    pub fn sqlite() -> Self {
        Self::open("type = \"sqlite\"\npath = \"deep/folder/data.db\"", &["interval", "list(int)"])
    }

    pub fn memory() -> Self {
        Self::open("type = \"memory\"", &["interval", "list(int)"])
    }

    pub fn shelf() -> Self {
        Self::open("type = \"shelf\"", &[])
    }

    pub fn log() -> Self {
        Self::open("type = \"log\"\npath = \"topics\"", &["bytes", "interval", "list(int)"])
    }

    pub fn csv() -> Self {
        Self::files("csv", &["bytes", "interval", "list(int)"])
    }

    pub fn ndjson() -> Self {
        Self::files("ndjson", &["bytes", "interval", "list(int)"])
    }

    pub fn parquet() -> Self {
        Self::files("parquet", &["interval"])
    }

    fn files(format: &'static str, refused: &'static [&'static str]) -> Self {
        let it = Self::open("type = \"files\"\npath = \"files\"\nnull = ['\\N']", refused);
        std::fs::create_dir(it.folder.path().join("files")).unwrap();
        Self { format: Some(format), ..it }
    }

    pub fn mysql() -> Self {
        Self::open(&super::super::mysql::toml(), &["decimal(76,0)", "interval", "list(int)"])
    }

    pub fn postgres() -> Self {
        let url = super::super::postgres::url();
        let schema = super::super::postgres::schema();
        let it = Self::open(&format!("type = \"postgres\"\nurl = \"{url}\"\nschema = \"{schema}\""), &[]);
        Self { longest_name: 63, nul: false, ..it }
    }

    pub fn kafka() -> Self {
        let (brokers, prefix) = (super::super::kafka::brokers(), super::super::kafka::prefix());
        let toml = format!("type = \"kafka\"\nbrokers = \"{brokers}\"\nprefix = \"{prefix}\"");
        Self { plain_names: true, ..Self::open(&toml, &["bytes", "interval", "list(int)"]) }
    }

    /// The same cluster, in Avro.
    pub fn kafka_avro() -> Self {
        let (brokers, prefix) = (super::super::kafka::brokers(), super::super::kafka::prefix());
        let registry = super::super::kafka::registry::Registry::new();
        let toml = format!(
            "type = \"kafka\"\nbrokers = \"{brokers}\"\nprefix = \"{prefix}\"\nregistry = \"{}\"",
            registry.url
        );
        let it = Self::open(&toml, &["interval", "list(int)"]);
        let connection = Arc::new(super::super::kafka::in_avro::InAvro(it.connection));
        Self { plain_names: true, connection, ..it }
    }

    fn open(toml: &str, refused: &'static [&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(toml, folder.path());
        Self { connection, refused, longest_name: 64, plain_names: false, nul: true, format: None, folder }
    }

    /// Publishes one table's rows.
    pub async fn publish(&self, target: Target, batch: RecordBatch) -> Result<Vec<Written>> {
        self.publish_all("run", vec![(target, batch)], None, Commit::default()).await
    }

    /// Publishes tables in one step.
    pub async fn publish_all(
        &self,
        run: &str,
        tables: Vec<(Target, RecordBatch)>,
        pipeline: Option<&str>,
        commit: Commit,
    ) -> Result<Vec<Written>> {
        let plain = pipeline.is_none() && tables.iter().all(|(target, _)| target.mode == Mode::Append);
        if let (Some(format), true) = (self.format, plain) {
            let folder = self.folder.path().join("files");
            return tables
                .into_iter()
                .map(|(target, batch)| {
                    let rows = batch.num_rows() as u64;
                    super::written::add(&folder, target.table.as_str(), format, &batch)?;
                    Ok(Written { table: target.table, rows })
                })
                .collect();
        }
        let targets = tables.iter().map(|(target, _)| target.clone()).collect();
        let publication = PublishRequest { run: run.into(), tables: targets, pipeline: pipeline.map(Name::from) };
        let publisher = self.connection.writable()?.begin(publication).await?;
        for (target, batch) in tables {
            let mut writer = publisher.writer(&target.table, Writers::Several).await?;
            let rows = batch.num_rows() as u64;
            writer.write(batch).await?;
            assert_eq!(writer.finish().await?, rows);
        }
        publisher.commit(commit).await
    }

    /// Opens tables as of one instant.
    pub async fn open_tables(&self, requests: Vec<TableRequest>) -> Result<Vec<OpenTable>> {
        Ok(self.connection.readable()?.open(ReadRequest { tables: requests }).await?.tables)
    }

    /// The rows of a table of [`pairs`], ordered, as `1 a, 2 b`.
    pub async fn rows(&self, table: &str) -> String {
        let opened = self.open_tables(vec![request(table, &pairs_definition())]).await.unwrap();
        shown(&opened[0]).await
    }
}

/// The connection of a TOML table.
pub fn open(toml: &str, root: &Path) -> Arc<dyn Connection> {
    connect(toml, root, &mut Problems::default()).unwrap()
}

/// The same, where it may be refused.
pub fn connect(toml: &str, root: &Path, problems: &mut Problems) -> Option<Arc<dyn Connection>> {
    let span = span();
    let mut fields = Value::parse(span.file, toml, problems);
    let kind = fields.take("type").unwrap().1.read::<String>(problems).unwrap();
    let declared = Declared { name: Spanned::new("it".into(), span), kind: Spanned::new(kind, span), fields };
    super::super::shelf::registry().connect(&declared, root, problems)
}

/// The rows of an opened table of pairs.
pub async fn shown(table: &OpenTable) -> String {
    shown_provider(table.provider.clone()).await
}

/// The same, of anything that can be scanned.
pub async fn shown_provider(provider: Arc<dyn datafusion::catalog::TableProvider>) -> String {
    let batches = query(provider, "select id, word from t order by id, word").await;
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let lines = text.lines().skip(3).filter(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" ");
    lines.map(cells).collect::<Vec<_>>().join(", ")
}

/// Runs SQL over a provider named `t`.
pub async fn query(provider: Arc<dyn datafusion::catalog::TableProvider>, sql: &str) -> Vec<RecordBatch> {
    let context = SessionContext::new();
    context.register_table("t", provider).unwrap();
    context.sql(sql).await.unwrap().collect().await.unwrap()
}

/// `id bigint, word text`, without rules.
pub fn pairs_definition() -> TableDefinition {
    let columns = vec![Column::new("id", ColumnType::BigInt), Column::new("word", ColumnType::Text(None))];
    TableDefinition { columns, ..TableDefinition::default() }
}

/// The same with `id` as its key.
pub fn keyed_definition() -> TableDefinition {
    let mut definition = pairs_definition();
    definition.columns[0].nullable = false;
    TableDefinition { key: vec!["id".into()], ..definition }
}

/// Rows of pairs.
pub fn pairs(rows: &[(i64, &str)]) -> RecordBatch {
    let ids = rows.iter().map(|(id, _)| *id).collect::<Int64Array>();
    let words = StringArray::from_iter_values(rows.iter().map(|(_, word)| *word));
    let columns: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(words)];
    RecordBatch::try_new(types::schema(&pairs_definition()), columns).unwrap()
}

/// A table to be written as its definition says.
pub fn target(table: &str, definition: &TableDefinition, mode: Mode) -> Target {
    Target {
        table: table.into(),
        schema: types::schema(definition),
        definition: definition.clone(),
        mode,
        declared: Some(declared(table, definition)),
    }
}

/// A table of pairs to be appended to.
pub fn appended(table: &str) -> Target {
    target(table, &pairs_definition(), Mode::Append)
}

/// A table to be read, with what a project would declare of it.
pub fn request(table: &str, definition: &TableDefinition) -> TableRequest {
    TableRequest { declared: Some(declared(table, definition)), ..TableRequest::all(table) }
}

fn declared(table: &str, definition: &TableDefinition) -> Arc<SourceTable> {
    let at = span();
    let columns = definition.columns.iter();
    Arc::new(SourceTable {
        name: Spanned::new(table.into(), at),
        identifier: None,
        description: None,
        key: vec![],
        freshness: None,
        format: None,
        columns: columns.map(|c| (Spanned::new(c.name.clone(), at), Spanned::new(c.kind.clone(), at))).collect(),
        required: vec![],
        create: None,
        bad_rows: BadRows::Fail,
        max_bad_share: SourceTable::MAX_BAD_SHARE,
        path: None,
        optional: false,
    })
}

fn span() -> Span {
    Span::new(Files::default().add(Path::new("sources.toml"), "".into()), 0..0)
}
