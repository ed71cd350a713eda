//! One server and database: connecting, and what it is.
//!
//! Statements stay prepared. To close one is a packet without an answer, and as the driver leaves Nagle's algorithm on, the
//! next packet would wait for the server to acknowledge it: that takes 40 ms.

use super::{
    binlog::{self, Log},
    encode::Infos,
};
use crate::{
    hub::{
        error::{Blame, Error, Result},
        policy::Types,
    },
    sql::{background::Background, pool::Pool},
};
use engine_language::name::Name;
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, Either, MySqlConnection, Row,
    mysql::{MySqlConnectOptions, MySqlRow},
};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(15);

/// What every session begins with: standard SQL, errors instead of mended values, times of UTC, one snapshot a
/// transaction, and patience with a slow other end.
const SESSION: &str = "set sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,\
    NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00', autocommit = 1, foreign_key_checks = 1, \
    unique_checks = 1, sql_auto_is_null = 0, sql_safe_updates = 0, sql_select_limit = default, net_write_timeout = 3600, \
    net_read_timeout = 3600, wait_timeout = 86400, lock_wait_timeout = 120, innodb_lock_wait_timeout = 120, names utf8mb4; \
    set session transaction isolation level repeatable read, read write";

/// A database, by its connection's name. Opens on first use.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    name: Name,
    options: MySqlConnectOptions,
    password_file: Option<PathBuf>,
    database: String,
    types: Types,
    pushdown: bool,
    idle: Arc<Pool<MySqlConnection>>,
    product: OnceCell<Product>,
    /// How it tells the position of its log of changes.
    log: OnceCell<Log>,
    infos: OnceCell<Infos>,
    background: Background,
}

/// Which server it is.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its name and version.
    pub words: String,
    /// Whether it is MariaDB and not MySQL.
    pub mariadb: bool,
    /// Major and minor version.
    pub version: (u32, u32),
    /// Bytes of the longest statement.
    pub packet: usize,
}

impl Product {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        if self.mariadb { "MariaDB" } else { "MySQL" }
    }

    /// Whether it tells of an error which row of its statement it is about.
    pub fn numbers_rows(&self) -> bool {
        self.mariadb && self.version >= (10, 7)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.inner.name).field("at", &self.at()).finish_non_exhaustive()
    }
}

impl Server {
    pub fn new(
        name: Name,
        options: MySqlConnectOptions,
        password_file: Option<PathBuf>,
        database: String,
        (types, pushdown): (Types, bool),
    ) -> Self {
        let options = options.disable_statement_logging().pipes_as_concat(false).no_engine_substitution(false);
        let options = options.timezone(None).set_names(false);
        Self {
            inner: Arc::new(Inner {
                name,
                options,
                password_file,
                database,
                types,
                pushdown,
                idle: Arc::default(),
                product: OnceCell::new(),
                log: OnceCell::new(),
                infos: OnceCell::new(),
                background: Background::default(),
            }),
        }
    }

    /// What goes on behind publications that are done.
    pub fn background(&self) -> &Background {
        &self.inner.background
    }

    pub fn database(&self) -> &str {
        &self.inner.database
    }

    /// What the user chose for values that cannot be carried.
    pub fn types(&self) -> &Types {
        &self.inner.types
    }

    /// Whether it is left what comes to just the same.
    pub fn pushdown(&self) -> bool {
        self.inner.pushdown
    }

    /// Where it is, for people.
    pub fn at(&self) -> String {
        let options = &self.inner.options;
        match options.get_socket() {
            Some(socket) => format!("{}/{}", socket.display(), self.database()),
            None => format!("{}:{}/{}", options.get_host(), options.get_port(), self.database()),
        }
    }

    fn options(&self) -> Result<MySqlConnectOptions> {
        let Some(file) = &self.inner.password_file else { return Ok(self.inner.options.clone()) };
        let text = std::fs::read_to_string(file).map_err(|error| {
            let message = format!("`{}`: {error}", file.display());
            self.error("connecting", Blame::User, message).hint("correct `password_file`")
        })?;
        Ok(self.inner.options.clone().password(text.trim_end_matches(['\r', '\n'])))
    }

    /// A connection of one's own, which is closed when it is dropped.
    pub async fn connect(&self, doing: &str) -> Result<MySqlConnection> {
        if let Some(idle) = self.inner.idle.take(async |on| on.ping().await.is_ok()).await {
            return Ok(idle);
        }
        let options = self.options()?;
        let ready = async {
            let mut on = MySqlConnection::connect_with(&options).await?;
            begin_session(&mut on).await?;
            Ok(on)
        };
        match tokio::time::timeout(CONNECT, ready).await {
            Ok(connected) => connected.map_err(|error| self.fault(doing, error)),
            Err(_) => Err(self.unreachable(doing, "the server does not answer")),
        }
    }

    /// Takes back a connection that has no transaction and no lock, with nothing left to read: the next one need not log in.
    pub fn give_back(&self, on: MySqlConnection) {
        self.inner.idle.put(on);
    }

    /// Asks something short, over a connection that is left as it was.
    pub async fn briefly<T>(&self, doing: &str, ask: impl AsyncFnOnce(&mut MySqlConnection) -> Result<T>) -> Result<T> {
        self.inner.idle.briefly(self.connect(doing), ask).await
    }

    /// Rows of a short query, each bound value a text.
    pub async fn rows(&self, doing: &str, sql: &str, values: &[&str]) -> Result<Vec<MySqlRow>> {
        self.briefly(doing, async |on| ask(on, sql, values).await.map_err(|error| self.fault(doing, error))).await
    }

    /// Which server it is; asked once.
    pub async fn product(&self, doing: &str) -> Result<&Product> {
        let find = || async {
            let rows = self.rows(doing, "select version(), cast(@@max_allowed_packet as char)", &[]).await?;
            let (version, packet): (String, String) = (rows[0].get(0), rows[0].get(1));
            let mariadb = version.to_lowercase().contains("mariadb");
            let plain = version.split('-').find(|part| part.contains('.')).unwrap_or_default();
            let mut numbers = plain.split('.').map(|number| number.parse().unwrap_or(0));
            let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
            let mut product =
                Product { words: String::new(), mariadb, version, packet: packet.parse().unwrap_or(1 << 20) };
            product.words = format!("{} {plain}", product.name());
            Ok(product)
        };
        self.inner.product.get_or_try_init(find).await
    }

    /// How it tells the position of its log of changes; asked once, over `on`.
    pub async fn log(&self, on: &mut MySqlConnection) -> sqlx::Result<Log> {
        let mariadb = self.known_product().mariadb;
        self.inner.log.get_or_try_init(|| binlog::log(on, mariadb)).await.copied()
    }

    /// What it calls the types of values that are sent; asked once, over `on`.
    pub async fn infos(&self, on: &mut MySqlConnection) -> sqlx::Result<Infos> {
        let signed_zero = !self.known_product().mariadb;
        self.inner.infos.get_or_try_init(|| Infos::ask(on, signed_zero)).await.cloned()
    }

    /// Which server it is. Every reading, describing and publication asks first.
    pub fn known_product(&self) -> &Product {
        self.inner.product.get().expect("the server was asked which it is before anything else")
    }

    /// The connection's name.
    pub fn connection_name(&self) -> &Name {
        &self.inner.name
    }

    /// An error of this connection.
    pub fn error(&self, doing: &str, blame: Blame, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::new(&self.inner.name, doing, blame, why)
    }
}

async fn begin_session(on: &mut MySqlConnection) -> sqlx::Result<()> {
    run(on, SESSION).await
}

/// Runs statements without values, one after the other.
pub async fn run(on: &mut MySqlConnection, sql: impl Into<String>) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(on).await.map(drop)
}

/// Runs one statement whose values are texts, and says how many rows it changed.
pub async fn change(on: &mut MySqlConnection, sql: &str, values: &[&str]) -> sqlx::Result<u64> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in values {
        query = query.bind(*value);
    }
    query.execute(on).await.map(|done| done.rows_affected())
}

/// Rows of a query whose values are texts.
pub async fn ask(on: &mut MySqlConnection, sql: &str, values: &[&str]) -> sqlx::Result<Vec<MySqlRow>> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in values {
        query = query.bind(*value);
    }
    query.fetch_all(on).await
}

/// Rows of queries without values, asked in one packet.
pub async fn ask_all<const N: usize>(
    on: &mut MySqlConnection,
    queries: [String; N],
) -> sqlx::Result<[Vec<MySqlRow>; N]> {
    let mut all = vec![];
    let mut rows = vec![];
    let mut answers = sqlx::raw_sql(AssertSqlSafe(queries.join("; "))).fetch_many(on);
    while let Some(answer) = answers.try_next().await? {
        match answer {
            Either::Left(_) => all.push(std::mem::take(&mut rows)),
            Either::Right(row) => rows.push(row),
        }
    }
    Ok(all.try_into().expect("each query has an answer"))
}
