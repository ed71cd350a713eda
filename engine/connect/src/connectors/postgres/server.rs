//! One server and database: connecting, and what its errors mean.

use super::{describe::Lookup, partition_hash, table_swap::run, write_counters};
use crate::{
    hub::{
        error::{Blame, Error, Result},
        policy::Types,
    },
    sql::pool::Pool,
};
use engine_language::name::Name;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, PgConnection, Row,
    postgres::{PgConnectOptions, PgDatabaseError, PgRow},
};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(15);
/// Bytes of the longest name that PostgreSQL keeps; it cuts longer ones without an error.
pub const LONGEST_NAME: usize = 63;

/// A database, by its connection's name. Opens on first use.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    name: Name,
    options: PgConnectOptions,
    password_file: Option<PathBuf>,
    schema: String,
    /// What the user chose for values that cannot be carried.
    types: Types,
    /// Whether work that comes to the same is left to the server.
    pushdown: bool,
    idle: Arc<Pool<PgConnection>>,
    facts: OnceCell<Facts>,
}

/// What a server is.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Its version, such as 150018.
    pub version: i32,
    /// Whether its hash functions are those of [`hash`].
    pub hashes: bool,
    /// Whether a statement can look by itself whether its client is still there.
    pub watches: bool,
    /// Whether a session may hand in at once what it counted of its writes.
    pub hands_in: bool,
}

/// How often a statement looks whether its client is still there.
const WATCH: (&str, &str) = ("client_connection_check_interval", "2s");

/// What every session is set to: texts that mean the same everywhere, no end but ours to what takes long, and two minutes
/// until the locks of a session whose other end has fallen silent are free.
const SESSION: [(&str, &str); 11] = [
    ("timezone", "UTC"),
    ("datestyle", "ISO"),
    ("intervalstyle", "postgres"),
    ("standard_conforming_strings", "on"),
    ("statement_timeout", "0"),
    ("lock_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("jit", "off"),
    ("tcp_keepalives_idle", "60"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "6"),
];

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.inner.name).field("at", &self.at()).finish_non_exhaustive()
    }
}

impl Server {
    pub fn new(
        name: Name,
        options: PgConnectOptions,
        password_file: Option<PathBuf>,
        schema: String,
        (types, pushdown): (Types, bool),
    ) -> Self {
        let options = options.application_name("engine").disable_statement_logging().options(SESSION);
        Self {
            inner: Arc::new(Inner {
                name,
                options,
                password_file,
                schema,
                types,
                pushdown,
                idle: Arc::default(),
                facts: OnceCell::new(),
            }),
        }
    }

    /// How its tables are looked at by those who query them here.
    pub fn look(&self) -> Lookup<'_> {
        Lookup { schema: self.schema(), types: self.types(), passing: false }
    }

    /// Whether work that comes to the same is left to the server.
    pub fn pushdown(&self) -> bool {
        self.inner.pushdown
    }

    /// What the user chose for values that cannot be carried.
    pub fn types(&self) -> &Types {
        &self.inner.types
    }

    pub fn schema(&self) -> &str {
        &self.inner.schema
    }

    /// The role.
    pub fn user(&self) -> String {
        self.inner.options.get_username().to_owned()
    }

    /// Where it is, for people.
    pub fn at(&self) -> String {
        let options = &self.inner.options;
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        format!("{}:{}/{database}", options.get_host(), options.get_port())
    }

    fn options(&self) -> Result<PgConnectOptions> {
        let Some(file) = &self.inner.password_file else { return Ok(self.inner.options.clone()) };
        let text = std::fs::read_to_string(file).map_err(|error| {
            let message = format!("`{}`: {error}", file.display());
            self.error("connecting", Blame::User, message).hint("correct `password_file`")
        })?;
        Ok(self.inner.options.clone().password(text.trim_end_matches(['\r', '\n'])))
    }

    /// A connection of one's own, which is closed when it is dropped.
    pub async fn connect(&self, doing: &str) -> Result<PgConnection> {
        if let Some(idle) = self.inner.idle.take(async |on| on.ping().await.is_ok()).await {
            return Ok(idle);
        }
        let (mut options, facts) = (self.options()?, self.inner.facts.get());
        if facts.is_some_and(|facts| facts.watches) {
            options = options.options([WATCH]);
        }
        let connected = tokio::time::timeout(CONNECT, PgConnection::connect_with(&options)).await;
        let connected = connected.map_err(|_| self.unreachable(doing, "the server does not answer"))?;
        let mut on = connected.map_err(|error| self.fault(doing, error))?;
        if facts.is_none() {
            watch(&mut on).await.map_err(|error| self.fault(doing, error))?;
            self.facts(&mut on).await?;
        }
        Ok(on)
    }

    /// Takes back a connection that has no transaction and no lock.
    pub fn give_back(&self, on: PgConnection) {
        self.inner.idle.put(on);
    }

    /// Lets a connection's locks go, after whatever ends what it was about, and takes it back. Nobody waits for that.
    pub fn rest(&self, mut on: PgConnection, end: &str) {
        let (server, sql) = (self.clone(), format!("{end}select pg_advisory_unlock_all(); reset lock_timeout"));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if run(&mut on, sql).await.is_ok() {
                server.give_back(on);
            }
        });
    }

    /// Asks something short, over a connection that is left as it was.
    pub async fn briefly<T>(&self, doing: &str, ask: impl AsyncFnOnce(&mut PgConnection) -> Result<T>) -> Result<T> {
        self.inner.idle.briefly(self.connect(doing), ask).await
    }

    /// Rows of a short query, each bound value a text.
    pub async fn rows(&self, doing: &str, sql: &str, values: &[&str]) -> Result<Vec<PgRow>> {
        self.briefly(doing, async |on| ask(on, sql, values).await.map_err(|error| self.fault(doing, error))).await
    }

    /// What the server is; every connection knows.
    pub fn known_facts(&self) -> Facts {
        *self.inner.facts.get().expect("a connection asks for them before anything else")
    }

    async fn facts(&self, on: &mut PgConnection) -> Result<Facts> {
        let ask = || async {
            let (watch, often) = WATCH;
            let sql = format!(
                "select current_setting('server_version_num')::int4, {}, \
                 coalesce(current_setting('{watch}', true), '') = '{often}', {}",
                partition_hash::PROBE,
                write_counters::CAN_HAND_IN
            );
            let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(on).await?;
            Ok(Facts {
                version: row.try_get(0)?,
                hashes: row.try_get(1)?,
                watches: row.try_get(2)?,
                hands_in: row.try_get(3)?,
            })
        };
        let facts = self.inner.facts.get_or_try_init(ask).await;
        facts.copied().map_err(|error: sqlx::Error| self.fault("asking for the version", error))
    }

    /// Whether the server is known to hash as we do.
    pub fn hashes(&self) -> bool {
        self.inner.facts.get().is_some_and(|facts| facts.hashes)
    }

    /// The connection's name.
    pub fn connection_name(&self) -> &Name {
        &self.inner.name
    }

    /// An error of this connection.
    pub fn error(&self, doing: &str, blame: Blame, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::new(&self.inner.name, doing, blame, why)
    }

    fn unreachable(&self, doing: &str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let hint = format!("is PostgreSQL running at {}? check `host` and `port`", self.at());
        self.error(doing, Blame::System, why).later().hint(hint)
    }

    /// That one of the two ends does not trust the other.
    fn untrusted(&self, doing: &str, why: sqlx::Error) -> Error {
        let hint = "check `sslmode`, `sslrootcert`, and that the certificate names the host";
        self.error(doing, Blame::User, why).hint(hint)
    }

    /// What an error means, and what to do.
    pub fn fault(&self, doing: &str, error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast::<PgDatabaseError>() {
                Ok(error) => self.said(doing, &error),
                Err(error) => self.error(doing, Blame::System, error.to_string()),
            },
            sqlx::Error::Io(ref io) if io.kind() == std::io::ErrorKind::InvalidData => self.untrusted(doing, error),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => self.unreachable(doing, error),
            sqlx::Error::Tls(_) => self.untrusted(doing, error),
            sqlx::Error::Protocol(ref text) if text.contains("expected") || text.contains("EOF") => {
                self.unreachable(doing, error)
            }
            other => self.error(doing, Blame::System, other),
        }
    }

    fn said(&self, doing: &str, error: &PgDatabaseError) -> Error {
        let mut text = error.message().replace('"', "`");
        if let Some(detail) = error.detail() {
            text = format!("{text}: {}", detail.replace('"', "`"));
        }
        let place = error.r#where().and_then(copied);
        if let Some((_, place)) = &place {
            text = format!("{place}: {text}");
        }
        self.meant(doing, error.code(), text).row(place.map(|(number, _)| number - 1))
    }

    /// What a code means, and what to do.
    fn meant(&self, doing: &str, code: &str, text: String) -> Error {
        let at = self.at();
        match code {
            "28P01" | "28000" => {
                self.error(doing, Blame::User, text).hint("check `user`, `password` and the server's pg_hba.conf")
            }
            "3D000" => self.error(doing, Blame::User, text).hint(format!("check `database`; the server is {at}")),
            "3F000" => self.error(doing, Blame::User, text).hint("check `schema`, or create it"),
            "42501" if text.contains("row-level security") => self.error(doing, Blame::User, text).hint(
                "give the role BYPASSRLS, read a view of what is meant, or say `row_security = \"filter\"` of the connection \
                 to take what the role sees for all",
            ),
            "42501" => self.error(doing, Blame::User, text).hint("grant the right to the connection's role"),
            "42P01" => self.error(doing, Blame::User, text).hint("check the table's name and `schema`"),
            "42P10" => {
                self.error(doing, Blame::User, text).hint("the table needs a unique constraint on just that key")
            }
            // A snapshot is gone with the session that exported it.
            "22023" | "42704" if text.contains("snapshot") => {
                self.error(doing, Blame::System, format!("the snapshot that is read is gone: {text}")).later()
            }
            "55P03" => self
                .error(doing, Blame::System, "another session holds a lock on the table")
                .hint("end that session, or run again when it has finished")
                .later(),
            "53300" => self
                .error(doing, Blame::System, text)
                .hint("the server has no connection left: raise max_connections or end other sessions")
                .later(),
            "40001" | "40P01" | "57014" | "25P03" => self.error(doing, Blame::System, text).later(),
            "53100" => self.error(doing, Blame::System, text).hint("free some room on the server's disk and run again"),
            "42P07" => {
                self.error(doing, Blame::System, text).hint("another program made it meanwhile: run again").later()
            }
            "57P01" | "57P02" | "57P04" | "57P05" => {
                let hint = format!("the server at {at} was stopped, or the session was ended there: run again");
                self.error(doing, Blame::System, text).hint(hint).later()
            }
            _ if code.starts_with("57P") || code.starts_with("08") => self.unreachable(doing, text),
            _ if code.starts_with("22") || code.starts_with("23") => self.error(doing, Blame::Data, text),
            _ if code.starts_with("42") || code.starts_with("28") => self.error(doing, Blame::User, text),
            _ => self.error(doing, Blame::System, text),
        }
    }
}

/// The row and column of a COPY, as PostgreSQL says it: `COPY t, line 5, column a: "x"`.
fn copied(place: &str) -> Option<(u64, String)> {
    let rest = place.lines().next()?.strip_prefix("COPY ")?.split_once(", line ")?.1;
    let number: u64 = rest.split([',', ':']).next()?.parse().ok().filter(|number| *number > 0)?;
    let column = rest.split_once(", column ").map(|(_, column)| column.split(':').next().unwrap_or(column));
    let place = match column {
        Some(column) => format!("column `{column}` of row {number}"),
        None => format!("row {number}"),
    };
    Some((number, place))
}

/// Has a session look by itself whether its client is still there. Versions before 14 do not know that, and not every
/// machine can do it.
async fn watch(on: &mut PgConnection) -> sqlx::Result<()> {
    let (watch, often) = WATCH;
    run(on, format!("do $$ begin set {watch} = '{often}'; exception when others then null; end $$")).await
}

/// Rows of a query, each bound value a text.
pub async fn ask(on: &mut PgConnection, sql: &str, values: &[&str]) -> sqlx::Result<Vec<PgRow>> {
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in values {
        query = query.bind(*value);
    }
    query.fetch_all(on).await
}
