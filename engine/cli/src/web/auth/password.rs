//! Passwords, and the digests that are kept of them.

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use std::sync::LazyLock;

/// Shorter ones are guessed too soon.
const LEAST: usize = 10;
/// Longer ones only cost time.
const MOST: usize = 256;
/// Of a password that nobody knows, so that a name that is not there takes as long as one that is.
static NOBODY: LazyLock<String> = LazyLock::new(|| digest(&key()).unwrap_or_default());

/// Letters and digits that are not taken for each other.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";

/// A digest of a password, by argon2id.
pub fn digest(password: &str) -> Result<String, password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

/// Whether the digest is of that password. Without a digest it takes as long, and is not.
pub fn is(password: &str, digest: Option<&str>) -> bool {
    if password.len() > MOST {
        return false;
    }
    let Ok(kept) = PasswordHash::new(digest.unwrap_or(&NOBODY)) else { return false };
    let same = Argon2::default().verify_password(password.as_bytes(), &kept).is_ok();
    same && digest.is_some()
}

/// Why it cannot be a password, if so.
pub fn wrong(password: &str) -> Option<&'static str> {
    match password.chars().count() {
        0..LEAST => Some("it has at least 10 characters"),
        _ if password.len() > MOST => Some("it has at most 256 bytes"),
        _ if password.chars().all(|c| password.starts_with(c)) => Some("it is one character, repeated"),
        _ => None,
    }
}

/// Why it cannot be the name of somebody, if so.
pub fn wrong_name(name: &str) -> Option<&'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    match name.len() {
        0 => Some("it is empty"),
        65.. => Some("it has at most 64 characters"),
        _ if !name.chars().all(known) => Some("it is made of letters, digits and `.`, `_`, `-`, `@`, `+`"),
        _ => None,
    }
}

/// A password that nobody has to think of: 20 characters of 5 bits each.
pub fn made() -> String {
    let letters: Vec<char> =
        random().iter().take(20).map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    letters.chunks(5).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Bytes that cannot be foretold.
pub fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

/// A key that cannot be foretold, as text.
pub fn key() -> String {
    hex(&random())
}

/// What is kept of a key.
pub fn of_key(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex().to_string()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{digest, is, made, wrong, wrong_name};

    #[test]
    fn a_password_is_known_by_its_digest() {
        let password = made();
        assert_eq!((password.len(), wrong(&password)), (23, None));
        assert_ne!(password, made());
        let kept = digest(&password).unwrap();
        assert!(kept.starts_with("$argon2id$") && !kept.contains(&password));
        assert!(is(&password, Some(&kept)) && !is("another", Some(&kept)) && !is(&password, None));
        assert!(!is("", Some("no digest")));
    }

    #[test]
    fn weak_passwords_and_odd_names_are_refused() {
        assert!(wrong("short").is_some() && wrong("aaaaaaaaaaaaaa").is_some() && wrong(&"ab".repeat(200)).is_some());
        assert_eq!(wrong("a good one"), None);
        for name in ["", "a b", "<b>", "a/b", "ü", &"a".repeat(65)] {
            assert!(wrong_name(name).is_some(), "{name}");
        }
        assert_eq!(wrong_name("anna.b+c@example.com"), None);
    }
}
