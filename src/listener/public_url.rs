//! Derives the URL that the service requested from the request that arrived.

use std::borrow::Cow;

use crate::callback::{CallbackError, CallbackRetries};
use crate::text::url::Url;

/// The URL at which the service reaches a listener, absolute and with a host.
#[derive(Clone)]
pub(super) struct PublicUrl {
    /// The URL as it was set.
    pub(super) given: String,
    /// The URL with a fragment that asks for retries, unless it has a fragment.
    pub(super) for_service: String,
}

impl PublicUrl {
    /// Accepts an absolute http or https URL.
    ///
    /// # Errors
    /// Returns an error if it is not one, or contains white space or control characters.
    pub(super) fn new(given: String) -> Result<Self, CallbackError> {
        let refusal = |reason| Err(CallbackError::invalid("public_url", reason));
        if given.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return refusal("contains white space or a control character");
        }
        let url = Url::split(&given);
        match url.host {
            Some(_) if !url.is_http() && !url.is_https() => return refusal("neither https nor http"),
            Some("") => return refusal("has no host"),
            Some(_) => {}
            None => return refusal("not an absolute URL"),
        }
        let for_service = match url.fragment {
            Some(_) => given.clone(),
            None => CallbackRetries::most().url(&given)?,
        };
        Ok(Self { given, for_service })
    }

    /// Returns the URL that the service requested if `target`, a path and query, arrived.
    pub(super) fn requested(&self, target: &str) -> Cow<'_, str> {
        let url = Url::split(&self.given);
        if url.query.is_none() && (url.path.is_empty() || url.path.ends_with('/')) {
            return Cow::Owned([url.before_query.trim_end_matches('/'), target].concat());
        }
        match target.split_once('?') {
            Some((_, query)) => Cow::Owned([url.before_query, "?", query].concat()),
            None => Cow::Borrowed(url.before_fragment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_that_arrive_are_used() {
        for (given, target, requested) in [
            // It is a base URL: path and query follow it.
            ("https://pay.example.com", "/", "https://pay.example.com/"),
            ("https://pay.example.com", "/status?order=7", "https://pay.example.com/status?order=7"),
            ("https://pay.example.com/", "/status?order=7", "https://pay.example.com/status?order=7"),
            ("https://u:p@pay.example.com:8443/", "/a%20b/", "https://u:p@pay.example.com:8443/a%20b/"),
            ("https://pay.example.com/hooks/", "/status", "https://pay.example.com/hooks/status"),
            ("https://pay.example.com/", "//x", "https://pay.example.com//x"),
            ("https://pay.example.com/#rc=2", "/a", "https://pay.example.com/a"),
            ("https://pay.example.com#rc=2", "/a", "https://pay.example.com/a"),
            ("https://[2001:db8::1]", "/a", "https://[2001:db8::1]/a"),
            // It is the only URL: just the query may differ.
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
            assert_eq!(url.given, given);
        }
    }

    #[test]
    fn texts_that_are_not_public_urls_are_refused() {
        for (given, reason) in [
            ("", "not an absolute URL"),
            ("/status", "not an absolute URL"),
            ("pay.example.com/status", "not an absolute URL"),
            ("ftp://pay.example.com", "neither https nor http"),
            ("https://", "has no host"),
            ("https:///status", "has no host"),
            ("https://u:p@/status", "has no host"),
            ("https://:443/status", "has no host"),
            ("https://?x", "has no host"),
            ("https://pay.example.com/a b", "contains white space or a control character"),
            ("https://pay.example.com/\n", "contains white space or a control character"),
        ] {
            let error = PublicUrl::new(given.to_owned()).err().unwrap();
            assert_eq!(error.to_string(), format!("invalid public_url: {reason}"), "{given}");
        }
    }
}
