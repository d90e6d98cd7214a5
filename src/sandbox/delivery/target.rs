//! Where a callback goes: an http URL on loopback, or nowhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A place on this machine that a callback can go to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The addresses to try, in order.
    pub(super) addresses: Vec<SocketAddr>,
    /// Host and port as in the URL, for the `Host` header.
    pub(super) host: String,
    /// Path and query.
    pub(super) path: String,
    /// The `Authorization` header for the URL's user info.
    pub(super) authorization: Option<String>,
}

impl Target {
    /// Reads a URL. `None` where it is not http, not on loopback, or not one that can stand in a request.
    ///
    /// Names are not looked up, save for `localhost`, which is taken for loopback without asking.
    pub(super) fn parse(url: &str) -> Option<Self> {
        // What is not plain ASCII has no place in a request line; the service would not have taken it.
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let (scheme, rest) = url.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let rest = without_fragment(rest);
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user_info, host) = match authority.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info), host),
            None => (None, authority),
        };
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port.parse().ok()?),
            _ => (host, 80),
        };
        Some(Self {
            addresses: loopback(name)?.into_iter().map(|ip| SocketAddr::new(ip, port)).collect(),
            host: host.to_owned(),
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
            authorization: user_info.map(basic),
        })
    }
}

/// The URL as it is requested and signed: a fragment never leaves the one who requests.
pub(super) fn without_fragment(url: &str) -> &str {
    url.split_once('#').map_or(url, |(url, _)| url)
}

fn loopback(name: &str) -> Option<Vec<IpAddr>> {
    if name.eq_ignore_ascii_case("localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let ip = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(name) => name.parse::<Ipv6Addr>().ok()?.into(),
        None => name.parse::<Ipv4Addr>().ok()?.into(),
    };
    IpAddr::is_loopback(&ip).then(|| vec![ip])
}

fn basic(user_info: &str) -> String {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let mut decoded = decode(user);
    decoded.push(b':');
    decoded.extend(decode(password));
    format!("Basic {}", STANDARD.encode(decoded))
}

/// Percent-decodes; a percent sign without two hex digits after it stands for itself.
fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.extend(before.as_bytes());
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            out.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            out.push(b'%');
            rest = after;
        }
    }
    out.extend(rest.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn loopback_only() {
        let v4 = |port| vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)];
        let v6 = |port| vec![SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port)];
        let both = |port| [v4(port), v6(port)].concat();
        for (url, addresses, host, path) in [
            ("http://127.0.0.1:8080/status", v4(8080), "127.0.0.1:8080", "/status"),
            ("http://127.0.0.1", v4(80), "127.0.0.1", "/"),
            ("HTTP://127.0.0.1:81?a=b", v4(81), "127.0.0.1:81", "/?a=b"),
            ("http://127.0.0.1:81/a?b#c", v4(81), "127.0.0.1:81", "/a?b"),
            ("http://127.0.0.1:81#c/d", v4(81), "127.0.0.1:81", "/"),
            ("http://[::1]:81/a", v6(81), "[::1]:81", "/a"),
            ("http://[::1]/a", v6(80), "[::1]", "/a"),
            ("http://localhost:81/a", both(81), "localhost:81", "/a"),
            ("http://LocalHost/a", both(80), "LocalHost", "/a"),
            ("http://user:pass@127.0.0.1:81/a", v4(81), "127.0.0.1:81", "/a"),
            ("http://a@b@127.0.0.1:81/a@c", v4(81), "127.0.0.1:81", "/a@c"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(target.addresses, addresses, "{url}");
            assert_eq!((target.host.as_str(), target.path.as_str()), (host, path), "{url}");
        }
        for url in [
            "",
            "/status",
            "status",
            "//127.0.0.1/status",
            "https://127.0.0.1/status",
            "https://example.com/status",
            "http://example.com/status",
            "http://127.0.0.1@example.com/",
            "http://127.0.0.1:80@example.com/",
            "http://127.0.0.1.example.com/",
            "http://example.com#@127.0.0.1/",
            "http://example.com?@127.0.0.1/",
            "http://example.com/@127.0.0.1/",
            "http://127.0.0.1\\@example.com/",
            "http://10.0.0.1/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://127.1/",
            "http://localhost.example.com/",
            "http://localhost./",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1:x/",
            "http://127.0.0.1:/",
            "http://:80/",
            "http:///status",
            "http://127.0.0.1/a b",
            "http://127.0.0.1/a\r\nEvil: yes",
            "http://127.0.0.1/é",
            "ftp://127.0.0.1/",
            "http:127.0.0.1",
        ] {
            assert_eq!(Target::parse(url), None, "{url:?}");
        }
    }

    #[test]
    fn user_info_becomes_a_header() {
        for (url, decoded) in [
            ("http://user:pass@127.0.0.1/", "user:pass"),
            ("http://us%65r:p%40ss%3A%2@127.0.0.1/", "user:p@ss:%2"),
            ("http://user@127.0.0.1/", "user:"),
            ("http://%zz%:%@127.0.0.1/", "%zz%:%"),
        ] {
            let header = Target::parse(url).unwrap().authorization.unwrap();
            let encoded = header.strip_prefix("Basic ").unwrap();
            assert_eq!(STANDARD.decode(encoded).unwrap(), decoded.as_bytes(), "{url}");
        }
        assert_eq!(Target::parse("http://127.0.0.1/").unwrap().authorization, None);
    }

    proptest! {
        #[test]
        fn any_text_is_loopback_or_nothing(url in "(http://)?[a-z0-9:@/?#\\[\\]%. \r\n\u{e9}-]{0,30}") {
            if let Some(target) = Target::parse(&url) {
                prop_assert!(target.addresses.iter().all(|address| address.ip().is_loopback()));
                for text in [&target.host, &target.path] {
                    prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
                }
            }
        }
    }
}
