//! The spellings of one URL under which the service may have signed a request.

use std::borrow::Cow;

/// A URL taken apart at the places where its spelling can differ without another meaning.
///
/// Joined in order, the parts are the URL without its fragment, which is never part of a request, and with
/// the scheme in lower case.
pub(crate) struct Spellings<'a> {
    /// Scheme, `://`, and user info with its `@`.
    start: Cow<'a, str>,
    host: &'a str,
    /// The host in lower case, where it is not yet.
    lower_host: Option<String>,
    /// The port with its colon; empty where there is none.
    port: &'a str,
    /// No port for some port; the scheme's own port for none.
    other_port: Option<&'static str>,
    /// Empty, or the slash that is the whole path.
    slash: &'static str,
    /// No path for a slash; a slash for none.
    other_slash: Option<&'static str>,
    /// Path and query.
    rest: &'a str,
}

impl<'a> Spellings<'a> {
    /// How many numbers [`write`](Self::write) takes: three yes-or-no choices.
    pub(crate) const COUNT: u8 = 8;

    /// Takes a URL apart. Text that is no absolute URL has one spelling, its own.
    pub(crate) fn of(url: &'a str) -> Self {
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        split(url).unwrap_or(Self {
            start: Cow::Borrowed(url),
            host: "",
            lower_host: None,
            port: "",
            other_port: None,
            slash: "",
            other_slash: None,
            rest: "",
        })
    }

    /// Appends the spelling of that number, or nothing, with `false`, where the URL has no such spelling.
    ///
    /// Number 0 is the URL as given. The bits choose, from the lowest: the other port, the lower-case host,
    /// the other empty path.
    pub(crate) fn write(&self, number: u8, out: &mut String) -> bool {
        let chosen = |bit: u8| number >> bit & 1 == 1;
        let port = if chosen(0) { self.other_port } else { Some(self.port) };
        let host = if chosen(1) { self.lower_host.as_deref() } else { Some(self.host) };
        let slash = if chosen(2) { self.other_slash } else { Some(self.slash) };
        let (Some(port), Some(host), Some(slash)) = (port, host, slash) else { return false };
        for part in [&self.start, host, port, slash, self.rest] {
            out.push_str(part);
        }
        true
    }
}

fn split(url: &str) -> Option<Spellings<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, rest) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
    let user = authority.rfind('@').map_or(0, |at| at + 1);
    let (start, _) = url.split_at_checked(scheme.len() + "://".len() + user)?;
    let (_, host) = authority.split_at_checked(user)?;
    // The colons of an IPv6 address stand inside its brackets.
    let colon = host.rfind(':').filter(|colon| host.rfind(']').is_none_or(|bracket| bracket < *colon));
    let (host, port) = host.split_at_checked(colon.unwrap_or(host.len()))?;

    let other_port = if !port.is_empty() {
        Some("")
    } else if scheme.eq_ignore_ascii_case("https") {
        Some(":443")
    } else {
        scheme.eq_ignore_ascii_case("http").then_some(":80")
    };
    let start = match start.strip_prefix(scheme) {
        Some(tail) if has_upper(scheme) => Cow::Owned(scheme.to_ascii_lowercase() + tail),
        _ => Cow::Borrowed(start),
    };
    let (slash, other_slash, rest) = match rest.strip_prefix('/') {
        Some(tail) if tail.is_empty() || tail.starts_with('?') => ("/", Some(""), tail),
        Some(_) => ("", None, rest),
        None => ("", Some("/"), rest),
    };
    let lower_host = has_upper(host).then(|| host.to_ascii_lowercase());
    Some(Spellings { start, host, lower_host, port, other_port, slash, other_slash, rest })
}

fn has_upper(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_uppercase())
}

/// The query of a URL without its question mark; empty where there is none.
pub(crate) fn query(url: &str) -> &str {
    let url = url.split_once('#').map_or(url, |(url, _)| url);
    url.split_once('?').map_or("", |(_, query)| query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(url: &str) -> Vec<String> {
        let spellings = Spellings::of(url);
        let mut all = Vec::new();
        for number in 0..Spellings::COUNT {
            let mut out = String::new();
            if spellings.write(number, &mut out) {
                all.push(out);
            }
        }
        all
    }

    #[test]
    fn each_url_has_its_spellings() {
        for (url, expected) in [
            ("https://h.example/a?b=1", &["https://h.example/a?b=1", "https://h.example:443/a?b=1"][..]),
            ("http://h.example/a", &["http://h.example/a", "http://h.example:80/a"]),
            ("https://h.example:443/a", &["https://h.example:443/a", "https://h.example/a"]),
            ("http://h.example:8080/a", &["http://h.example:8080/a", "http://h.example/a"]),
            ("https://h.example:/a", &["https://h.example:/a", "https://h.example/a"]),
            ("https://u:p@h.example/a", &["https://u:p@h.example/a", "https://u:p@h.example:443/a"]),
            ("https://u:p@h.example:444/a", &["https://u:p@h.example:444/a", "https://u:p@h.example/a"]),
            ("https://u@h@h.example/a", &["https://u@h@h.example/a", "https://u@h@h.example:443/a"]),
            ("https://u@p:1@h/a", &["https://u@p:1@h/a", "https://u@p:1@h:443/a"]),
            ("https://[2001:db8::1]/a", &["https://[2001:db8::1]/a", "https://[2001:db8::1]:443/a"]),
            ("https://[2001:db8::1]:8443/a", &["https://[2001:db8::1]:8443/a", "https://[2001:db8::1]/a"]),
            ("https://u:p@[::1]/a:1", &["https://u:p@[::1]/a:1", "https://u:p@[::1]:443/a:1"]),
            ("https://h/a@b:1?c=d:2/@", &["https://h/a@b:1?c=d:2/@", "https://h:443/a@b:1?c=d:2/@"]),
            ("https://h/a?u=http://x:1/", &["https://h/a?u=http://x:1/", "https://h:443/a?u=http://x:1/"]),
            // A fragment does not travel.
            ("https://h/a#rc=2&ct=1000", &["https://h/a", "https://h:443/a"]),
            ("https://h/a?b=1#c?d", &["https://h/a?b=1", "https://h:443/a?b=1"]),
            // An empty path is requested as `/`.
            ("https://h", &["https://h", "https://h:443", "https://h/", "https://h:443/"]),
            (
                "https://h?x=1",
                &["https://h?x=1", "https://h:443?x=1", "https://h/?x=1", "https://h:443/?x=1"],
            ),
            ("https://h:1/", &["https://h:1/", "https://h/", "https://h:1", "https://h"]),
            ("https://h/?x", &["https://h/?x", "https://h:443/?x", "https://h?x", "https://h:443?x"]),
            // Scheme and host mean the same in either case; user info, path and query do not.
            (
                "HTTPS://U@H.Example/A?B",
                &[
                    "https://U@H.Example/A?B",
                    "https://U@H.Example:443/A?B",
                    "https://U@h.example/A?B",
                    "https://U@h.example:443/A?B",
                ],
            ),
            ("https://bücher.example/ä", &["https://bücher.example/ä", "https://bücher.example:443/ä"]),
            // Not what a callback is sent to: taken as it stands.
            ("ftp://h/a", &["ftp://h/a"]),
            ("/relative?x#y", &["/relative?x"]),
            ("", &[""]),
            ("://", &["://", ":///"]),
        ] {
            assert_eq!(all(url), expected, "{url}");
        }
    }

    #[test]
    fn queries() {
        for (url, expected) in [
            ("https://h/a", ""),
            ("https://h/a?", ""),
            ("https://h/a?b=1&c", "b=1&c"),
            ("https://h/a?b?c", "b?c"),
            ("https://h/a?b#c", "b"),
            ("https://h/a#b?c", ""),
        ] {
            assert_eq!(query(url), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_its_own_first_spelling(url in "\\PC{0,40}|(https?|x)://[a-z@:\\[\\]/?.]{0,30}") {
            let without_fragment = url.split('#').next().unwrap();
            let all = all(&url);
            if !has_upper(without_fragment) {
                prop_assert_eq!(&all[0], without_fragment);
            }
            prop_assert!(all.len() <= 8);
            let distinct: std::collections::HashSet<_> = all.iter().collect();
            prop_assert_eq!(distinct.len(), all.len());
        }
    }
}
