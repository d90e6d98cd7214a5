//! `Interruption`: why a request could not be read.

use std::io;

/// Why a request could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// The connection has ended: the peer closed it or was silent, or it was closed to make room.
    Ended,
    /// The bytes are not a request, or exceed a limit. The response has this status.
    Refused(u16),
}

impl From<io::Error> for Interruption {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}
