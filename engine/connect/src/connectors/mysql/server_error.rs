//! What the server's errors mean, and what to do.

use super::server::Server;
use crate::hub::error::{Blame, Error};
use sqlx::mysql::MySqlDatabaseError;

impl Server {
    /// That the server cannot be reached.
    pub fn unreachable(&self, doing: &str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        let hint = format!("is the server running at {}? check `host` and `port`", self.at());
        self.error(doing, Blame::System, why).later().hint(hint)
    }

    /// That one of the two ends does not trust the other.
    fn untrusted(&self, doing: &str, why: sqlx::Error) -> Error {
        let hint = "check `ssl_mode`, `ssl_ca`, and that the certificate names the host";
        self.error(doing, Blame::User, why).hint(hint)
    }

    /// What an error means, and what to do.
    pub fn fault(&self, doing: &str, error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast::<MySqlDatabaseError>() {
                Ok(error) => self.said(doing, &error),
                Err(error) => self.error(doing, Blame::System, error.to_string()),
            },
            sqlx::Error::Io(ref io) if io.kind() == std::io::ErrorKind::InvalidData => self.untrusted(doing, error),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => self.unreachable(doing, error),
            sqlx::Error::Tls(_) => self.untrusted(doing, error),
            sqlx::Error::Configuration(ref why) if why.to_string().contains("RSA") => {
                let hint = "the account's password goes over TLS only: set `ssl_mode = \"required\"`";
                self.error(doing, Blame::User, "the server wants the password encrypted").hint(hint)
            }
            sqlx::Error::Protocol(ref text) if text.contains("auth plugin") => {
                let hint = "the account must use caching_sha2_password, sha256_password or mysql_native_password";
                self.error(doing, Blame::User, error).hint(hint)
            }
            sqlx::Error::Protocol(ref text) if text.contains("EOF") => self.unreachable(doing, error),
            other => self.error(doing, Blame::System, other),
        }
    }

    fn said(&self, doing: &str, error: &MySqlDatabaseError) -> Error {
        let text = error.message().to_owned();
        let at = self.at();
        let user = |text: String, hint: &str| self.error(doing, Blame::User, text).hint(hint);
        let later = |text: String| self.error(doing, Blame::System, text).later();
        match error.number() {
            1045 | 1698 | 1862 => user(text, "check `user`, `password` and the hosts that the account may come from"),
            1044 | 1142 | 1143 | 1227 | 1370 => user(text, "grant the right to the connection's account"),
            1049 => user(text, &format!("check `database`, or create it; the server is {at}")),
            1146 => user(text, "check the table's name and `database`"),
            1251 | 1524 => user(text, "the account's kind of password is not supported"),
            1290 | 1792 | 1836 => user(text, "the server is read-only: write to the one that it follows"),
            1205 => later("another session holds a lock on the rows or the table".into())
                .hint("end that session, or run again when it has finished"),
            1040 | 1203 | 1226 => {
                later(text).hint("the server has no connection left: raise max_connections or end other sessions")
            }
            1213 | 1020 | 1317 | 1412 | 1684 | 1969 | 3024 | 4031 => later(text),
            1021 | 1114 | 1041 | 1030 | 3 => {
                self.error(doing, Blame::System, text).hint("free some room on the server and run again")
            }
            1053 | 1077 | 1079 | 1080 | 1152 | 1158..=1161 | 1184 | 1927 | 4166 => self.unreachable(doing, text),
            1153 => self.error(doing, Blame::Data, text).hint("raise max_allowed_packet on the server"),
            1048 | 1062 | 1264 | 1265 | 1292 | 1364 | 1366 | 1406 | 1216 | 1217 | 1411 | 1451 | 1452 | 1557 | 1586
            | 1690 | 3140 | 3819 | 4025 => self.error(doing, Blame::Data, text),
            1054 | 1059..=1061 | 1063..=1075 | 1101 | 1103 | 1113 | 1117..=1118 | 1170..=1171 | 1426 | 1425 | 1439 => {
                self.error(doing, Blame::User, text)
            }
            _ => self.error(doing, Blame::System, text),
        }
    }
}

/// The server's number of an error; `None` if the error is not the server's.
pub fn number(error: &sqlx::Error) -> Option<u16> {
    let sqlx::Error::Database(error) = error else { return None };
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// Speaks of the user's table where the server speaks of its staging.
pub fn named(mut error: Error, stage: &str, table: &str) -> Error {
    let text = error.source.to_string();
    if text.contains(stage) {
        error.source = text.replace(stage, table).into();
    }
    error
}
