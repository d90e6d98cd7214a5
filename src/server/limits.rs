//! `Limits`: how many connections, how large, and for how long.

use std::thread;
use std::time::Duration;

/// How long a stopping server waits in total for handlers that do not return; their threads end later. Also how long a
/// peer has to close after the last response.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The limits of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The number of open connections. If all are in use, the one that has waited longest for its peer to send a
    /// complete request or to read a response is closed for the next one.
    pub(crate) max_connections: usize,
    /// The length of a body in bytes. A longer one gets a 413 response, and is not read to its end.
    pub(crate) max_body: usize,
    /// The length of a request line with headers in bytes. A longer head gets a 431 response.
    pub(crate) max_head: usize,
    /// How long a request may take from its first byte to its last; a slower one gets a 408 response. Also how long the
    /// peer may take to read a response; a slower peer is disconnected.
    pub(crate) request_time: Duration,
    /// How long a connection may be idle. This is longer than the usual 60 s of a proxy, so that the proxy closes
    /// first, which knows whether it has a request under way.
    pub(crate) idle_time: Duration,
    /// Makes the builder of a connection's thread, given the number of open connections; tests make it fail. The
    /// default stack of 256 KiB is enough for a handler that parses JSON to its depth limit in a debug build. Only
    /// pages that are used take memory.
    pub(crate) thread: fn(usize) -> thread::Builder,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_body: 64 * 1024,
            max_head: 16 * 1024,
            request_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(75),
            thread: |_| thread::Builder::new().stack_size(256 * 1024),
        }
    }
}
