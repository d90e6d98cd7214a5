//! `SessionCallbacks`: the callbacks of one session, for the thread that takes the payment.

use std::sync::Arc;
use std::time::Duration;

use super::queue::Queue;
use crate::callback::{CallbackError, StatusCallback};

/// A view of the callbacks of one Payments session. Returned by [`CallbackListener::session`].
///
/// It borrows nothing, so it can be moved to the thread that takes the payment. While it exists, it receives the
/// session's callbacks instead of the listener's [`recv`](super::CallbackListener::recv). Callbacks that are unread
/// when it is dropped go to `recv`, in the order of arrival.
///
/// [`CallbackListener::session`]: super::CallbackListener::session
pub struct SessionCallbacks {
    pub(super) queue: Arc<Queue>,
    pub(super) sid: String,
}

impl SessionCallbacks {
    /// Returns the SID of the session.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// Waits for the session's next callback, without a time limit.
    ///
    /// Prefer [`recv_timeout`](Self::recv_timeout), because a callback may never arrive: the caller may hang up, and
    /// callbacks can be lost.
    ///
    /// # Errors
    /// Returns an error of kind [`CallbackErrorKind::Closed`] if the listener was shut down or dropped, and every
    /// callback that it had received for this session was read.
    ///
    /// [`CallbackErrorKind::Closed`]: crate::CallbackErrorKind::Closed
    pub fn recv(&self) -> Result<StatusCallback, CallbackError> {
        self.recv_timeout(Duration::MAX)
    }

    /// Waits for the session's next callback for up to `timeout`.
    ///
    /// # Errors
    /// Returns the same errors as [`recv`](Self::recv), and one of kind
    /// [`Timeout`](crate::CallbackErrorKind::Timeout) if no callback arrived in time.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<StatusCallback, CallbackError> {
        self.queue.take(Some(&self.sid), timeout)
    }

    /// Returns the session's next callback, or `None` if there is none yet.
    ///
    /// # Errors
    /// Returns the same errors as [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Option<StatusCallback>, CallbackError> {
        self.queue.try_take(Some(&self.sid))
    }

    /// Returns an iterator that waits for one callback of the session after another. It ends after the
    /// [final one](StatusCallback::is_final), or when the listener is shut down.
    pub fn iter(&self) -> impl Iterator<Item = StatusCallback> {
        let mut ended = false;
        std::iter::from_fn(move || {
            let callback = if ended { None } else { self.recv().ok() };
            ended = callback.as_ref().is_none_or(StatusCallback::is_final);
            callback
        })
    }
}

impl Drop for SessionCallbacks {
    fn drop(&mut self) {
        self.queue.end_view(&self.sid);
    }
}

debug_shows!(SessionCallbacks, |callbacks| sid: callbacks.sid);
