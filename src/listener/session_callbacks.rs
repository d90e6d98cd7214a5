//! The callbacks of one session, for the thread that takes the payment.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::queue::{Hub, deadline};
use crate::callback::{CallbackError, StatusCallback};

/// The callbacks of one Payments session. Made by [`CallbackListener::session`].
///
/// It borrows nothing, so it can move to the thread that takes this payment. As long as it lives, the
/// session's callbacks come here and not to the listener's own [`recv`](super::CallbackListener::recv). What
/// is unread when it is dropped goes back there, in the order of arrival.
///
/// [`CallbackListener::session`]: super::CallbackListener::session
pub struct SessionCallbacks {
    hub: Arc<Hub>,
    sid: String,
}

impl SessionCallbacks {
    pub(super) fn new(hub: Arc<Hub>, sid: &str) -> Self {
        hub.view(sid);
        Self { hub, sid: sid.to_owned() }
    }

    /// The session's SID.
    #[must_use]
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// The session's next callback, waited for as long as it takes.
    ///
    /// A caller who has hung up types no more, and a callback can be lost on its way: prefer
    /// [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Errors
    /// [`CallbackErrorKind::Closed`](crate::CallbackErrorKind::Closed) where the listener was shut down or dropped, and
    /// everything that it had received for this session was read.
    pub fn recv(&self) -> Result<StatusCallback, CallbackError> {
        self.hub.take(Some(&self.sid), None)
    }

    /// The session's next callback, waited for up to `timeout`.
    ///
    /// # Errors
    /// As [`recv`](Self::recv), and [`CallbackErrorKind::Timeout`](crate::CallbackErrorKind::Timeout) where none came in
    /// time.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<StatusCallback, CallbackError> {
        self.hub.take(Some(&self.sid), deadline(timeout))
    }

    /// The session's next callback if there is one already.
    #[must_use]
    pub fn try_recv(&self) -> Option<StatusCallback> {
        self.recv_timeout(Duration::ZERO).ok()
    }

    /// The session's callbacks, each waited for as long as it takes, to the [final
    /// one](StatusCallback::is_final) or to the listener's end.
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
        self.hub.end_view(&self.sid);
    }
}

impl fmt::Debug for SessionCallbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCallbacks").field("sid", &self.sid).finish_non_exhaustive()
    }
}
