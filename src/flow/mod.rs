//! `PaymentFlow`: one payment as a value.

mod digest;
mod ending;
mod step;

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::callback::StatusCallback;
use crate::error::Error;
use crate::model::Payments;
use crate::params::CreatePaymentsParams;

pub use digest::ResponseDigest;
pub use ending::{Ending, NotPaidReason, PaymentEnding, SessionEnding};
pub use step::Step;

/// One payment, from the creation of its session to its result, as a value.
#[derive(Clone, PartialEq)]
pub struct PaymentFlow {
    call_sid: String,
    params: CreatePaymentsParams,
    revision: u64,
}

impl PaymentFlow {
    /// A payment on a live call.
    ///
    /// # Errors
    /// Returns an error if the call's SID or a parameter is invalid.
    pub fn new(call_sid: impl Into<String>, params: CreatePaymentsParams) -> Result<Self, Error> {
        Ok(Self { call_sid: call_sid.into(), params, revision: 0 })
    }

    /// Sets how many times the caller is asked for one capture. Default: 3.
    ///
    /// # Errors
    /// Returns an error if `asks` is zero, or the flow has begun.
    pub fn max_asks(self, asks: u32) -> Result<Self, Error> {
        let _ = asks;
        Ok(self)
    }

    /// Sets how long one ask may take. Default: 120 s.
    ///
    /// # Errors
    /// Returns an error if `timeout` is zero, or the flow has begun.
    pub fn capture_timeout(self, timeout: Duration) -> Result<Self, Error> {
        let _ = timeout;
        Ok(self)
    }

    /// Sets how long the result is awaited. Default: 60 s.
    ///
    /// # Errors
    /// Returns an error if `timeout` is zero, or the flow has begun.
    pub fn result_timeout(self, timeout: Duration) -> Result<Self, Error> {
        let _ = timeout;
        Ok(self)
    }

    /// What to do next.
    pub fn next(&mut self, now: SystemTime) -> Step {
        self.revision += 1;
        Step::WaitUntil(now)
    }

    /// Takes the response to the request that was begun last.
    pub fn on_response(&mut self, response: Result<Payments, Error>) {
        self.revision += 1;
        drop(response);
    }

    /// Takes a callback, and returns whether it is about this flow's session.
    pub fn on_callback(&mut self, callback: &StatusCallback) -> bool {
        self.revision += 1;
        callback.sid.is_empty()
    }

    /// Applies the deadlines that have passed, without beginning a request.
    pub fn on_timeout(&mut self, now: SystemTime) {
        let _ = now;
        self.revision += 1;
    }

    /// Stops the payment.
    pub fn cancel(&mut self) {
        self.revision += 1;
    }

    /// When to call [`next`](Self::next) again.
    #[must_use]
    pub fn due(&self) -> Option<SystemTime> {
        None
    }

    /// How the payment ended, once it has.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        None
    }

    /// Whether a request is begun and its response has not been passed to [`on_response`](Self::on_response).
    #[must_use]
    pub fn awaits_response(&self) -> bool {
        false
    }

    /// Grows with each change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The largest number of requests that the flow can begin.
    #[must_use]
    pub fn max_requests(&self) -> u64 {
        0
    }

    /// The payment's key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.params.idempotency_key
    }

    /// The SID of the call.
    #[must_use]
    pub fn call_sid(&self) -> &str {
        &self.call_sid
    }

    /// The SID of the session, once it is known.
    #[must_use]
    pub fn session_sid(&self) -> Option<&str> {
        None
    }

    /// The text that the flow puts into the session's parameters, to search for at the payment processor.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        None
    }

    /// The value of the query parameter `payment_flow` that the flow adds to its `StatusCallback`.
    #[must_use]
    pub fn tag(&self) -> &str {
        ""
    }
}

impl fmt::Debug for PaymentFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentFlow").finish_non_exhaustive()
    }
}

/// The first `length` bytes of a text, or a few less if a character would be divided.
fn cut(text: &str, length: usize) -> String {
    let end = (0..=length).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or(text).to_owned()
}
