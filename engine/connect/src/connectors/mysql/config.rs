//! What the user writes of a MySQL or MariaDB database.

use super::{Database, server::Server, types::KIND};
use crate::{
    hub::{
        connection::{Connection, Connector, Declaration},
        error::Result,
        policy::Types,
    },
    sql::{pushdown::Pushdown, url::has_parameter},
};
use engine_language::{code, diagnostic::Diagnostic, secret::Secret};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use std::{path::PathBuf, str::FromStr, sync::Arc};

/// Connections that may read at one instant; more would take a small server's all.
const MOST_PARALLEL: u8 = 32;

/// The connector of MySQL and MariaDB databases.
#[derive(Debug)]
pub struct MySql;

/// `[connections.NAME]` with `type = "mysql"`.
#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `mysql://user:password@host:port/database`; the other fields win over it.
    pub url: Option<Secret>,
    /// The server; `localhost` if not given.
    pub host: Option<String>,
    /// Its port; 3306 if not given.
    pub port: Option<u16>,
    /// The path of the server's socket, used instead of host and port.
    pub socket: Option<PathBuf>,
    /// The database in which the tables are.
    pub database: Option<String>,
    /// The account.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// A file that holds the password, from the project's root.
    pub password_file: Option<PathBuf>,
    /// `disabled`, `preferred`, `required`, `verify_ca` or `verify_identity`, which is what hosts that are not loopback
    /// get; empty is as if it were not given.
    pub ssl_mode: Option<String>,
    /// The certificates of authorities to trust, from the project's root.
    pub ssl_ca: Option<PathBuf>,
    /// The client's certificate, from the project's root.
    pub ssl_cert: Option<PathBuf>,
    /// The key of the client's certificate, from the project's root.
    pub ssl_key: Option<PathBuf>,
    /// Connections that read at once; 1 if not given. For more, writers of the tables wait a moment while the readings begin,
    /// and the account needs the right `LOCK TABLES`.
    pub parallel: Option<u8>,
    /// What is left to the server: `safe`, filters, limits and aggregates that come to just the same, or `none`.
    pub pushdown: Option<Pushdown>,
    /// What becomes of values that cannot be carried exactly; see [types](types.md).
    #[serde(default)]
    pub types: Types,
}

impl Connector for MySql {
    const KIND: &'static str = KIND;
    type Config = Config;

    fn connect(place: &Declaration<'_>, config: Config) -> Result<Arc<dyn Connection>, Diagnostic> {
        let wrong = |message: String| Diagnostic::error(&code::E0500, place.span, message);
        let options = options(place, &config).map_err(wrong)?;
        let Some(database) = options.get_database().map(str::to_owned) else {
            return Err(wrong("`database` is missing: the database in which the tables are".into()));
        };
        let parallel = config.parallel.unwrap_or(1);
        if !(1..=MOST_PARALLEL).contains(&parallel) {
            return Err(wrong(format!("`parallel` is 1 to {MOST_PARALLEL}, not {parallel}")));
        }
        let password_file = config.password_file.as_ref().map(|file| place.path(file));
        let choices = (config.types, config.pushdown.unwrap_or_default() == Pushdown::Safe);
        let server = Server::new(place.name.clone(), options, password_file, database, choices);
        Ok(Arc::new(Database { server, parallel: parallel.into(), position: Arc::default() }))
    }
}

fn options(place: &Declaration<'_>, config: &Config) -> Result<MySqlConnectOptions, String> {
    let mut options = match &config.url {
        Some(url) => MySqlConnectOptions::from_str(url.expose())
            .map_err(|_| "`url` should look like `mysql://user:password@host:port/database`".to_owned())?,
        None => MySqlConnectOptions::new(),
    };
    if let Some(host) = &config.host {
        options = options.host(host);
    }
    if let Some(port) = config.port {
        options = options.port(port);
    }
    if let Some(socket) = &config.socket {
        options = options.socket(place.path(socket));
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
    secured(options, place, config)
}

fn secured(
    mut options: MySqlConnectOptions,
    place: &Declaration<'_>,
    config: &Config,
) -> Result<MySqlConnectOptions, String> {
    let in_url = |url: &Secret| has_parameter(url.expose(), &["sslmode", "ssl-mode"]);
    if let Some(mode) = config.ssl_mode.as_ref().filter(|mode| !mode.is_empty()) {
        let known = MySqlSslMode::from_str(mode).map_err(|_| {
            format!("`ssl_mode` is disabled, preferred, required, verify_ca or verify_identity, not `{mode}`")
        })?;
        options = options.ssl_mode(known);
    } else if !config.url.as_ref().is_some_and(in_url) {
        let near = options.get_socket().is_some() || is_loopback(options.get_host());
        options = options.ssl_mode(if near { MySqlSslMode::Preferred } else { MySqlSslMode::VerifyIdentity });
    }
    if let Some(file) = &config.ssl_ca {
        options = options.ssl_ca(place.path(file));
    }
    if let Some(file) = &config.ssl_cert {
        options = options.ssl_client_cert(place.path(file));
    }
    if let Some(file) = &config.ssl_key {
        options = options.ssl_client_key(place.path(file));
    }
    Ok(options)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
