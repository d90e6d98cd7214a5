//! `Step`: what to do next.

use std::time::SystemTime;

use super::Ending;
use crate::params::{CreatePaymentsParams, UpdatePaymentsParams};

/// What to do next, as returned by [`PaymentFlow::next`](crate::PaymentFlow::next).
///
/// The request of a `Create` or `Update` is marked as begun in the flow: store the flow before sending the request.
/// No variants will be added, so a `match` can name all of them.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once, and a Box would be in the way")]
pub enum Step {
    /// Send [`create_payments`](crate::PaymentsApi::create_payments) with these params, and pass what it
    /// returns to [`on_response`](crate::PaymentFlow::on_response).
    Create(CreatePaymentsParams),
    /// Send [`update_payments`](crate::PaymentsApi::update_payments) with these params, and pass what it
    /// returns to [`on_response`](crate::PaymentFlow::on_response).
    Update {
        /// The SID of the session, `PK` and 32 hex digits.
        sid: String,
        /// What to send.
        params: UpdatePaymentsParams,
    },
    /// Wait for a callback, but no longer than until this time. Then call `next` again.
    WaitUntil(SystemTime),
    /// The payment has ended.
    Ended(Ending),
}
