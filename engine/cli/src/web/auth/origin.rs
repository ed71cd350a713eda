//! By which address browsers reach the page, and whether a request comes from it.

use axum::http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};

/// Where the page is.
#[derive(Clone, Debug)]
pub struct Origin {
    listens: SocketAddr,
    url: Option<String>,
}

impl Origin {
    /// It listens there; browsers come by `url`, if a proxy stands in front.
    pub fn new(listens: SocketAddr, url: Option<String>) -> Self {
        Self { listens, url }
    }

    /// Whether browsers come by https.
    pub fn is_secure(&self) -> bool {
        self.url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// Whether a request is addressed to us: a foreign name that leads here is not.
    pub fn is_ours(&self, headers: &HeaderMap) -> bool {
        let Some(host) = text(headers, header::HOST.as_str()) else { return false };
        if let Some(url) = &self.url {
            return url.split_once("://").is_some_and(|(_, ours)| ours.eq_ignore_ascii_case(host));
        }
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let local = name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let address = bare.parse::<IpAddr>().is_ok();
        port == Some(self.listens.port()) && (local || (!self.listens.ip().is_loopback() && address))
    }

    /// Whether a request comes from a page of ours, as far as browsers tell.
    pub fn is_same(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = text(headers, header::ORIGIN.as_str()) else { return false };
        match (&self.url, text(headers, header::HOST.as_str())) {
            (Some(url), _) => origin.eq_ignore_ascii_case(url),
            (None, Some(host)) => origin.eq_ignore_ascii_case(&format!("http://{host}")),
            (None, None) => false,
        }
    }

    /// The address of the client: the other end, or whom a proxy in front of us names.
    pub fn address(&self, peer: IpAddr, headers: &HeaderMap) -> String {
        let named = text(headers, "x-forwarded-for").and_then(|all| all.rsplit(',').next());
        match named.filter(|_| self.url.is_some()).and_then(|ip| ip.trim().parse::<IpAddr>().ok()) {
            Some(ip) => ip.to_string(),
            None => peer.to_string(),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    // Two of them are a trick.
    if all.next().is_some() { None } else { Some(first) }
}

#[cfg(test)]
mod tests {
    use super::Origin;
    use axum::http::{HeaderMap, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn foreign_names_and_origins_are_refused() {
        let local = Origin::new("127.0.0.1:8420".parse().unwrap(), None);
        for (host, ours) in [
            ("127.0.0.1:8420", true),
            ("localhost:8420", true),
            ("[::1]:8420", true),
            ("evil.example:8420", false),
            ("127.0.0.1:80", false),
            ("10.0.0.1:8420", false),
        ] {
            assert_eq!(local.is_ours(&headers(&[("host", host)])), ours, "{host}");
        }
        let same = |origin| local.is_same(&headers(&[("host", "localhost:8420"), ("origin", origin)]));
        assert!(same("http://localhost:8420"));
        for origin in ["http://localhost:8421", "https://localhost:8420", "null", "http://evil.example", ""] {
            assert!(!same(origin), "{origin}");
        }
        assert!(!local.is_same(&headers(&[("host", "localhost:8420")])));
    }

    #[test]
    fn behind_a_proxy_its_address_counts() {
        let proxied = Origin::new("0.0.0.0:8420".parse().unwrap(), Some("https://engine.example".into()));
        assert!(proxied.is_ours(&headers(&[("host", "engine.example")])) && proxied.is_secure());
        assert!(!proxied.is_ours(&headers(&[("host", "10.0.0.1:8420")])));
        assert!(proxied.is_same(&headers(&[("origin", "https://engine.example")])));
        let forwarded = headers(&[("x-forwarded-for", "6.6.6.6, 1.2.3.4")]);
        assert_eq!(proxied.address("127.0.0.1".parse().unwrap(), &forwarded), "1.2.3.4");
        let open = Origin::new("0.0.0.0:8420".parse().unwrap(), None);
        assert_eq!(open.address("9.9.9.9".parse().unwrap(), &forwarded), "9.9.9.9");
        assert!(open.is_ours(&headers(&[("host", "10.0.0.1:8420")])));
    }
}
