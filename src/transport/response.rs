//! `Response`: what the service responded.

use crate::model::ResponseHeaders;

/// One response, whatever its status.
#[derive(Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: ResponseHeaders,
    pub(crate) body: Vec<u8>,
    /// Whether only the beginning of the body arrived in time. Never set for a success.
    pub(crate) timed_out: bool,
}
