//! Who asks and whether they may: sessions, keys, passwords, origins, the rate limit of logins.

pub mod identity;
pub mod origin;
pub mod password;
pub mod rate_limit;
