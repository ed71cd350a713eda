//! What the user writes of a PostgreSQL database.

use super::{Database, server::Server};
use crate::{
    hub::{
        connection::{Connection, Connector, Declaration},
        error::Result,
        policy::Types,
        type_map::TypeMap,
    },
    sql::{pushdown::Pushdown, url::has_parameter},
};
use engine_language::{code, diagnostic::Diagnostic, secret::Secret};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::{path::PathBuf, str::FromStr, sync::Arc};

/// The connector of PostgreSQL databases.
#[derive(Debug)]
pub struct Postgres;

/// `[connections.NAME]` with `type = "postgres"`.
#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `postgres://user:password@host:port/database`; the other fields win over it.
    pub url: Option<Secret>,
    /// The server; `localhost` if not given. One that begins with `/` is the folder of a socket.
    pub host: Option<String>,
    /// Its port; 5432 if not given.
    pub port: Option<u16>,
    /// The database; the user's name if not given.
    pub database: Option<String>,
    /// The role.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// A file that holds the password, from the project's root.
    pub password_file: Option<PathBuf>,
    /// Where the tables are; `public` if not given.
    pub schema: Option<String>,
    /// `disable`, `prefer`, `require`, `verify-ca` or `verify-full`, which is what hosts that are not loopback get;
    /// empty is as if it were not given.
    pub sslmode: Option<String>,
    /// The certificates of authorities to trust, from the project's root.
    pub sslrootcert: Option<PathBuf>,
    /// The client's certificate, from the project's root.
    pub sslcert: Option<PathBuf>,
    /// The key of the client's certificate, from the project's root.
    pub sslkey: Option<PathBuf>,
    /// What is left to the server: `safe`, filters, limits and aggregates that come to just the same, or `none`.
    pub pushdown: Option<Pushdown>,
    /// What becomes of a table of which row security hides rows from the role: `refuse`, an error, unless told; `filter`, what
    /// the role sees is taken for all of it.
    #[serde(default)]
    pub row_security: RowSecurity,
    /// What becomes of values that cannot be carried exactly; see [types](types.md).
    #[serde(default)]
    pub types: Types,
}

/// What becomes of a table of which row security hides rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowSecurity {
    /// It cannot be read.
    #[default]
    Refuse,
    /// It is read as if it had no other rows.
    Filter,
}

impl Connector for Postgres {
    const KIND: &'static str = "postgres";
    type Config = Config;

    fn connect(place: &Declaration<'_>, config: Config) -> Result<Arc<dyn Connection>, Diagnostic> {
        let wrong = |message: String| Diagnostic::error(&code::E0500, place.span, message);
        let mut options = options(place, &config).map_err(wrong)?;
        if config.row_security == RowSecurity::Refuse {
            // The server then refuses what it would have to filter, as it does for `pg_dump`.
            options = options.options([("row_security", "off")]);
        }
        let password_file = config.password_file.as_ref().map(|file| place.path(file));
        let schema = config.schema.unwrap_or_else(|| "public".into());
        let choices = (config.types, config.pushdown.unwrap_or_default() == Pushdown::Safe);
        let server = Server::new(place.name.clone(), options, password_file, schema, choices);
        Ok(Arc::new(Database { server, moment: Arc::default() }))
    }

    fn types() -> TypeMap {
        super::types::map()
    }
}

fn options(place: &Declaration<'_>, config: &Config) -> Result<PgConnectOptions, String> {
    let mut options = match &config.url {
        Some(url) => PgConnectOptions::from_str(url.expose())
            .map_err(|_| "`url` should look like `postgres://user:password@host:port/database`".to_owned())?,
        None => PgConnectOptions::new_without_pgpass().host("localhost"),
    };
    let chosen = config.url.as_ref().is_some_and(|url| has_parameter(url.expose(), &["sslmode", "ssl-mode"]));
    if let Some(host) = &config.host {
        options = options.host(host);
    }
    if let Some(port) = config.port {
        options = options.port(port);
    }
    if let Some(database) = &config.database {
        options = options.database(database);
    }
    if let Some(user) = &config.user {
        options = options.username(user);
    }
    if let Some(password) = &config.password {
        options = options.password(password.expose());
    }
    if let Some(mode) = config.sslmode.as_ref().filter(|mode| !mode.is_empty()) {
        let known = PgSslMode::from_str(mode)
            .map_err(|_| format!("`sslmode` is disable, prefer, require, verify-ca or verify-full, not `{mode}`"))?;
        options = options.ssl_mode(known);
    } else if !chosen {
        let mode = if is_loopback(options.get_host()) { PgSslMode::Prefer } else { PgSslMode::VerifyFull };
        options = options.ssl_mode(mode);
    }
    if let Some(file) = &config.sslrootcert {
        options = options.ssl_root_cert(place.path(file));
    }
    if let Some(file) = &config.sslcert {
        options = options.ssl_client_cert(place.path(file));
    }
    if let Some(file) = &config.sslkey {
        options = options.ssl_client_key(place.path(file));
    }
    Ok(options)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.starts_with('/') || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
