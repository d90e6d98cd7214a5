//! Requests, and the reading of their heads.

use httparse::{EMPTY_HEADER, Error, Status};

use super::chunked::Chunked;
use super::interruption::Interruption;
use super::limits::Limits;
use crate::text::url::Url;

/// A request with more headers than this gets a 431 response.
const MAX_HEADERS: usize = 100;

/// A complete request.
pub(crate) struct Request {
    /// The method, such as `POST`.
    pub(crate) method: String,
    /// The path and the query, as they were sent, or `*` for an `OPTIONS` request.
    pub(crate) target: String,
    headers: Vec<(String, Vec<u8>)>,
    /// The decoded body.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Returns the first value of a header, whose name is case-insensitive. `None` if it is absent or not visible
    /// ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.values(name).next().and_then(visible)
    }

    /// Returns the value of a header that was sent once. If there are two, neither can be trusted.
    pub(crate) fn only_header(&self, name: &str) -> Option<&str> {
        self.header(name).filter(|_| self.values(name).count() == 1)
    }

    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// Returns whether a header is a list that contains a token.
    fn has_token(&self, name: &str, token: &str) -> bool {
        let words = self.values(name).filter_map(visible).flat_map(|value| value.split(','));
        words.map(str::trim).any(|word| word.eq_ignore_ascii_case(token))
    }
}

/// A request whose body is still arriving, and what its head says about the connection. Reading it needs neither a
/// socket nor a clock.
pub(super) struct Incoming {
    pub(super) request: Request,
    framing: Framing,
    /// Whether the peer keeps the connection open.
    pub(super) keep: bool,
    /// Whether it is HTTP/1.0, so that the response must say that the connection is kept.
    pub(super) is_http_1_0: bool,
    /// Whether the peer waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
}

/// The rest of a body.
enum Framing {
    Length(usize),
    Chunked(Chunked),
}

impl Incoming {
    /// Takes the head of a request from `input`, or returns `None` if it is not complete.
    ///
    /// # Errors
    /// Returns 400 if the bytes are not a request, 413 if its body is too long, and 431 if its head is too long.
    pub(super) fn take(input: &mut Vec<u8>, limits: &Limits) -> Result<Option<Self>, Interruption> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(input) {
            Ok(Status::Complete(length)) if length <= limits.max_head => length,
            Ok(Status::Partial) if input.len() < limits.max_head => return Ok(None),
            Ok(_) | Err(Error::TooManyHeaders) => return Err(Interruption::Refused(431)),
            Err(_) => return Err(Interruption::Refused(400)),
        };
        let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(Interruption::Refused(400));
        };
        let is_http_1_0 = version == 0;
        let headers = parsed.headers.iter().map(|header| (header.name.to_owned(), header.value.to_vec()));
        let request = Request {
            method: method.to_owned(),
            target: path_and_query(method, target).ok_or(Interruption::Refused(400))?,
            headers: headers.collect(),
            body: Vec::new(),
        };
        let framing = framing(&request, is_http_1_0, limits.max_body)?;
        let close = request.has_token("Connection", "close");
        let keep = !close && (!is_http_1_0 || request.has_token("Connection", "keep-alive"));
        let expects_continue = !is_http_1_0 && request.has_token("Expect", "100-continue");
        input.drain(..length);
        Ok(Some(Self { request, framing, keep, is_http_1_0, expects_continue }))
    }

    /// Takes the body from `input`, and returns whether it is complete. What follows the body stays in `input`.
    ///
    /// # Errors
    /// Returns the same errors as [`Chunked::decode`].
    pub(super) fn take_body(&mut self, input: &mut Vec<u8>) -> Result<bool, Interruption> {
        let body = &mut self.request.body;
        match &mut self.framing {
            Framing::Length(left) => {
                let used = input.len().min(*left);
                body.extend(input.drain(..used));
                *left -= used;
                Ok(*left == 0)
            }
            Framing::Chunked(chunked) => {
                let used = chunked.decode(input, body)?;
                input.drain(..used);
                Ok(chunked.is_complete())
            }
        }
    }
}

fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = value.iter().all(|b| matches!(b, b'\t' | b' '..=b'~'));
    std::str::from_utf8(value).ok().filter(|_| is_visible)
}

/// Returns the path and the query of a target, which may be a whole URL, or `None` if it has another form.
fn path_and_query(method: &str, target: &str) -> Option<String> {
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Some(target.to_owned());
    }
    let url = Url::split(target);
    url.host.filter(|host| !host.is_empty() && (url.is_http() || url.is_https()))?;
    let slash = if url.path.is_empty() { "/" } else { "" };
    target.get(url.before_path.len()..).map(|rest| [slash, rest].concat())
}

/// Returns how the body is delimited. Anything that a proxy in front might read differently is refused.
fn framing(request: &Request, is_http_1_0: bool, max_body: usize) -> Result<Framing, Interruption> {
    let hosts = request.values("Host").count();
    if hosts > 1 || (hosts == 0 && !is_http_1_0) {
        return Err(Interruption::Refused(400));
    }
    let mut lengths = request.values("Content-Length");
    let mut codings = request.values("Transfer-Encoding");
    match (lengths.next(), lengths.next(), codings.next(), codings.next()) {
        (None, None, None, None) => Ok(Framing::Length(0)),
        (Some(length), None, None, None) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            // If the digits do not fit into a number, the length is beyond any limit.
            let length = std::str::from_utf8(length).ok().and_then(|digits| digits.parse().ok());
            length.filter(|length| *length <= max_body).map(Framing::Length).ok_or(Interruption::Refused(413))
        }
        (None, None, Some(coding), None) if !is_http_1_0 && coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Framing::Chunked(Chunked::new(max_body)))
        }
        _ => Err(Interruption::Refused(400)),
    }
}
