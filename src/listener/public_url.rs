//! The URL that the service requested, for a request that arrived here.

use std::borrow::Cow;

use crate::callback::CallbackError;

const FIELD: &str = "public_url";

/// The URL under which the service reaches a listener.
#[derive(Clone)]
pub(super) struct PublicUrl {
    given: String,
    /// How much of it comes before its query.
    before_query: usize,
    /// How much of it comes before its fragment.
    before_fragment: usize,
    /// What arrives is appended to it.
    base: bool,
}

impl PublicUrl {
    /// Takes an absolute http or https URL.
    ///
    /// # Errors
    /// Where it is none, or holds white space or control characters.
    pub(super) fn new(given: String) -> Result<Self, CallbackError> {
        let refusal = |reason| Err(CallbackError::invalid(FIELD, reason));
        if given.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return refusal("holds white space or a control character");
        }
        let Some((scheme, rest)) = given.split_once("://") else { return refusal("not an absolute URL") };
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return refusal("neither https nor http");
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.is_empty() || host.starts_with(':') {
            return refusal("without a host");
        }
        let before_fragment = given.find('#').unwrap_or(given.len());
        let before_query = given.find('?').unwrap_or(before_fragment).min(before_fragment);
        let has_query = before_query < before_fragment;
        let path = rest.get(authority.len()..before_query - (given.len() - rest.len())).unwrap_or_default();
        let base = !has_query && (path.is_empty() || path.ends_with('/'));
        Ok(Self { given, before_query, before_fragment, base })
    }

    /// The URL as it was given.
    pub(super) fn as_str(&self) -> &str {
        &self.given
    }

    /// The URL for the service, with a fragment that asks for retries, unless it has one of its own.
    pub(super) fn with_retries(&self) -> String {
        let fragment = if self.before_fragment == self.given.len() { "#rc=5&rp=all" } else { "" };
        [self.as_str(), fragment].concat()
    }

    /// The URL that the service requested, where `target` arrived: path and query.
    pub(super) fn requested(&self, target: &str) -> Cow<'_, str> {
        let before = |end: usize| self.given.get(..end).unwrap_or_default();
        if self.base {
            return Cow::Owned([before(self.before_query).trim_end_matches('/'), target].concat());
        }
        match target.split_once('?') {
            Some((_, query)) => Cow::Owned([before(self.before_query), "?", query].concat()),
            None => Cow::Borrowed(before(self.before_fragment)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_put_in_its_place() {
        for (given, target, requested) in [
            // A base: everything follows it.
            ("https://pay.example.com", "/", "https://pay.example.com/"),
            ("https://pay.example.com", "/status?order=7", "https://pay.example.com/status?order=7"),
            ("https://pay.example.com/", "/status?order=7", "https://pay.example.com/status?order=7"),
            ("https://u:p@pay.example.com:8443/", "/a%20b/", "https://u:p@pay.example.com:8443/a%20b/"),
            ("https://pay.example.com/hooks/", "/status", "https://pay.example.com/hooks/status"),
            ("https://pay.example.com/", "//x", "https://pay.example.com//x"),
            ("https://pay.example.com/#rc=2", "/a", "https://pay.example.com/a"),
            ("https://pay.example.com#rc=2", "/a", "https://pay.example.com/a"),
            ("https://[2001:db8::1]", "/a", "https://[2001:db8::1]/a"),
            // One URL: only the query may differ.
            ("https://pay.example.com/status", "/status", "https://pay.example.com/status"),
            ("https://pay.example.com/status", "/inner?order=7", "https://pay.example.com/status?order=7"),
            ("https://pay.example.com/status", "/status?", "https://pay.example.com/status?"),
            ("https://pay.example.com/status?shop=1", "/status", "https://pay.example.com/status?shop=1"),
            (
                "https://pay.example.com/status?shop=1",
                "/status?shop=2",
                "https://pay.example.com/status?shop=2",
            ),
            ("https://pay.example.com/?shop=1", "/x", "https://pay.example.com/?shop=1"),
            ("https://pay.example.com/status#rc=2", "/status?a", "https://pay.example.com/status?a"),
            ("https://pay.example.com/status#a?b/", "/status", "https://pay.example.com/status"),
            ("HTTP://pay.example.com/status", "/status", "HTTP://pay.example.com/status"),
        ] {
            let url = PublicUrl::new(given.to_owned()).unwrap();
            assert_eq!(url.requested(target), requested, "{given} {target}");
            assert_eq!(url.as_str(), given);
        }
    }

    #[test]
    fn what_is_no_public_url_is_refused() {
        for (given, reason) in [
            ("", "not an absolute URL"),
            ("/status", "not an absolute URL"),
            ("pay.example.com/status", "not an absolute URL"),
            ("ftp://pay.example.com", "neither https nor http"),
            ("https://", "without a host"),
            ("https:///status", "without a host"),
            ("https://u:p@/status", "without a host"),
            ("https://:443/status", "without a host"),
            ("https://?x", "without a host"),
            ("https://pay.example.com/a b", "holds white space or a control character"),
            ("https://pay.example.com/\n", "holds white space or a control character"),
        ] {
            let error = PublicUrl::new(given.to_owned()).err().unwrap();
            assert_eq!(error.to_string(), format!("invalid public_url: {reason}"), "{given}");
        }
    }
}
