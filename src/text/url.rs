//! The URL splitter. It decodes nothing, and refuses nothing.

use std::net::{IpAddr, Ipv6Addr};

/// An absolute URL or a relative reference, as slices of its text.
///
/// The parts are not decoded. Any text has parts, so the code that uses them must check whether they are valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    /// The text before the first colon, if no `/`, `?` or `#` comes before the colon.
    pub(crate) scheme: Option<&'a str>,
    /// User info without its `@`.
    pub(crate) user_info: Option<&'a str>,
    /// The host, with the brackets of an IPv6 address. `None` if there is no `//`; it can be empty.
    pub(crate) host: Option<&'a str>,
    /// The port without its colon; it can be empty.
    pub(crate) port: Option<&'a str>,
    pub(crate) path: &'a str,
    /// The query without its `?`.
    pub(crate) query: Option<&'a str>,
    /// The fragment without its `#`.
    pub(crate) fragment: Option<&'a str>,
    /// Scheme, user info, host and port, and the separators between them.
    pub(crate) before_path: &'a str,
    /// The URL without its query and fragment.
    pub(crate) before_query: &'a str,
    /// The URL without its fragment, as it is requested and signed.
    pub(crate) before_fragment: &'a str,
}

impl<'a> Url<'a> {
    pub(crate) fn split(url: &'a str) -> Self {
        let (before_fragment, fragment) = cut_at(url, '#');
        let (before_query, query) = cut_at(before_fragment, '?');
        let (scheme, rest) = match before_query.split_once(':') {
            Some((scheme, rest)) if !scheme.contains('/') => (Some(scheme), rest),
            _ => (None, before_query),
        };
        let mut parts = Self { scheme, query, fragment, before_query, before_fragment, ..Self::default() };
        let Some(rest) = rest.strip_prefix("//") else {
            (parts.before_path, parts.path) = before_query.split_at(before_query.len() - rest.len());
            return parts;
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user_info, host) = match authority.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info), host),
            None => (None, authority),
        };
        // The colons of an IPv6 address are inside its brackets.
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (host, None),
        };
        let before_path = before_query.strip_suffix(path).unwrap_or(before_query);
        Self { user_info, host: Some(host), port, path, before_path, ..parts }
    }

    /// Returns whether the scheme is `https`, in either case.
    pub(crate) fn is_https(&self) -> bool {
        self.scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
    }

    /// Returns whether the scheme is `http`, in either case.
    pub(crate) fn is_http(&self) -> bool {
        self.scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("http"))
    }
}

/// Splits off the text after the first separator.
fn cut_at(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Returns a host without the brackets of an IPv6 address.
pub(crate) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Returns the IP address that a URL's host is, if it is one: IPv6 in brackets, IPv4 without.
pub(crate) fn ip_address(host: &str) -> Option<IpAddr> {
    let bare = without_brackets(host);
    if bare.len() < host.len() { bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6) } else { host.parse().ok() }
}

/// Returns whether a URL's host is this machine, judged by its name without a look-up.
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || ip_address(host).is_some_and(|ip| ip.is_loopback())
}

/// Returns a URL that may be shown: user info, query and fragment are replaced.
pub(crate) fn url_without_secrets(url: &str) -> String {
    let Url { host, before_query, .. } = Url::split(url);
    let query = if before_query.len() < url.len() { "?…" } else { "" };
    // Without `//` there is no user info, but text that looks like user info may have been meant as such.
    let (scheme, rest) = match before_query.split_once("//") {
        Some((scheme, rest)) if host.is_some() => (format!("{scheme}//"), rest),
        _ => (String::new(), before_query),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}…@{host}{path}{query}"),
        None => format!("{before_query}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn absolute_urls() {
        for (url, scheme, user_info, host, port, path, query, fragment) in [
            ("https://h.example/a", "https", None, "h.example", None, "/a", None, None),
            ("HTTP://h", "HTTP", None, "h", None, "", None, None),
            (
                "https://u:p@h:8443/a?b=1#c",
                "https",
                Some("u:p"),
                "h",
                Some("8443"),
                "/a",
                Some("b=1"),
                Some("c"),
            ),
            ("https://u@x@h/", "https", Some("u@x"), "h", None, "/", None, None),
            ("https://u@p:1@h/a", "https", Some("u@p:1"), "h", None, "/a", None, None),
            ("https://@h", "https", Some(""), "h", None, "", None, None),
            ("https://[::1]/a", "https", None, "[::1]", None, "/a", None, None),
            ("https://u:p@[::1]:81/a:1", "https", Some("u:p"), "[::1]", Some("81"), "/a:1", None, None),
            ("https://h:/", "https", None, "h", Some(""), "/", None, None),
            ("https://:443/", "https", None, "", Some("443"), "/", None, None),
            ("https://", "https", None, "", None, "", None, None),
            ("https:///a", "https", None, "", None, "/a", None, None),
            ("https://h?a@b:1", "https", None, "h", None, "", Some("a@b:1"), None),
            ("https://h#a@b:1/?c", "https", None, "h", None, "", None, Some("a@b:1/?c")),
            (
                "https://h/a@b:1?u=http://x:1/",
                "https",
                None,
                "h",
                None,
                "/a@b:1",
                Some("u=http://x:1/"),
                None,
            ),
            ("https://h/?#", "https", None, "h", None, "/", Some(""), Some("")),
            ("http://127.0.0.1\\@h/", "http", Some("127.0.0.1\\"), "h", None, "/", None, None),
        ] {
            let parts = Url::split(url);
            assert_eq!((parts.scheme, parts.user_info), (Some(scheme), user_info), "{url}");
            assert_eq!((parts.host, parts.port), (Some(host), port), "{url}");
            assert_eq!((parts.path, parts.query, parts.fragment), (path, query, fragment), "{url}");
        }
    }

    #[test]
    fn relative_references_and_other_text() {
        for (url, scheme, host, path) in [
            ("", None, None, ""),
            ("/a", None, None, "/a"),
            ("a/b", None, None, "a/b"),
            ("./a:b", None, None, "./a:b"),
            ("?a:b", None, None, ""),
            ("#a:b", None, None, ""),
            ("//h/a", None, Some("h"), "/a"),
            ("mailto:a@b", Some("mailto"), None, "a@b"),
            ("h:8080/a", Some("h"), None, "8080/a"),
            ("http:h", Some("http"), None, "h"),
            ("http:/h", Some("http"), None, "/h"),
            ("://", Some(""), Some(""), ""),
            (":", Some(""), None, ""),
        ] {
            let parts = Url::split(url);
            assert_eq!((parts.scheme, parts.host, parts.path), (scheme, host, path), "{url}");
        }
    }

    #[test]
    fn hosts_of_this_machine() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "[]",
            "[127.0.0.1]",
            "localhost.",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0.0.0.0",
            "[::]",
            "[::2]",
            "[::ffff:127.0.0.1]",
            "[::1",
            "::1]",
            "[localhost]",
            "10.0.0.1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
        assert_eq!(
            [without_brackets("[::1]"), without_brackets("h"), without_brackets("[h")],
            ["::1", "h", "[h"]
        );
    }

    #[test]
    fn urls_are_shown_without_user_and_query() {
        for (url, shown) in [
            ("https://example.com/a", "https://example.com/a"),
            ("https://u:p@example.com/a?t=1", "https://…@example.com/a?…"),
            ("https://u:p@example.com", "https://…@example.com"),
            ("https://u:p@[::1]:81/a", "https://…@[::1]:81/a"),
            ("https://example.com/a@b", "https://example.com/a@b"),
            ("/relative?x", "/relative?…"),
            ("//u@h/x#f", "//…@h/x?…"),
            ("u:p@example.com/a", "…@example.com/a"),
            ("", ""),
        ] {
            assert_eq!(url_without_secrets(url), shown);
        }
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(url in "\\PC{0,40}|(https?:|x:)?(//)?[a-z@:\\[\\]/?#.]{0,30}") {
            let parts = Url::split(&url);
            let [query, fragment] = [("?", parts.query), ("#", parts.fragment)]
                .map(|(mark, part)| part.map_or(String::new(), |part| format!("{mark}{part}")));
            prop_assert_eq!(format!("{}{}", parts.before_path, parts.path), parts.before_query);
            prop_assert_eq!(format!("{}{query}", parts.before_query), parts.before_fragment);
            prop_assert_eq!(format!("{}{fragment}", parts.before_fragment), url.as_str());
            let scheme = parts.scheme.map_or(String::new(), |scheme| format!("{scheme}:"));
            let user_info = parts.user_info.map_or(String::new(), |user_info| format!("{user_info}@"));
            let port = parts.port.map_or(String::new(), |port| format!(":{port}"));
            let authority = parts.host.map_or(String::new(), |host| format!("//{user_info}{host}{port}"));
            prop_assert_eq!(format!("{scheme}{authority}"), parts.before_path);
        }
    }
}
