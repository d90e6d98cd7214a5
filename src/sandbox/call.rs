//! The telephone's side of a session: a [`PaySession`], and perhaps a caller who has every answer ready.

use super::delivery::Callback;
use super::parameters::Create;
use super::session::{Asking, PaySession, Refusal, Settings, answer};
use super::store::Place;
use super::views::Transaction;
use crate::model::{Capture, PayResult};
use std::time::Duration;

/// One session on a call. Whatever it goes through gives the callbacks to send, in order.
pub(super) struct Line {
    session: PaySession,
    transaction_taken: bool,
}

impl Line {
    /// A session has begun.
    pub(super) fn start(place: Place<'_>, sid: &str, create: &Create, now: Duration) -> (Self, Callback) {
        let settings = Settings {
            charge_amount: create.charge_amount,
            currency: create.currency.clone(),
            payment_method: create.payment_method.clone(),
            token_type: create.token_type.clone(),
            bank_account_type: create.bank_account_type.clone(),
            payment_connector: create.payment_connector.clone(),
            postal_code: create.postal_code,
            security_code: create.security_code,
            min_postal_code_length: create.min_postal_code_length,
            timeout: create.timeout,
            valid_card_types: create.valid_card_types.clone(),
            require_matching_inputs: create.require_matching_inputs.clone(),
            confirmation: create.confirmation,
            ..Settings::new(place.account_sid, place.call_sid, sid)
        };
        let (session, started) = PaySession::start(settings, &create.common.status_callback, now);
        (Self { session, transaction_taken: false }, started)
    }

    /// The caller is asked for a piece.
    ///
    /// # Errors
    /// Where the session's settings do not allow to ask for it.
    pub(super) fn capture(
        &mut self,
        capture: &Capture,
        url: &str,
        now: Duration,
    ) -> Result<Vec<Callback>, Refusal> {
        self.session.capture(capture, url, now)
    }

    /// The agent wants what was typed sent to the connector.
    ///
    /// # Errors
    /// Where the session is over.
    pub(super) fn complete(&mut self, url: &str, now: Duration) -> Result<Vec<Callback>, Refusal> {
        self.session.complete(url, now)
    }

    /// The agent gives up.
    ///
    /// # Errors
    /// Where the session is over.
    pub(super) fn cancel(&mut self, url: &str, now: Duration) -> Result<Vec<Callback>, Refusal> {
        self.session.cancel(url, now)
    }

    /// The caller presses keys, one after another.
    pub(super) fn press(&mut self, keys: &str, now: Duration) -> Vec<Callback> {
        keys.chars().flat_map(|key| self.session.key(key, now)).collect()
    }

    /// A caller who has every answer ready gives the one that is asked for.
    pub(super) fn oblige(&mut self, now: Duration) -> Vec<Callback> {
        answer(&self.session, now).map(|keys| self.press(&keys, now)).unwrap_or_default()
    }

    /// Lets waits that are over have their effect.
    pub(super) fn tick(&mut self, now: Duration) -> Vec<Callback> {
        self.session.tick(now)
    }

    /// The caller hangs up.
    pub(super) fn hang_up(&mut self, now: Duration) -> Vec<Callback> {
        self.session.hang_up(now)
    }

    /// When [`tick`](Self::tick) is due.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.session.next_deadline()
    }

    /// What the caller is asked at the moment.
    pub(super) fn asking(&self) -> Option<Asking> {
        self.session.asking()
    }

    /// How the session ended, where it did.
    pub(super) fn result(&self) -> Option<&PayResult> {
        self.session.result()
    }

    /// What the connector did, given once.
    pub(super) fn take_transaction(&mut self) -> Option<Transaction> {
        if self.transaction_taken {
            return None;
        }
        let settings = self.session.settings();
        let done = Transaction::new(&settings.sid, &settings.call_sid, self.session.transaction()?);
        self.transaction_taken = true;
        Some(done)
    }
}
