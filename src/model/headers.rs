//! The headers of a response.

use std::fmt;

use ureq::http::{HeaderMap, HeaderName};

/// The headers of a response. Names are case-insensitive.
///
/// ```
/// # use twilio_payments::ResponseHeaders;
/// fn print(headers: &ResponseHeaders) {
///     for (name, value) in headers {
///         println!("{name}: {value}");
///     }
/// }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ResponseHeaders(pub(crate) HeaderMap);

impl ResponseHeaders {
    /// Returns the first value of a header, or `None` if it is absent or contains bytes other than visible ASCII.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the `Twilio-Request-Id`. Its name is parsed once, because it is read from every response.
    pub(crate) fn request_id(&self) -> Option<&str> {
        static NAME: HeaderName = HeaderName::from_static("twilio-request-id");
        self.0.get(&NAME).and_then(|value| value.to_str().ok())
    }

    /// Returns every header whose value is visible ASCII. Names are in lower case.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
    }
}

/// The same as [`iter`](ResponseHeaders::iter).
impl<'a> IntoIterator for &'a ResponseHeaders {
    type Item = (&'a str, &'a str);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

/// Shows only the names, because a value may be a secret.
impl fmt::Debug for ResponseHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
