//! Handlers: code of the program that a callback is given to before it is answered.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::queue::Queue;
use crate::callback::StatusCallback;

/// The program's own handler of every callback.
///
/// `AssertUnwindSafe`, so that listeners can be used across `catch_unwind`: a panic of the closure is caught each time.
#[derive(Clone)]
pub(super) struct OnCallback(Arc<AssertUnwindSafe<Box<Closure>>>);

/// Its errors are texts for the log.
type Closure = dyn Fn(&StatusCallback) -> Result<(), String> + Send + Sync;

impl OnCallback {
    pub(super) fn new<E: fmt::Display>(
        handler: impl Fn(&StatusCallback) -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        let handle = move |callback: &StatusCallback| handler(callback).map_err(|error| error.to_string());
        Self(Arc::new(AssertUnwindSafe(Box::new(handle))))
    }

    pub(super) fn call(&self, callback: &StatusCallback) -> Result<(), String> {
        call(|| (self.0)(callback))
    }
}

/// Receives the callbacks of one flow on the threads of the listener's connections. See
/// [`CallbackListener::register`](super::CallbackListener::register).
pub(crate) trait CallbackHandler: Send + Sync {
    /// Whether a callback belongs to this handler. Called with the listener's queue locked: it must return at once.
    fn is_for(&self, callback: &StatusCallback) -> bool;

    /// Stores a callback that [`is_for`](Self::is_for) this handler. The service gets 204 after `Ok`, and 500 after
    /// an error or a panic; then it may send the callback again. The error is a text for the log.
    ///
    /// Returns whether the handler took it. One whose registration has ended meanwhile does not: the callback is then
    /// for whoever is next.
    fn on_callback(&self, callback: &StatusCallback) -> Result<bool, String>;

    /// The listener was shut down: no more callbacks come.
    fn on_close(&self);
}

/// Calls a handler; a panic in it is an error.
pub(super) fn call<T>(handle: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // What a handler leaves half done is the handler's own: nothing of the listener's is changed by it.
    catch_unwind(AssertUnwindSafe(handle)).unwrap_or_else(|_| Err("it panicked".to_owned()))
}

/// The registration of a [`CallbackHandler`], which ends when this is dropped.
pub(crate) struct Registration {
    pub(super) queue: Arc<Queue>,
    pub(super) handler: Arc<dyn CallbackHandler>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.queue.state().handlers.retain(|other| !Arc::ptr_eq(other, &self.handler));
    }
}
