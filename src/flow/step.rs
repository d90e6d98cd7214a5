//! `Step`: what a flow wants to be done next.

use std::time::SystemTime;

use super::Ending;
use crate::params::{CreatePaymentsParams, UpdatePaymentsParams};

/// What [`PaymentFlow::next`](crate::PaymentFlow::next) wants to be done next.
///
/// The flow counts the request of a `Create` or `Update` as begun: store the flow before sending it. There are
/// these four and no others, so that a program cannot pass over one.
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
    /// Nothing can be done before a callback arrives or this time has come, whichever is first. Then call
    /// `next` again.
    WaitUntil(SystemTime),
    /// The payment has ended.
    Ended(Ending),
}
