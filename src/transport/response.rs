//! One response, read within limits.

use std::io::Read;

use ureq::Body;
use ureq::http::header::CONTENT_ENCODING;

use super::Transport;
use super::failure::{Failure, Reason};
use crate::model::ResponseHeaders;

/// The longest body of a response that is read, in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// One response, whatever its status.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: ResponseHeaders,
    pub(crate) body: Vec<u8>,
    /// Whether only the beginning of the body arrived in time. Never set for a success.
    pub(crate) timed_out: bool,
}

impl Transport {
    /// Reads the body if it is not too long. Otherwise leaves it unread and closes the connection.
    ///
    /// A response that is not a success means the same with any body, so it keeps the part that could be read.
    pub(super) fn read(&self, response: ureq::http::Response<Body>) -> Result<Response, Failure> {
        let (parts, mut body) = response.into_parts();
        let success = parts.status.is_success();
        let length = body.content_length().and_then(|length| usize::try_from(length).ok());
        let too_long = length.is_some_and(|length| length > MAX_BODY);
        // There is no need to wait for a body that is refused for its length.
        let limit = if success && too_long { 0 } else { MAX_BODY + 1 };
        let mut bytes = Vec::with_capacity(length.unwrap_or(0).min(limit));
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let read = body.as_reader().take(limit).read_to_end(&mut bytes);

        let coding = parts.headers.get(CONTENT_ENCODING);
        let compressed = coding
            .is_some_and(|coding| !coding.is_empty() && !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
        let too_long = too_long || bytes.len() > MAX_BODY;
        let status = parts.status.as_u16();
        let headers = ResponseHeaders(parts.headers);
        let mut response = Response { status, headers, body: bytes, timed_out: false };
        let unreadable = |reason, response| {
            let partial = Some(Box::new(response));
            Err(Failure { partial, ..Reason::Unreadable(reason).into() })
        };
        match read {
            Ok(_) if success && compressed => {
                unreadable("the response is compressed, which was not asked for".to_owned(), response)
            }
            Ok(_) if success && too_long => {
                unreadable(format!("the response is larger than {MAX_BODY} bytes"), response)
            }
            Ok(_) => Ok(response),
            Err(error) if success => Err(self.failure(error.into(), Some(Box::new(response)))),
            Err(error) => match self.failure(error.into(), None) {
                down @ Failure { reason: Reason::Shutdown { .. }, .. } => Err(down),
                cut => {
                    response.timed_out = cut.reason == Reason::Timeout;
                    Ok(response)
                }
            },
        }
    }
}
