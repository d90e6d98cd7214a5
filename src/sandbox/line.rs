//! The telephone's side of a session: what the caller does when the agent's side asks.
//!
//! The HTTP half drives a [`Line`] and reads from it how the session stands; it knows nothing of callers.

use super::parameters::{Common, Create};
use super::session::Transaction;
use crate::values::{Capture, PayResult};

/// A caller who has every answer ready: each capture is answered at once, and the connector always agrees.
pub(super) struct Line {
    charge: Option<(crate::amount::Amount, String)>,
    result: Option<PayResult>,
    transaction: Option<Transaction>,
}

impl Line {
    /// A session has begun.
    pub(super) fn start(create: &Create) -> Self {
        let charge = create.charge_amount.filter(|amount| !amount.is_zero());
        Self {
            charge: charge.map(|amount| (amount, create.currency.clone())),
            result: None,
            transaction: None,
        }
    }

    /// The caller is asked for a piece.
    ///
    /// # Errors
    /// Where the session's settings do not allow to ask for it.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps, reason = "this caller has every answer ready")]
    pub(super) fn capture(&mut self, _capture: &Capture, _update: &Common) -> Result<(), String> {
        Ok(())
    }

    /// The agent wants what was typed sent to the connector.
    ///
    /// # Errors
    /// Where that is not possible now.
    #[allow(clippy::unnecessary_wraps, reason = "this caller has every answer ready")]
    pub(super) fn complete(&mut self, _update: &Common) -> Result<(), String> {
        self.transaction = Some(Transaction::new(self.charge.clone()));
        self.result = Some(PayResult::Success);
        Ok(())
    }

    /// The agent gives up.
    pub(super) fn cancel(&mut self, _update: &Common) {
        self.result = Some(PayResult::Cancelled);
    }

    /// The caller hangs up.
    pub(super) fn hang_up(&mut self) {
        self.result = Some(PayResult::CallerHungUp);
    }

    /// How the session ended, where it did.
    pub(super) fn result(&self) -> Option<&PayResult> {
        self.result.as_ref()
    }

    /// What the connector did, given once.
    pub(super) fn take_transaction(&mut self) -> Option<Transaction> {
        self.transaction.take()
    }
}
