//! A schema registry: schemas by their numbers, and numbers for schemas.

use crate::{
    format::avro::{
        decoder::{SchemaError, Schemas},
        schema::Schema,
    },
    hub::error::{Blame, Error, Result},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use engine_language::{name::Name, secret::Secret};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};
use ureq::{
    Agent,
    tls::{PemItem, RootCerts, TlsConfig, parse_pem},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it is believed that a schema cannot be had.
const REFUSED: Duration = Duration::from_secs(10);
/// So many numbers that stand for nothing are remembered.
const MOST_REFUSED: usize = 1000;
/// What is sent and asked for.
const CONTENT: &str = "application/vnd.schemaregistry.v1+json";
/// The registry's own code for a schema that it does not have.
const NO_SUCH_SCHEMA: u64 = 40403;

/// Where it is and who asks.
pub struct Address {
    /// The connection's name.
    pub name: Name,
    /// `http://host:port`, without a slash at its end.
    pub url: String,
    /// The user, if it asks for one.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
    /// The certificates of authorities to trust instead of the known ones.
    pub ca: Option<PathBuf>,
}

/// A registry. Asks on first use, and for each schema once.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    address: Address,
    agent: OnceLock<Agent>,
    known: Mutex<BTreeMap<u32, CachedSchema>>,
}

enum CachedSchema {
    Schema(Arc<Schema>),
    Refused(String, Instant),
}

/// An answer: its status, and what it says.
type Answer = (u16, Value);

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("url", &self.inner.address.url).finish_non_exhaustive()
    }
}

impl Registry {
    /// At this address.
    pub fn new(address: Address) -> Self {
        Self { inner: Arc::new(Inner { address, agent: OnceLock::new(), known: Mutex::default() }) }
    }

    /// Where it is, if it answers as registries do. Waits.
    pub fn ping(&self) -> Result<String> {
        // Whether it has that schema or not, only a registry says so.
        self.fetch(1).map(|_| self.inner.address.url.clone())
    }

    /// The number of a schema, which it gets if the subject did not have it. Waits.
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32> {
        let doing = format!("registering the schema of `{subject}`");
        let body = json!({ "schema": schema, "schemaType": "AVRO" }).to_string();
        let (status, said) = self.ask(&doing, &format!("subjects/{}/versions", segment(subject)), Some(&body))?;
        let number = said.get("id").and_then(Value::as_u64).and_then(|number| number.try_into().ok());
        match (status, number) {
            (200, Some(number)) => Ok(number),
            (409, _) => Err(self.error(&doing, Blame::User, words(&said)).hint(
                "the subject's rule of compatibility does not allow these columns: change them, or the rule in the registry",
            )),
            _ => Err(self.unexpected(&doing, (status, said))),
        }
    }

    /// A schema, with those of others that it speaks of.
    fn fetch(&self, number: u32) -> Result<Result<Schema, String>> {
        let doing = format!("reading the schema {number}");
        let (status, said) = self.ask(&doing, &format!("schemas/ids/{number}"), None)?;
        if status == 404 && said.get("error_code").and_then(Value::as_u64) == Some(NO_SUCH_SCHEMA) {
            return Ok(Err(format!("the registry has no schema {number}")));
        }
        let Some(text) = said.get("schema").and_then(Value::as_str).filter(|_| status == 200) else {
            return Err(self.unexpected(&doing, (status, said)));
        };
        match said.get("schemaType").and_then(Value::as_str) {
            None | Some("AVRO") => {}
            Some(other) => return Ok(Err(format!("the schema {number} is one of {other}, not of Avro"))),
        }
        let mut others = vec![];
        self.references(&doing, &said, &mut others)?;
        Ok(Schema::parse(text, &others).map_err(|why| format!("the schema {number}: {why}")))
    }

    /// The schemas that one speaks of, each behind those that it speaks of itself.
    fn references(&self, doing: &str, said: &Value, others: &mut Vec<String>) -> Result<()> {
        for reference in said.get("references").and_then(Value::as_array).into_iter().flatten() {
            let (subject, version) = (reference.get("subject").and_then(Value::as_str), reference.get("version"));
            let (Some(subject), Some(version)) = (subject, version.and_then(Value::as_u64)) else {
                return Err(self.unexpected(doing, (200, said.clone())));
            };
            let path = format!("subjects/{}/versions/{version}", segment(subject));
            let (status, other) = self.ask(doing, &path, None)?;
            let Some(text) = other.get("schema").and_then(Value::as_str).filter(|_| status == 200) else {
                return Err(self.unexpected(doing, (status, other)));
            };
            let text = text.to_owned();
            self.references(doing, &other, others)?;
            if !others.contains(&text) {
                others.push(text);
            }
        }
        Ok(())
    }

    fn ask(&self, doing: &str, path: &str, body: Option<&str>) -> Result<Answer> {
        let url = format!("{}/{path}", self.inner.address.url);
        let agent = self.agent(doing)?;
        let mut request = ureq::http::Request::builder().uri(&url).header("Accept", CONTENT);
        if let Some(authorization) = self.authorization(doing)? {
            request = request.header("Authorization", authorization);
        }
        let wrong = |error: ureq::http::Error| self.error(doing, Blame::User, format!("`{url}`: {error}"));
        let answer = match body {
            None => agent.run(request.body(()).map_err(wrong)?),
            Some(body) => {
                let request = request.method("POST").header("Content-Type", CONTENT);
                agent.run(request.body(body).map_err(wrong)?)
            }
        };
        let read = |mut answer: ureq::http::Response<ureq::Body>| {
            let text = answer.body_mut().read_to_string()?;
            let said = serde_json::from_str(&text).unwrap_or(Value::Null);
            Ok((answer.status().as_u16(), said))
        };
        answer.and_then(read).map_err(|error| {
            let hint = format!("is the schema registry running at {}? check `registry`", self.inner.address.url);
            self.error(doing, Blame::System, error.to_string()).later().hint(hint)
        })
    }

    fn authorization(&self, doing: &str) -> Result<Option<String>> {
        let Address { user, password, password_file, .. } = &self.inner.address;
        let Some(user) = user else { return Ok(None) };
        let password = match (password, password_file) {
            (Some(password), _) => password.expose().to_owned(),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    let message = format!("`{}`: {error}", file.display());
                    self.error(doing, Blame::User, message).hint("correct `registry_password_file`")
                })?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            (None, None) => String::new(),
        };
        Ok(Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))))
    }

    fn agent(&self, doing: &str) -> Result<Agent> {
        if let Some(agent) = self.inner.agent.get() {
            return Ok(agent.clone());
        }
        let mut tls = TlsConfig::builder();
        if let Some(file) = &self.inner.address.ca {
            let wrong = |why: String| {
                self.error(doing, Blame::User, format!("`{}`: {why}", file.display())).hint("correct `registry_ca`")
            };
            let pem = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
            let mut certificates = vec![];
            for item in parse_pem(&pem) {
                if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(error.to_string()))? {
                    certificates.push(certificate);
                }
            }
            tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates)));
        }
        let config = Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        let agent = config.tls_config(tls.build()).build().new_agent();
        Ok(self.inner.agent.get_or_init(|| agent).clone())
    }

    fn unexpected(&self, doing: &str, (status, said): Answer) -> Error {
        let words = if said.is_null() { format!("the answer is {status}") } else { words(&said) };
        let of = |blame| self.error(doing, blame, words.clone());
        match status {
            401 | 403 => of(Blame::User).hint("check `registry_user` and `registry_password`"),
            408 | 429 | 500.. => of(Blame::System).later(),
            _ => of(Blame::User).hint(format!("is {} a schema registry? check `registry`", self.inner.address.url)),
        }
    }

    fn error(&self, doing: &str, blame: Blame, why: String) -> Error {
        Error::new(&self.inner.address.name, doing, blame, why)
    }
}

impl Schemas for Registry {
    fn schema(&self, number: u32) -> Result<Arc<Schema>, SchemaError> {
        // Who waits for the lock wants the same schema, most likely.
        let mut known = self.inner.known.lock().expect("no holder of this lock panics");
        match known.get(&number) {
            Some(CachedSchema::Schema(schema)) => return Ok(schema.clone()),
            Some(CachedSchema::Refused(why, when)) if when.elapsed() < REFUSED => {
                return Err(SchemaError::Refused(why.clone()));
            }
            Some(CachedSchema::Refused(..)) | None => {}
        }
        let found = self.fetch(number).map_err(|error| SchemaError::Unknown(Box::new(error)))?;
        if known.len() >= MOST_REFUSED {
            known.retain(|_, known| matches!(known, CachedSchema::Schema(_)));
        }
        match found {
            Ok(schema) => {
                let schema = Arc::new(schema);
                known.insert(number, CachedSchema::Schema(schema.clone()));
                Ok(schema)
            }
            Err(why) => {
                known.insert(number, CachedSchema::Refused(why.clone(), Instant::now()));
                Err(SchemaError::Refused(why))
            }
        }
    }
}

/// What it says went wrong.
fn words(said: &Value) -> String {
    said.get("message").and_then(Value::as_str).map_or_else(|| said.to_string(), str::to_owned)
}

/// A name as a part of a path.
fn segment(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(byte.into());
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
