//! Requests, and how their heads are read.

use httparse::{EMPTY_HEADER, Error, Status};

use super::Limits;

/// More headers than this are answered 431.
const MAX_HEADERS: usize = 100;

/// A complete request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The method, such as `POST`.
    pub(crate) fn method(&self) -> &str {
        &self.method
    }

    /// The path and the query, as they were sent; `*` of an `OPTIONS` request.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// The first value of a header, in any case of its name; `None` also if it is not visible ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.values(name).next().and_then(visible)
    }

    /// How many times a header was sent.
    pub(crate) fn header_count(&self, name: &str) -> usize {
        self.values(name).count()
    }

    /// The body, out of its transfer coding.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice())
    }

    /// Whether a header is a list that holds a token.
    fn has_token(&self, name: &str, token: &str) -> bool {
        let words = self.values(name).filter_map(visible).flat_map(|value| value.split(','));
        words.map(str::trim).any(|word| word.eq_ignore_ascii_case(token))
    }
}

/// The status with which something that is not a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) u16);

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
}

/// A request whose body is still to come, and what its head says of the connection.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Request,
    pub(super) framing: Framing,
    /// The peer keeps the connection open.
    pub(super) keep: bool,
    /// HTTP/1.0, which must be told that the connection is kept.
    pub(super) old: bool,
    /// The peer waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
}

impl Head {
    /// Reads the head that `bytes` begin with, and returns it with its length; `None` if it is not complete.
    ///
    /// # Errors
    /// 400 if the bytes are not a request, 413 if its body is too long, 431 if its head is.
    pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Option<(Self, usize)>, Refusal> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(Status::Complete(length)) if length <= limits.max_head => length,
            Ok(Status::Partial) if bytes.len() < limits.max_head => return Ok(None),
            Ok(_) | Err(Error::TooManyHeaders) => return Err(Refusal(431)),
            Err(_) => return Err(Refusal(400)),
        };
        let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(Refusal(400));
        };
        let old = version == 0;
        let request = Request {
            method: method.to_owned(),
            target: path_and_query(method, target).ok_or(Refusal(400))?,
            headers: parsed
                .headers
                .iter()
                .map(|header| (header.name.to_owned(), header.value.to_vec()))
                .collect(),
            body: Vec::new(),
        };
        let framing = framing(&request, old, limits.max_body)?;
        let close = request.has_token("Connection", "close");
        let keep = !close && (!old || request.has_token("Connection", "keep-alive"));
        let expects_continue = !old && request.has_token("Expect", "100-continue");
        Ok(Some((Self { request, framing, keep, old, expects_continue }, length)))
    }
}

fn visible(value: &[u8]) -> Option<&str> {
    let is_visible = value.iter().all(|b| matches!(b, b'\t' | b' '..=b'~'));
    std::str::from_utf8(value).ok().filter(|_| is_visible)
}

/// The path and the query of a target, which may be a whole URL; `None` if it has another form.
fn path_and_query(method: &str, target: &str) -> Option<String> {
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Some(target.to_owned());
    }
    let (scheme, rest) = target.split_once("://")?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let slash = if rest.starts_with('/') { "" } else { "/" };
    (is_http && !authority.is_empty()).then(|| [slash, rest].concat())
}

/// How the body is delimited. Anything about which a proxy in front might think otherwise is refused.
fn framing(request: &Request, old: bool, max_body: usize) -> Result<Framing, Refusal> {
    let hosts = request.header_count("Host");
    if hosts > 1 || (hosts == 0 && !old) {
        return Err(Refusal(400));
    }
    let mut lengths = request.values("Content-Length");
    let mut codings = request.values("Transfer-Encoding");
    match (lengths.next(), lengths.next(), codings.next(), codings.next()) {
        (None, None, None, None) => Ok(Framing::Length(0)),
        (Some(length), None, None, None) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            // Digits that do not fit into a number are a length beyond any limit.
            let length = std::str::from_utf8(length).ok().and_then(|digits| digits.parse().ok());
            length.filter(|length| *length <= max_body).map(Framing::Length).ok_or(Refusal(413))
        }
        (None, None, Some(coding), None) if !old && coding.eq_ignore_ascii_case(b"chunked") => {
            Ok(Framing::Chunked)
        }
        _ => Err(Refusal(400)),
    }
}
