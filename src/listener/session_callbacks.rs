//! The callbacks of one session, for the thread that takes the payment.

use std::sync::Arc;
use std::time::Duration;

use super::queue::Queue;
use crate::callback::{CallbackError, StatusCallback};
use crate::macros::debug_shows;
use crate::model::sid;

/// The callbacks of one Payments session. Made by [`CallbackListener::session`].
///
/// It borrows nothing, so it can move to the thread that takes this payment. As long as it lives, the
/// session's callbacks come here and not to the listener's own [`recv`](super::CallbackListener::recv). What
/// is unread when it is dropped returns there, in the order of arrival.
///
/// [`CallbackListener::session`]: super::CallbackListener::session
pub struct SessionCallbacks {
    queue: Arc<Queue>,
    sid: String,
}

impl SessionCallbacks {
    pub(super) fn new(queue: Arc<Queue>, sid: &str) -> Result<Self, CallbackError> {
        if !sid::is("PK", sid) {
            return Err(CallbackError::invalid("Sid", "not PK and 32 hex digits"));
        }
        queue.view(sid);
        Ok(Self { queue, sid: sid.to_owned() })
    }

    /// The session's SID.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// Waits for the session's next callback, for as long as it takes.
    ///
    /// A caller who has hung up types no more, and a callback can be lost on its way: prefer
    /// [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Errors
    /// [`CallbackErrorKind::Closed`] if the listener was shut down or dropped, and everything that it had
    /// received for this session was read.
    ///
    /// [`CallbackErrorKind::Closed`]: crate::CallbackErrorKind::Closed
    pub fn recv(&self) -> Result<StatusCallback, CallbackError> {
        self.recv_timeout(Duration::MAX)
    }

    /// Waits for the session's next callback for up to `timeout`.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`CallbackErrorKind::Timeout`](crate::CallbackErrorKind::Timeout) if none
    /// came in time.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<StatusCallback, CallbackError> {
        self.queue.take(Some(&self.sid), timeout)
    }

    /// Returns the session's next callback, or `None` if there is none yet.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&self) -> Result<Option<StatusCallback>, CallbackError> {
        self.queue.try_take(Some(&self.sid))
    }

    /// Waits for one callback of the session after another, to the [final one](StatusCallback::is_final) or to
    /// the end of the listener.
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
