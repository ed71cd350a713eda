//! By which address browsers reach the page, and whether a request comes from it.

use crate::args::Network;
use axum::http::{HeaderMap, header};
use std::net::{IpAddr, SocketAddr};

/// Where the page is.
#[derive(Clone, Debug)]
pub struct Origin {
    listens: SocketAddr,
    url: Option<String>,
    /// Who may say on whose behalf they ask.
    proxies: Vec<Network>,
}

impl Origin {
    /// It listens there; browsers come by `url`, if a proxy stands in front. What `X-Forwarded-For` says is believed of
    /// `proxies` alone: anybody may send it.
    pub fn new(listens: SocketAddr, url: Option<String>, proxies: Vec<Network>) -> Self {
        Self { listens, url, proxies }
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

    /// The address of the client: the other end, or whom the trusted proxies in front of us name.
    pub fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
        let mut client = peer.to_canonical();
        for hop in hops.iter().rev() {
            let socket = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
            match hop.parse::<IpAddr>().ok().or_else(socket) {
                Some(named) if self.is_proxy(client) => client = named.to_canonical(),
                _ => break,
            }
        }
        client
    }

    /// Whether that is a proxy whose word counts.
    pub fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(address))
    }

    /// Whether a client surely is on this machine. Behind a proxy that is not trusted nobody knows.
    pub fn is_this_machine(&self, client: IpAddr) -> bool {
        client.is_loopback() && (self.url.is_none() || !self.proxies.is_empty())
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
        let local = Origin::new("127.0.0.1:8420".parse().unwrap(), None, vec![]);
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
        let url = || Some("https://engine.example".to_owned());
        let proxied = Origin::new("0.0.0.0:8420".parse().unwrap(), url(), vec!["127.0.0.1".parse().unwrap()]);
        assert!(proxied.is_ours(&headers(&[("host", "engine.example")])) && proxied.is_secure());
        assert!(!proxied.is_ours(&headers(&[("host", "10.0.0.1:8420")])));
        assert!(proxied.is_same(&headers(&[("origin", "https://engine.example")])));
        let open = Origin::new("0.0.0.0:8420".parse().unwrap(), None, vec![]);
        assert!(open.is_ours(&headers(&[("host", "10.0.0.1:8420")])));
    }

    #[test]
    fn only_trusted_proxies_name_the_client() {
        let url = || Some("https://engine.example".to_owned());
        let listens = "0.0.0.0:8420".parse().unwrap();
        let proxies = vec!["127.0.0.1".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        let trusting = Origin::new(listens, url(), proxies);
        let untrusting = Origin::new(listens, url(), vec![]);
        for (peer, forwarded, trusted) in [
            ("127.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
            ("127.0.0.1", "6.6.6.6, 1.2.3.4, 10.1.1.1", "1.2.3.4"),
            ("127.0.0.1", "[2001:db8::1]:99", "2001:db8::1"),
            ("127.0.0.1", "6.6.6.6, unknown", "127.0.0.1"),
            ("9.9.9.9", "1.2.3.4", "9.9.9.9"),
            ("::ffff:9.9.9.9", "127.0.0.1", "9.9.9.9"),
        ] {
            let forwarded = headers(&[("x-forwarded-for", forwarded)]);
            let peer = peer.parse().unwrap();
            assert_eq!(trusting.address(peer, &forwarded).to_string(), trusted);
            assert_eq!(untrusting.address(peer, &forwarded), peer.to_canonical(), "nobody is trusted unless named");
        }
        let local = "127.0.0.1".parse().unwrap();
        assert!(trusting.is_this_machine(local) && !untrusting.is_this_machine(local));
        assert!(Origin::new(listens, None, vec![]).is_this_machine(local));
    }
}
