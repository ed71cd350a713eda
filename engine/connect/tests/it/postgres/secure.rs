//! TLS: who the server is, and who the client is.

use super::Place;
use crate::{certificates::Certificates, contract::subject::open, mortal::Mortal};
use engine_connect::hub::error::{Blame, Error};
use std::{fs, path::Path};

/// A server that speaks TLS as `localhost` and `0.0.0.0`, and knows the role `certified` by its certificate.
struct Secure {
    server: Mortal,
    certificates: Certificates,
    url: String,
}

impl Secure {
    async fn new() -> Self {
        let certificates = Certificates::new();
        certificates.sign("server", "localhost", "DNS:localhost, IP:0.0.0.0");
        certificates.sign("client", "certified", "DNS:client");
        certificates.authority("stranger");
        let server = Mortal::new("postgres");
        let (url, _) = server.up();
        for (from, to) in [
            (certificates.crt("server"), "its.crt"),
            (certificates.key("server"), "its.key"),
            (certificates.crt("ca"), "ca.crt"),
        ] {
            let to = server.data().join(to);
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            server.give(&to);
        }
        let rules = server.data().join("pg_hba.conf");
        let more = "hostssl all certified all cert\nhostnossl all certified all reject\n";
        fs::write(&rules, more.to_owned() + &fs::read_to_string(&rules).unwrap()).unwrap();
        for sql in [
            "create role certified login",
            "alter system set ssl_cert_file = 'its.crt'",
            "alter system set ssl_key_file = 'its.key'",
            "alter system set ssl_ca_file = 'ca.crt'",
            "alter system set ssl = on",
            "select pg_reload_conf()",
        ] {
            Place::over(&url, "sslmode = \"disable\"").run(sql).await;
        }
        let secure = Self { server, certificates, url };
        secure.wait().await;
        secure
    }

    /// Until it has read its settings again.
    async fn wait(&self) {
        for _ in 0..100 {
            if self.spoken("sslmode = \"require\"").await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{} does not speak TLS", self.server.data().display());
    }

    /// Whether a session with these keys is encrypted.
    async fn spoken(&self, keys: &str) -> Result<String, Error> {
        let place = Place::over(&self.url, keys);
        place.connection.ping().await?;
        let sql = "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'engine' \
                   order by backend_start desc limit 1";
        let _session = place.connection.tables().await?;
        Ok(place.value(sql).await)
    }

    async fn refused(&self, keys: &str) -> Error {
        let error = self.spoken(keys).await.expect_err(keys);
        assert_eq!(error.blame, Blame::User, "{keys}: {error}");
        error
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_shows_who_it_is() {
    let secure = Secure::new().await;
    let ca = format!("sslrootcert = \"{}\"", secure.certificates.crt("ca"));
    let stranger = format!("sslrootcert = \"{}\"", secure.certificates.crt("stranger"));
    // On this machine, TLS is taken where it is offered.
    assert_eq!(secure.spoken("").await.unwrap(), "true");
    assert_eq!(secure.spoken("sslmode = \"disable\"").await.unwrap(), "false");
    for keys in ["host = \"localhost\"\nsslmode = \"verify-full\"", "host = \"127.0.0.1\"\nsslmode = \"verify-ca\""] {
        assert_eq!(secure.spoken(&format!("{keys}\n{ca}")).await.unwrap(), "true", "{keys}");
        for wrong in ["", &stranger] {
            let error = secure.refused(&format!("{keys}\n{wrong}")).await;
            assert!(error.hint.unwrap().contains("check `sslmode`, `sslrootcert`"));
        }
    }
    let error = secure.refused(&format!("host = \"127.0.0.1\"\nsslmode = \"verify-full\"\n{ca}")).await;
    assert!(error.hint.unwrap().contains("that the certificate names the host"), "127.0.0.1 is not in the certificate");
    // What is not a loopback address is verified without being told.
    secure.refused("host = \"0.0.0.0\"").await;
    assert_eq!(secure.spoken(&format!("host = \"0.0.0.0\"\n{ca}")).await.unwrap(), "true");
    assert_eq!(secure.spoken("host = \"0.0.0.0\"\nsslmode = \"require\"").await.unwrap(), "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_shows_who_it_is() {
    let secure = Secure::new().await;
    let of = |name: &str| {
        format!("sslcert = \"{}\"\nsslkey = \"{}\"", secure.certificates.crt(name), secure.certificates.key(name))
    };
    let full =
        format!("host = \"localhost\"\nsslmode = \"verify-full\"\nsslrootcert = \"{}\"", secure.certificates.crt("ca"));
    let certified = format!("{full}\nuser = \"certified\"");
    assert_eq!(secure.spoken(&format!("{certified}\n{}", of("client"))).await.unwrap(), "true");
    let error = secure.refused(&certified).await;
    assert!(error.hint.unwrap().contains("pg_hba.conf"), "{}", error.source);
    // It is somebody's certificate, but not this role's.
    secure.refused(&format!("{certified}\n{}", of("server"))).await;
    secure.refused("user = \"certified\"\nsslmode = \"disable\"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_is_not_believed() {
    let toml = format!("type = \"postgres\"\nurl = \"{}\"\nsslmode = \"require\"", super::url());
    let error = open(&toml, Path::new("/")).ping().await.unwrap_err();
    assert_eq!(error.blame, Blame::User, "{error}");
    assert!(error.hint.unwrap().contains("check `sslmode`"));
    let toml = format!("type = \"postgres\"\nurl = \"{}\"\nhost = \"0.0.0.0\"", super::url());
    assert_eq!(open(&toml, Path::new("/")).ping().await.unwrap_err().blame, Blame::User);
}
