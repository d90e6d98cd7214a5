//! The fields of a status callback, in the service's names, formats and order.
//!
//! The first and the last callback have the names of recorded bodies in their order, and then what the
//! documentation adds.

use std::time::Duration;

use super::collected::Collected;
use super::kind::{
    ACCOUNT_NUMBER, CARD_NUMBER, CaptureKind, EXPIRATION_DATE, Kind, POSTAL_CODE, ROUTING_NUMBER,
    SECURITY_CODE,
};
use crate::model::{Capture, CaptureError, CardType, PayResult};
use crate::sandbox::connector::Failure;
use crate::sandbox::delivery::Params;
use crate::sandbox::parameters::{CreateParameters, SessionIds};
use crate::sandbox::transaction::Transaction;
use crate::text::date::iso_8601;

/// What all callbacks of a session are made from.
pub(super) struct CallbackFields<'a> {
    pub(super) ids: &'a SessionIds,
    pub(super) parameters: &'a CreateParameters,
    pub(super) collected: &'a Collected,
    pub(super) created: Duration,
    pub(super) now: Duration,
}

/// How a capture stands.
pub(super) enum Progress<'a> {
    /// These digits have been typed so far.
    Typing(&'a str),
    /// The digits were good.
    Taken,
    /// They were not, or nobody was asked.
    Failed { typed: &'a str, error: CaptureError, attempt: Option<u32> },
}

impl CallbackFields<'_> {
    /// The first callback of a session.
    pub(super) fn started(&self) -> Params {
        let mut out = FormFields::default();
        self.common(&mut out);
        out.0
    }

    /// A callback during a capture.
    pub(super) fn progress(&self, kind: Kind, second: bool, progress: &Progress<'_>) -> Params {
        let mut out = FormFields::default();
        self.common(&mut out);
        out.add("DateUpdated", iso_8601(self.now));
        out.add("Capture", kind.named(second).as_str());
        let partial = matches!(progress, Progress::Typing(_));
        out.add("PartialResult", if partial { "true" } else { "false" });
        let required = self.collected.required(self.parameters);
        out.add("Required", required.iter().map(Capture::as_str).collect::<Vec<_>>().join(", "));
        let typed = match progress {
            Progress::Typing(typed) | Progress::Failed { typed, .. } => typed,
            Progress::Taken => "",
        };
        for other in CaptureKind::all_of(self.parameters) {
            if *other == kind && !typed.is_empty() {
                out.add(kind.field, Collected::show_unchecked(kind, typed));
            } else {
                self.collected(&mut out, other);
            }
        }
        self.card_type(&mut out);
        if let Progress::Failed { error, attempt, .. } = progress {
            out.add("ErrorType", error.as_str());
            out.add_some("Attempt", attempt.map(|attempt| attempt.to_string()));
        }
        out.0
    }

    /// The last callback of a session. Without a result, there is no word for how it ended.
    pub(super) fn ended(&self, result: Option<&PayResult>, ending: Result<&Transaction, &Failure>) -> Params {
        let done = ending.ok();
        let mut out = FormFields::default();
        self.collected(&mut out, &SECURITY_CODE);
        self.card_type(&mut out);
        out.add("Sid", &self.ids.sid);
        let code = done.and_then(|done| done.confirmation_code.as_deref());
        out.add("PaymentConfirmationCode", code.unwrap_or_default());
        out.add("CallSid", &self.ids.call_sid);
        out.add_some("Result", result.map(PayResult::as_str));
        out.add("AccountSid", &self.ids.account_sid);
        out.add("ProfileId", done.and_then(Transaction::profile_id).unwrap_or_default());
        out.add("DateUpdated", iso_8601(self.now));
        out.add("PaymentToken", done.and_then(Transaction::token).unwrap_or_default());
        out.add("PaymentMethod", self.parameters.payment_method.as_str());
        for kind in [&CARD_NUMBER, &EXPIRATION_DATE, &POSTAL_CODE, &ROUTING_NUMBER, &ACCOUNT_NUMBER] {
            self.collected(&mut out, kind);
        }
        self.bank_account_type(&mut out);
        if let Err(failure) = ending {
            out.add("PaymentError", &failure.message);
            out.add("PayErrorCode", failure.code.map(|code| code.to_string()).unwrap_or_default());
            out.add("ConnectorError", failure.connector);
        }
        out.0
    }

    fn common(&self, out: &mut FormFields) {
        out.add("PaymentConnector", &self.parameters.payment_connector);
        out.add("DateCreated", iso_8601(self.created));
        out.add("PaymentMethod", self.parameters.payment_method.as_str());
        out.add("CallSid", &self.ids.call_sid);
        let charge = self.parameters.charge();
        out.add_some("ChargeAmount", charge.map(|amount| amount.to_string()));
        out.add_some("TokenType", charge.is_none().then(|| self.parameters.token_type.as_str()));
        out.add("AccountSid", &self.ids.account_sid);
        out.add("Sid", &self.ids.sid);
        self.bank_account_type(out);
    }

    fn bank_account_type(&self, out: &mut FormFields) {
        let account_type = self.parameters.bank_account_type.as_str();
        out.add_some("BankAccountType", self.parameters.is_ach().then_some(account_type));
    }

    fn collected(&self, out: &mut FormFields, kind: Kind) {
        out.add_some(kind.field, self.collected.show(kind));
    }

    fn card_type(&self, out: &mut FormFields) {
        out.add_some("PaymentCardType", self.collected.card_type().map(CardType::as_str));
    }
}

#[derive(Default)]
struct FormFields(Params);

impl FormFields {
    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    fn add_some(&mut self, name: &str, value: Option<impl Into<String>>) {
        self.0.extend(value.map(|value| (name.to_owned(), value.into())));
    }
}
