//! A session under way, which does not stay open.

use std::time::{Duration, Instant};

use super::Ending;
use crate::callback::{CallbackError, CallbackErrorKind, Event, StatusCallback};
use crate::client::PaymentsApi;
use crate::error::{Error, ErrorKind, Outcome};
use crate::listener::{CallbackListener, SessionCallbacks};
use crate::params::{CreatePaymentsParams, UpdatePaymentsParams};

/// How long the cancellation of an abandoned session may take, and then the callback that says so.
const CANCEL_TIME: Duration = Duration::from_secs(10);
const CANCELLED_TIME: Duration = Duration::from_secs(2);

/// A session that is cancelled when it is dropped before its end.
pub(super) struct OpenSession<'a> {
    api: &'a PaymentsApi,
    call_sid: &'a str,
    sid: String,
    params: &'a CreatePaymentsParams,
    callbacks: Option<SessionCallbacks>,
    over: bool,
}

impl<'a> OpenSession<'a> {
    pub(super) fn new(
        api: &'a PaymentsApi,
        call_sid: &'a str,
        sid: String,
        params: &'a CreatePaymentsParams,
    ) -> Self {
        Self { api, call_sid, sid, params, callbacks: None, over: false }
    }

    /// Hears the session's callbacks from now on, those that came already first.
    pub(super) fn listen(&mut self, listener: &CallbackListener) -> Result<(), Error> {
        self.callbacks = Some(listener.session(&self.sid).map_err(unheard)?);
        Ok(())
    }

    /// Takes the session a step on.
    pub(super) fn update(&self, params: UpdatePaymentsParams) -> Result<(), Error> {
        self.update_with(self.api, params)
    }

    fn update_with(&self, api: &PaymentsApi, mut params: UpdatePaymentsParams) -> Result<(), Error> {
        params.account_sid.clone_from(&self.params.account_sid);
        api.update_payments(self.call_sid, &self.sid, &params).map(drop)
    }

    /// Waits for a callback of a kind, showing each that comes; `None` where none came in time.
    pub(super) fn hear(
        &self,
        timeout: Duration,
        see: &mut dyn FnMut(&StatusCallback),
        wanted: impl Fn(&StatusCallback) -> bool,
    ) -> Result<Option<StatusCallback>, Error> {
        let Some(callbacks) = &self.callbacks else { return Ok(None) };
        let started = Instant::now();
        loop {
            match callbacks.recv_timeout(timeout.saturating_sub(started.elapsed())) {
                Ok(callback) => {
                    see(&callback);
                    if wanted(&callback) {
                        return Ok(Some(callback));
                    }
                }
                Err(error) if error.kind() == CallbackErrorKind::Timeout => return Ok(None),
                Err(error) => return Err(unheard(error)),
            }
        }
    }

    /// The last callback has come.
    pub(super) fn ended(&mut self, callback: StatusCallback) -> Ending {
        self.over = true;
        match callback.event() {
            Event::Succeeded { .. } => Ending::Succeeded(callback),
            _ => Ending::Failed(callback),
        }
    }

    /// A step failed. Where it was refused because the session is over, as when the caller has hung up, the last
    /// callback says so, and counts for more than the error.
    pub(super) fn ended_instead(
        &mut self,
        error: Error,
        time: Duration,
        see: &mut dyn FnMut(&StatusCallback),
    ) -> Result<Ending, Error> {
        if error.outcome() != Outcome::Refused {
            return Err(error);
        }
        match self.hear(time, see, StatusCallback::is_final) {
            Ok(Some(callback)) => Ok(self.ended(callback)),
            Ok(None) | Err(_) => Err(error),
        }
    }
}

/// Nothing more will be heard of the session, so it is not known how it ends.
fn unheard(error: CallbackError) -> Error {
    Error::new(ErrorKind::Shutdown, Outcome::Unknown, error.to_string()).with_source(error)
}

impl Drop for OpenSession<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let params = UpdatePaymentsParams::new_cancel(&self.params.status_callback);
        match self.update_with(&self.api.with_timeout(CANCEL_TIME), params) {
            // What is still to come is heard out, so that it does not lie about in the listener for ever.
            Ok(()) => drop(self.hear(CANCELLED_TIME, &mut |_| {}, StatusCallback::is_final)),
            // Nobody is left to tell: the session may have ended by itself, or the service ends it in time.
            Err(error) => log::warn!("a payments session could not be cancelled: {error}"),
        }
    }
}
