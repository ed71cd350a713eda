//! What the user writes of a Kafka cluster.

use super::{
    Brokers,
    client::Client,
    schema_registry::{Address, Registry},
};
use crate::hub::{
    connection::{Connection, Connector, Declaration},
    error::Result,
};
use engine_language::{code, diagnostic::Diagnostic, secret::Secret};
use rdkafka::{ClientConfig, error::KafkaError};
use serde::de::{Deserialize, Deserializer, Visitor};
use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};
use xxhash_rust::xxh3::xxh3_64;

/// The connector of Kafka clusters.
#[derive(Debug)]
pub struct Kafka;

/// `[connections.NAME]` with `type = "kafka"`.
#[derive(Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The brokers to ask first, such as `kafka-1:9092,kafka-2:9092`.
    pub brokers: String,
    /// Stands before the name of each topic; topics without it are not seen.
    pub prefix: Option<String>,
    /// Whether to speak TLS; if not given, only with a `password` for brokers that are not loopback, or with a `tls_…` key.
    pub tls: Option<bool>,
    /// The certificates of authorities to trust, from the project's root; the system's if not given.
    pub tls_ca: Option<PathBuf>,
    /// The client's certificate, from the project's root.
    pub tls_cert: Option<PathBuf>,
    /// The key of the client's certificate, from the project's root.
    pub tls_key: Option<PathBuf>,
    /// `PLAIN`, which is what a `user` gets, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub sasl_mechanism: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// A file that holds the password, from the project's root.
    pub password_file: Option<PathBuf>,
    /// The schema registry of topics with `format = "avro"`, such as `http://registry:8081`.
    pub registry: Option<String>,
    /// The registry's user.
    pub registry_user: Option<String>,
    /// The password of the registry's user.
    pub registry_password: Option<Secret>,
    /// A file that holds it, from the project's root.
    pub registry_password_file: Option<PathBuf>,
    /// The certificates of authorities to trust for the registry, from the project's root; the known ones if not given.
    pub registry_ca: Option<PathBuf>,
    /// Settings of librdkafka by their own names, such as `{ "fetch.message.max.bytes" = 4000000 }`.
    #[serde(default)]
    pub librdkafka: BTreeMap<String, Setting>,
}

/// A setting of librdkafka: text, a number, or true or false.
#[derive(Debug)]
pub struct Setting(Secret);

impl Connector for Kafka {
    const KIND: &'static str = "kafka";
    type Config = Config;

    fn connect(place: &Declaration<'_>, config: Config) -> Result<Arc<dyn Connection>, Diagnostic> {
        let wrong = |(message, hint): Wrong| {
            let problem = Diagnostic::error(&code::E0500, place.span, message);
            if hint.is_empty() { problem } else { problem.hint(hint) }
        };
        let settings = settings(place, &config).map_err(wrong)?;
        let registry = registry(place, &config).map_err(wrong)?;
        let password_file = config.password_file.as_ref().map(|file| place.path(file));
        let client = Client::new(place.name.clone(), settings, password_file, config.brokers);
        // Another copy of the project is another writer.
        let writer = format!("engine.{}.{:016x}", place.name, xxh3_64(place.root.as_os_str().as_encoded_bytes()));
        let prefix = config.prefix.unwrap_or_default();
        Ok(Arc::new(Brokers { registry, ..Brokers::new(client, prefix, writer) }))
    }
}

fn registry(place: &Declaration<'_>, config: &Config) -> Result<Option<Registry>, Wrong> {
    let Some(url) = &config.registry else {
        let named = config.registry_user.is_some() || config.registry_password.is_some();
        let message = "there is a user of a registry, and no `registry`".to_owned();
        return if named { Err((message, "give its address: `registry = \"http://…\"`".into())) } else { Ok(None) };
    };
    let known = url.starts_with("http://") || url.starts_with("https://");
    if !known || url.contains('@') {
        let hint = "the user and the password are `registry_user` and `registry_password`";
        return Err(("`registry` should look like `http://host:port`".into(), hint.into()));
    }
    let secret = config.registry_password.is_some() || config.registry_password_file.is_some();
    let plain = url.strip_prefix("http://").filter(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        !is_loopback(host)
    });
    if secret && plain.is_some() {
        let hint = format!("use `registry = \"{}\"`", url.replacen("http://", "https://", 1));
        return Err(("the password of `registry` would go over the network in plain text".into(), hint));
    }
    Ok(Some(Registry::new(Address {
        name: place.name.clone(),
        url: url.trim_end_matches('/').to_owned(),
        user: config.registry_user.clone(),
        password: config.registry_password.clone(),
        password_file: config.registry_password_file.as_ref().map(|file| place.path(file)),
        ca: config.registry_ca.as_ref().map(|file| place.path(file)),
    })))
}

/// What is wrong, and what to do; that may be nothing.
type Wrong = (String, String);

/// What would break the promise that each message comes once.
const OURS: &[&str] = &[
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "isolation.level",
    "transactional.id",
];

fn settings(place: &Declaration<'_>, config: &Config) -> Result<ClientConfig, Wrong> {
    let mut settings = ClientConfig::new();
    let named = config.brokers.split(',').all(|broker| !broker.trim().is_empty());
    if !named {
        return Err(("`brokers` should look like `host:port,host:port`".into(), String::new()));
    }
    settings.set("bootstrap.servers", &config.brokers).set("client.id", "engine");
    security(place, config, &mut settings)?;
    for (key, value) in &config.librdkafka {
        if OURS.contains(&key.as_str()) {
            let message =
                format!("`{key}` is not to be set: each message comes once because of what engine sets it to");
            return Err((message, String::new()));
        }
        settings.set(key, value.0.expose());
    }
    // Also finds what this build of librdkafka does not have; no connection is made.
    match settings.create_native_config() {
        Ok(_) => Ok(settings),
        Err(KafkaError::ClientConfig(_, why, key, _)) => Err((format!("`{key}`: {why}"), String::new())),
        Err(error) => Err((error.to_string(), String::new())),
    }
}

fn security(place: &Declaration<'_>, config: &Config, settings: &mut ClientConfig) -> Result<(), Wrong> {
    let files = [
        ("ssl.ca.location", &config.tls_ca),
        ("ssl.certificate.location", &config.tls_cert),
        ("ssl.key.location", &config.tls_key),
    ];
    let given = files.iter().any(|(_, file)| file.is_some());
    let sasl = config.user.is_some() || config.sasl_mechanism.is_some();
    let tls = config.tls.unwrap_or(given || sasl && !config.brokers.split(',').all(is_loopback));
    let mechanism = config.sasl_mechanism.as_deref().unwrap_or("PLAIN");
    let built = "build it with them: `cargo build --release --features kafka-tls`";
    if tls && !cfg!(feature = "kafka-tls") {
        let hint = format!("{built}, or say `tls = false` if the network is yours alone");
        return Err(("this build of engine has no TLS for Kafka".into(), hint));
    }
    if sasl && mechanism != "PLAIN" && !cfg!(feature = "kafka-tls") {
        return Err((format!("this build of engine has no `{mechanism}` for Kafka"), built.into()));
    }
    let protocol = match (tls, sasl) {
        (true, true) => "sasl_ssl",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (false, false) => "plaintext",
    };
    settings.set("security.protocol", protocol);
    if sasl {
        settings.set("sasl.mechanism", mechanism);
        settings.set("sasl.username", config.user.as_deref().unwrap_or_default());
        settings.set("sasl.password", config.password.as_ref().map_or("", |password| password.expose()));
    }
    for (key, file) in files {
        if let Some(file) = file {
            settings.set(key, place.path(file).to_string_lossy());
        }
    }
    Ok(())
}

fn is_loopback(broker: &str) -> bool {
    let host = broker.trim().rsplit_once(':').map_or(broker.trim(), |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Plain;
        impl Visitor<'_> for Plain {
            type Value = String;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a number, or true or false")
            }

            fn visit_str<E>(self, text: &str) -> Result<String, E> {
                Ok(text.to_owned())
            }

            fn visit_bool<E>(self, truth: bool) -> Result<String, E> {
                Ok(truth.to_string())
            }

            fn visit_i64<E>(self, number: i64) -> Result<String, E> {
                Ok(number.to_string())
            }

            fn visit_u64<E>(self, number: u64) -> Result<String, E> {
                Ok(number.to_string())
            }

            fn visit_f64<E>(self, number: f64) -> Result<String, E> {
                Ok(number.to_string())
            }
        }
        deserializer.deserialize_any(Plain).map(|text| Self(Secret::new(text)))
    }
}

impl schemars::JsonSchema for Setting {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Setting".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
