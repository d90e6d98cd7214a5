//! One attempt to deliver a callback: a POST to this machine.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Uri;
use ureq::{Agent, Error, Timeout};

use crate::callback::CallbackFailure;
use crate::text::form::decoded;
use crate::text::url::{Url, is_loopback};
use crate::transport;

/// How long to wait for the rest of a response once its status is known. Closing earlier would look like a failure to
/// the receiver.
const BODY_TIME: Duration = Duration::from_millis(100);
/// How much of a response is read.
const MAX_READ: u64 = 64 * 1024;

/// The target of a callback: an http URL on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The URL as it is requested and signed: without its fragment, and with a path.
    pub(super) signed: String,
    /// The same without user info, which is sent in a header.
    uri: Uri,
    authorization: Option<String>,
}

impl Target {
    /// Returns `None` if the URL is not http, is not on loopback, or cannot be requested. `localhost` is the only name
    /// that counts as loopback.
    pub(super) fn of(url: &str) -> Option<Self> {
        let parts = Url::split(url);
        let host = parts.host.filter(|host| parts.is_http() && is_loopback(host))?;
        // The program must see the URL as it was given, so nothing is escaped here.
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let port = match parts.port {
            Some(port) => format!(":{}", port.parse::<u16>().ok()?),
            None => String::new(),
        };
        let path = if parts.path.is_empty() { "/" } else { parts.path };
        let query = parts.before_fragment.get(parts.before_query.len()..)?;
        Some(Self {
            signed: [parts.before_path, path, query].concat(),
            uri: format!("http://{host}{port}{path}{query}").parse().ok()?,
            authorization: parts.user_info.map(basic),
        })
    }
}

/// Returns the header for a URL's user info.
fn basic(user_info: &str) -> String {
    // In user info a plus is a plus.
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let [user, password] = [user, password].map(|text| text.replace('+', "%2B"));
    let credentials = format!("{}:{}", decoded(user.as_bytes()), decoded(password.as_bytes()));
    format!("Basic {}", STANDARD.encode(credentials))
}

/// Makes an agent that uses no proxy and follows no redirect, so that it never connects to another machine.
pub(super) fn agent() -> Agent {
    transport::config()
        .user_agent(concat!("twilio-payments-sandbox/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Sends a form, and returns the status of the response. The three timeouts are for connecting, for the response, and
/// for both together.
pub(super) fn post(
    agent: &Agent,
    target: &Target,
    headers: &[(&str, &str)],
    form: &str,
    [connect, read, total]: [Duration; 3],
) -> Result<u16, CallbackFailure> {
    let mut request = agent
        .post(&target.uri)
        .config()
        .timeout_connect(Some(connect))
        .timeout_recv_response(Some(read))
        .timeout_recv_body(Some(BODY_TIME))
        .timeout_global(Some(total))
        .build()
        .header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
        .header("Connection", "close");
    if let Some(authorization) = &target.authorization {
        request = request.header("Authorization", authorization);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    match request.send(form) {
        Ok(mut response) => {
            let _ = response.body_mut().with_config().limit(MAX_READ).read_to_vec();
            Ok(response.status().as_u16())
        }
        Err(error) => Err(failure(&error)),
    }
}

fn failure(error: &Error) -> CallbackFailure {
    use std::io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
    let unreachable = [AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable];
    match error {
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => CallbackFailure::Connect,
        Error::Io(error) if unreachable.contains(&error.kind()) => CallbackFailure::Connect,
        Error::Timeout(_) => CallbackFailure::ReadTimeout,
        _ => CallbackFailure::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn loopback_only() {
        for (url, signed, uri) in [
            ("http://127.0.0.1:8080/status", "http://127.0.0.1:8080/status", "http://127.0.0.1:8080/status"),
            ("http://127.0.0.1", "http://127.0.0.1/", "http://127.0.0.1/"),
            ("HTTP://127.0.0.1:81?a=b", "HTTP://127.0.0.1:81/?a=b", "http://127.0.0.1:81/?a=b"),
            ("http://127.0.0.1:81/a?b#c", "http://127.0.0.1:81/a?b", "http://127.0.0.1:81/a?b"),
            ("http://127.0.0.1:81#c/d", "http://127.0.0.1:81/", "http://127.0.0.1:81/"),
            ("http://[::1]:81/a", "http://[::1]:81/a", "http://[::1]:81/a"),
            ("http://[::1]/a", "http://[::1]/a", "http://[::1]/a"),
            ("http://localhost:81/a", "http://localhost:81/a", "http://localhost:81/a"),
            ("http://LocalHost/a", "http://LocalHost/a", "http://LocalHost/a"),
            ("http://user:pass@127.0.0.1:81/a", "http://user:pass@127.0.0.1:81/a", "http://127.0.0.1:81/a"),
            ("http://a@b@127.0.0.1:81/a@c", "http://a@b@127.0.0.1:81/a@c", "http://127.0.0.1:81/a@c"),
        ] {
            let target = Target::of(url).unwrap();
            assert_eq!((target.signed.as_str(), target.uri), (signed, uri.parse().unwrap()), "{url}");
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
            assert_eq!(Target::of(url), None, "{url:?}");
        }
    }

    #[test]
    fn user_info_becomes_a_header() {
        for (url, credentials) in [
            ("http://user:pass@127.0.0.1/", "user:pass"),
            ("http://us%65r:p%40ss%3A%2@127.0.0.1/", "user:p@ss:%2"),
            ("http://user@127.0.0.1/", "user:"),
            ("http://%zz%:%@127.0.0.1/", "%zz%:%"),
            ("http://a+b:c+d@127.0.0.1/", "a+b:c+d"),
        ] {
            let header = Target::of(url).unwrap().authorization.unwrap();
            let encoded = header.strip_prefix("Basic ").unwrap();
            assert_eq!(STANDARD.decode(encoded).unwrap(), credentials.as_bytes(), "{url}");
        }
        assert_eq!(Target::of("http://127.0.0.1/").unwrap().authorization, None);
    }

    proptest! {
        #[test]
        fn any_text_is_loopback_or_nothing(url in "(http://)?[a-z0-9:@/?#\\[\\]%. \r\n\u{e9}-]{0,30}") {
            if let Some(target) = Target::of(&url) {
                prop_assert!(is_loopback(target.uri.host().unwrap()));
                prop_assert_eq!(target.uri.scheme_str(), Some("http"));
            }
        }
    }
}
