//! Reads the body of a response, within limits.

use std::io::Read;

use ureq::Body;
use ureq::http::header::CONTENT_ENCODING;

use super::failure::Failure;
use super::response::Response;
use super::shutdown::Shutdown;
use crate::error::{Error, ErrorKind, Outcome};
use crate::model::ResponseHeaders;

/// The longest body of a response that is read, in bytes.
const MAX_BODY: u64 = 1024 * 1024;

/// Reads the body if it is not too long. Otherwise leaves it unread and closes the connection.
///
/// A response that is not a success means the same with any body, so it keeps the part that could be read.
pub(super) fn read(response: ureq::http::Response<Body>, shutdown: &Shutdown) -> Result<Response, Failure> {
    let (parts, mut body) = response.into_parts();
    let success = parts.status.is_success();
    let length = body.content_length();
    let too_long = length.is_some_and(|length| length > MAX_BODY);
    // There is no need to wait for a body that is refused for its length.
    let limit = if success && too_long { 0 } else { MAX_BODY + 1 };
    let mut bytes = Vec::with_capacity(usize::try_from(length.unwrap_or(0).min(limit)).unwrap_or(0));
    let read = body.as_reader().take(limit).read_to_end(&mut bytes);

    let coding = parts.headers.get(CONTENT_ENCODING);
    let compressed = coding
        .is_some_and(|coding| !coding.is_empty() && !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let too_long = too_long || u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BODY);
    let status = parts.status.as_u16();
    let headers = ResponseHeaders(parts.headers);
    let mut response = Response { status, headers, body: bytes, timed_out: false };
    let unreadable = |reason: String, response| {
        let error = Error::new(ErrorKind::UnexpectedResponse, Outcome::Unknown, reason);
        Err(Failure { partial: Some(Box::new(response)), ..error.into() })
    };
    match read {
        Ok(_) if success && compressed => {
            unreadable("the response is compressed, which was not asked for".to_owned(), response)
        }
        Ok(_) if success && too_long => {
            unreadable(format!("the response is larger than {MAX_BODY} bytes"), response)
        }
        Ok(_) => Ok(response),
        Err(error) if success => Err(Failure::new(error.into(), Some(Box::new(response)), shutdown)),
        Err(error) => {
            let failure = Failure::new(error.into(), None, shutdown);
            response.timed_out = failure.error.is_timeout();
            if failure.error.kind() == ErrorKind::Shutdown { Err(failure) } else { Ok(response) }
        }
    }
}
