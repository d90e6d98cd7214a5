//! Handlers: code of the program that receives a callback before the service gets a response.

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::callback::StatusCallback;

/// The program's handler of every callback. Its errors are messages for the log.
pub(super) type OnCallback =
    Arc<dyn Fn(&StatusCallback) -> Result<(), String> + Send + Sync + UnwindSafe + RefUnwindSafe>;

/// Receives the callbacks of one flow on the threads of the listener's connections. See
/// [`CallbackListener::register`](super::CallbackListener::register).
pub(crate) trait CallbackHandler: Send + Sync {
    /// Returns whether a callback belongs to this handler. It must return at once, because the listener's queue is
    /// locked.
    fn is_for(&self, callback: &StatusCallback) -> bool;

    /// Stores a callback that [`is_for`](Self::is_for) this handler. If this returns `Ok`, the service gets 204. If it
    /// returns an error or panics, the service gets 500, and may send the callback again. The error is a message for
    /// the log.
    ///
    /// Returns whether the handler took the callback. If its registration has ended meanwhile it does not, and the
    /// callback goes to the next receiver.
    fn on_callback(&self, callback: &StatusCallback) -> Result<bool, String>;

    /// Called when the listener was shut down, so that no more callbacks arrive.
    fn on_close(&self);
}

/// Calls a handler, and turns a panic into an error.
pub(super) fn call<T>(handle: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // A handler changes nothing in the listener, so a panic cannot leave it half changed.
    catch_unwind(AssertUnwindSafe(handle)).unwrap_or_else(|_| Err("it panicked".to_owned()))
}
