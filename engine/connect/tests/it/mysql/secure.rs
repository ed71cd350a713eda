//! TLS: who the server is, and who the client is.

use crate::{certificates::Certificates, contract::subject::open, mortal::Mortal};
use engine_connect::hub::error::{Blame, Error};
use sqlx::{Connection as _, MySqlConnection};
use std::path::Path;

/// A server that speaks TLS as `localhost` and `0.0.0.0`, and accounts that must.
struct Secure {
    _server: Mortal,
    certificates: Certificates,
    url: String,
}

impl Secure {
    async fn new() -> Self {
        let certificates = Certificates::new();
        certificates.sign("server", "localhost", "DNS:localhost, IP:0.0.0.0");
        certificates.sign("client", "certified", "DNS:client");
        certificates.authority("stranger");
        let (crt, key, ca) = (certificates.crt("server"), certificates.key("server"), certificates.crt("ca"));
        let server = Mortal::with("mariadb", format!("--ssl-cert={crt} --ssl-key={key} --ssl-ca={ca}"));
        let (url, _) = server.up();
        let mut on = MySqlConnection::connect(&url).await.unwrap();
        for sql in [
            "create user encrypted@'127.0.0.1' identified by 'secret' require ssl",
            "create user certified@'127.0.0.1' identified by 'secret' require x509",
            "grant select on engine.* to encrypted@'127.0.0.1'",
            "grant select on engine.* to certified@'127.0.0.1'",
        ] {
            sqlx::raw_sql(sql).execute(&mut on).await.unwrap();
        }
        Self { _server: server, certificates, url }
    }

    async fn spoken(&self, user: &str, keys: &str) -> Result<(), Error> {
        let account = format!("user = \"{user}\"\npassword = \"secret\"");
        let toml = format!("type = \"mysql\"\nurl = \"{}\"\n{account}\n{keys}", self.url);
        open(&toml, Path::new("/")).tables().await.map(drop)
    }

    async fn refused(&self, user: &str, keys: &str) -> Error {
        let error = self.spoken(user, keys).await.expect_err(keys);
        assert_eq!(error.blame, Blame::User, "{keys}: {error}");
        error
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_shows_who_it_is() {
    let secure = Secure::new().await;
    let ca = format!("ssl_ca = \"{}\"", secure.certificates.crt("ca"));
    let stranger = format!("ssl_ca = \"{}\"", secure.certificates.crt("stranger"));
    let user = "encrypted";
    // On this machine, TLS is taken where it is offered.
    secure.spoken(user, "").await.unwrap();
    secure.refused(user, "ssl_mode = \"disabled\"").await;
    for keys in
        ["host = \"localhost\"\nssl_mode = \"verify_identity\"", "host = \"127.0.0.1\"\nssl_mode = \"verify_ca\""]
    {
        secure.spoken(user, &format!("{keys}\n{ca}")).await.unwrap();
        for wrong in ["", &stranger] {
            let error = secure.refused(user, &format!("{keys}\n{wrong}")).await;
            assert!(error.hint.unwrap().contains("check `ssl_mode`, `ssl_ca`"));
        }
    }
    secure.refused(user, &format!("host = \"127.0.0.1\"\nssl_mode = \"verify_identity\"\n{ca}")).await;
    // What is not a loopback address is verified without being told.
    secure.refused(user, "host = \"0.0.0.0\"").await;
    secure.spoken(user, &format!("host = \"0.0.0.0\"\n{ca}")).await.unwrap();
    secure.spoken(user, "host = \"0.0.0.0\"\nssl_mode = \"required\"").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_shows_who_it_is() {
    let secure = Secure::new().await;
    let (crt, key) = (secure.certificates.crt("client"), secure.certificates.key("client"));
    let full =
        format!("host = \"localhost\"\nssl_mode = \"verify_identity\"\nssl_ca = \"{}\"", secure.certificates.crt("ca"));
    secure.spoken("certified", &format!("{full}\nssl_cert = \"{crt}\"\nssl_key = \"{key}\"")).await.unwrap();
    let error = secure.refused("certified", &full).await;
    assert!(error.hint.unwrap().contains("check `user`"), "{}", error.source);
}
