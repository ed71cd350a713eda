//! Identity of a request: somebody who is signed in, a machine with a key, or nobody yet.

use super::{origin::Origin, password};
use crate::web::view::Data;
use axum::http::{HeaderMap, header};
use engine_run::history::users::Role;
use std::net::IpAddr;

/// A session ends so long after it began.
pub const SESSION_US: i64 = 7 * 86_400 * 1_000_000;
/// And so long after it was last used.
const IDLE_US: i64 = 86_400 * 1_000_000;
/// What keys of machines begin with, so that they are found where they do not belong.
pub const KEY: &str = "engine_";

/// Who sends a request.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Their name, if they are known.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they still have the password that was made up for them.
    pub first_password: bool,
    /// The browser's cookie, signed in or not.
    pub cookie: Option<String>,
    /// Whether a key was given instead of a cookie: such requests cannot be forged by other pages.
    pub by_key: bool,
    /// Where they are.
    pub address: String,
    /// Whether that is surely this machine.
    pub is_local: bool,
}

impl Identity {
    /// Looks at cookie and key.
    pub fn of(data: &Data, origin: &Origin, headers: &HeaderMap, client: IpAddr) -> Self {
        let is_local = origin.is_this_machine(client);
        let address = client.to_string();
        let now = data.service.now_us();
        let key = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some(key) = key.and_then(|value| value.strip_prefix("Bearer ")) {
            let machine = data.records.machine(&password::of_key(key.trim()), now).ok().flatten();
            let (name, role) = machine.map(|machine| (machine.name, machine.role)).unzip();
            return Self { name, role, by_key: true, address, is_local, ..Self::default() };
        }
        let cookie = cookie(headers, name(origin.is_secure()));
        let signed = cookie.as_deref().map(password::of_key);
        let user = signed.as_deref().and_then(|key| {
            let user = data.records.session(key, now - SESSION_US, now - IDLE_US).ok().flatten()?;
            let _ = data.records.see_session(key, now);
            Some(user)
        });
        match user {
            Some(user) => Self {
                name: Some(user.name),
                role: Some(user.role),
                first_password: user.first_password,
                cookie,
                by_key: false,
                address,
                is_local,
            },
            None => Self { cookie, address, is_local, ..Self::default() },
        }
    }

    /// Whether they may do what that role may do.
    pub fn may(&self, role: Role) -> bool {
        self.role.is_some_and(|own| own >= role)
    }

    /// Whether they have to change their password before anything else: one that was made for them is known to others.
    pub fn must_change_password(&self) -> bool {
        self.first_password && !self.is_local
    }

    /// Their name, for the records.
    pub fn named(&self) -> String {
        self.name.clone().unwrap_or_else(|| "nobody".to_owned())
    }

    /// What signs the forms of this browser.
    pub fn csrf(&self, key: &[u8; 32]) -> String {
        self.cookie.as_deref().map(|cookie| signed(key, cookie)).unwrap_or_default()
    }

    /// Whether that is what signs the forms of this browser.
    pub fn is_csrf(&self, key: &[u8; 32], given: &str) -> bool {
        let ours = self.csrf(key);
        // Digests, compared as such: how long it takes tells nothing.
        !ours.is_empty() && blake3::hash(ours.as_bytes()) == blake3::hash(given.as_bytes())
    }
}

fn signed(key: &[u8; 32], cookie: &str) -> String {
    blake3::keyed_hash(key, cookie.as_bytes()).to_hex().to_string()
}

/// The cookie's name: browsers take the first only over https, and for this host alone.
fn name(secure: bool) -> &'static str {
    if secure { "__Host-engine" } else { "engine" }
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.find(|(key, _)| *key == name)?.1;
    let plain = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| value.to_owned())
}

/// The header that gives a browser its cookie.
pub fn set_cookie(secure: bool, value: &str) -> String {
    let more = if secure { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{more}", name(secure), SESSION_US / 1_000_000)
}

/// The header that takes it away.
pub fn no_cookie(secure: bool) -> String {
    let more = if secure { "; Secure" } else { "" };
    format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{more}", name(secure))
}

/// What is said to somebody who comes from another machine with a password that was made for them.
pub fn first_password_said(role: Option<Role>) -> &'static str {
    if role == Some(Role::Admin) {
        "you still have the password that was made for you, so only the machine of the service is served; \
         `engine user passwd NAME --password-stdin` there gives you another"
    } else {
        "change the password that was made for you first, at /password"
    }
}
