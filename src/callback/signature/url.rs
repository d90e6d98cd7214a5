//! The spellings of a URL with which the service may have signed a request.

use crate::text::url::Url;

/// Returns the spellings of a URL that mean the same, starting with the given one. They have no fragment, which is
/// never part of a request, and the scheme in lower case. Text that is not an absolute URL has one spelling.
///
/// Three things can differ: the port (as given and left out; if there is none, also the default one of the scheme), the
/// host (as given and in lower case), and an empty path (with and without its slash).
pub(super) fn spellings(url: &str) -> impl Iterator<Item = String> {
    let (start, parts) = match Url::split(url) {
        parts @ Url { scheme: Some(scheme), host: Some(_), .. } => {
            let user = parts.user_info.map(|user| format!("{user}@")).unwrap_or_default();
            (format!("{}://{user}", scheme.to_ascii_lowercase()), parts)
        }
        other => (other.before_fragment.to_owned(), Url::default()),
    };
    let host = parts.host.unwrap_or_default();
    let lower_host = Some(host.to_ascii_lowercase()).filter(|lower| *lower != host);
    let port = parts.port.map(|port| format!(":{port}"));
    let other_port = match &port {
        Some(_) => Some(""),
        None if parts.is_https() => Some(":443"),
        None => parts.is_http().then_some(":80"),
    };
    let other_path = match parts.path {
        "" => parts.host.map(|_| "/"),
        "/" => Some(""),
        _ => None,
    };
    let query = parts.before_fragment.get(parts.before_query.len()..).unwrap_or_default();
    (0..8).filter_map(move |number| {
        let other = |bit: u8| number >> bit & 1 == 1;
        let port = if other(0) { other_port? } else { port.as_deref().unwrap_or_default() };
        let host = if other(1) { lower_host.as_deref()? } else { host };
        let path = if other(2) { other_path? } else { parts.path };
        Some([&start, host, port, path, query].concat())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(url: &str) -> Vec<String> {
        spellings(url).collect()
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
            // A fragment is not sent.
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
            // Callbacks are not sent to these, so they are taken as they are.
            ("ftp://h/a", &["ftp://h/a"]),
            ("/relative?x#y", &["/relative?x"]),
            ("//h:80/?x#y", &["//h:80/?x"]),
            ("x:?y", &["x:?y"]),
            ("", &[""]),
            ("://", &["://", ":///"]),
        ] {
            assert_eq!(all(url), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_its_own_first_spelling(url in "\\PC{0,40}|((https?|x):)?//[a-z@:\\[\\]/?.]{0,30}") {
            let without_fragment = url.split('#').next().unwrap();
            let all = all(&url);
            if !without_fragment.bytes().any(|b| b.is_ascii_uppercase()) {
                prop_assert_eq!(&all[0], without_fragment);
            }
            prop_assert!(all.len() <= 8);
            let distinct: std::collections::HashSet<_> = all.iter().collect();
            prop_assert_eq!(distinct.len(), all.len());
        }
    }
}
