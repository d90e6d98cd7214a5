//! The fields of a status callback, with the service's names, formats and order.
//!
//! The first and the last callback have the names of recorded bodies in the same order, followed by those that are only
//! documented.

use std::sync::Arc;
use std::time::Duration;

use super::collected::Collected;
use super::kind::{
    ACCOUNT_NUMBER, CARD_NUMBER, CaptureKind, EXPIRATION_DATE, Kind, POSTAL_CODE, ROUTING_NUMBER,
    SECURITY_CODE,
};
use super::machine::{CaptureProgress, Effect, PaySession};
use crate::model::{Capture, CardType, PayResult};
use crate::sandbox::delivery::Callback;
use crate::sandbox::fields::Fields;
use crate::sandbox::views::Transaction;
use crate::text::date::iso_8601;

impl PaySession {
    /// Makes a callback during a capture.
    pub(super) fn progress(
        &self,
        kind: Kind,
        second: bool,
        progress: &CaptureProgress<'_>,
        now: Duration,
    ) -> Callback {
        let mut out = self.common();
        out.add("DateUpdated", iso_8601(now));
        out.add("Capture", kind.named(second).as_str());
        let partial = matches!(progress, CaptureProgress::Typing(_));
        out.add("PartialResult", if partial { "true" } else { "false" });
        out.add("Required", self.required().iter().map(Capture::as_str).collect::<Vec<_>>().join(", "));
        let typed = match progress {
            CaptureProgress::Typing(typed) | CaptureProgress::Failed { typed, .. } => typed,
            CaptureProgress::Taken => "",
        };
        for other in CaptureKind::all_of(&self.parameters) {
            if *other == kind && !typed.is_empty() {
                out.add(kind.field, Collected::show_unchecked(kind, typed));
            } else {
                self.add_collected(&mut out, other);
            }
        }
        self.add_card_type(&mut out);
        if let CaptureProgress::Failed { error, attempt, .. } = progress {
            out.add("ErrorType", error.as_str());
            out.add_some("Attempt", attempt.map(|attempt| attempt.to_string()));
        }
        self.callback(out)
    }

    /// Makes the last callback of a session. Without a result, it does not say how the session ended.
    pub(super) fn ended(&self, result: Option<&PayResult>, effect: &Effect, now: Duration) -> Callback {
        let done = effect.as_ref().ok();
        let mut out = Fields::default();
        self.add_collected(&mut out, &SECURITY_CODE);
        self.add_card_type(&mut out);
        out.add("Sid", &*self.ids.sid);
        let code = done.and_then(|done| done.confirmation_code.as_deref());
        out.add("PaymentConfirmationCode", code.unwrap_or_default());
        out.add("CallSid", &self.ids.call_sid);
        out.add_some("Result", result.map(PayResult::as_str));
        out.add("AccountSid", &self.ids.account_sid);
        out.add("ProfileId", done.and_then(Transaction::profile_id).unwrap_or_default());
        out.add("DateUpdated", iso_8601(now));
        out.add("PaymentToken", done.and_then(Transaction::token).unwrap_or_default());
        out.add("PaymentMethod", self.parameters.payment_method.as_str());
        for kind in [&CARD_NUMBER, &EXPIRATION_DATE, &POSTAL_CODE, &ROUTING_NUMBER, &ACCOUNT_NUMBER] {
            self.add_collected(&mut out, kind);
        }
        self.add_bank_account_type(&mut out);
        if let Err(failure) = effect {
            out.add("PaymentError", &failure.message);
            out.add("PayErrorCode", failure.code.map(|code| code.to_string()).unwrap_or_default());
            out.add("ConnectorError", failure.connector);
        }
        self.callback(out)
    }

    /// Returns the fields that all callbacks before the last have; the first has no others.
    pub(super) fn common(&self) -> Fields {
        let mut out = Fields::default();
        out.add("PaymentConnector", &self.parameters.payment_connector);
        out.add("DateCreated", iso_8601(self.created));
        out.add("PaymentMethod", self.parameters.payment_method.as_str());
        out.add("CallSid", &self.ids.call_sid);
        let charge = self.parameters.charge();
        out.add_some("ChargeAmount", charge.map(|amount| amount.to_string()));
        out.add_some("TokenType", charge.is_none().then(|| self.parameters.token_type.as_str()));
        out.add("AccountSid", &self.ids.account_sid);
        out.add("Sid", &*self.ids.sid);
        self.add_bank_account_type(&mut out);
        out
    }

    fn add_bank_account_type(&self, out: &mut Fields) {
        let account_type = self.parameters.bank_account_type.as_str();
        out.add_some("BankAccountType", self.parameters.is_ach().then_some(account_type));
    }

    fn add_collected(&self, out: &mut Fields, kind: Kind) {
        out.add_some(kind.field, self.collected.show(kind));
    }

    fn add_card_type(&self, out: &mut Fields) {
        out.add_some("PaymentCardType", self.collected.card_type().map(CardType::as_str));
    }

    pub(super) fn callback(&self, fields: Fields) -> Callback {
        Callback { session_sid: Arc::clone(&self.ids.sid), url: Arc::clone(&self.url), fields }
    }
}
