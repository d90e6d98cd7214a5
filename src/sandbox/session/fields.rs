//! The fields of a status callback, in the service's names, formats and order.
//!
//! The orders of the first and the last callback are those of recorded bodies, with what the
//! documentation adds at the end.

use std::time::Duration;

use super::capture::{Collected, Piece};
use super::connector::Transaction;
use super::settings::Settings;
use crate::model::{Capture, CaptureError, PayResult};
use crate::sandbox::delivery::Params;
use crate::text::date::iso_8601;

/// What all callbacks are made from.
pub(super) struct Fields<'a> {
    pub(super) settings: &'a Settings,
    pub(super) collected: &'a Collected,
    pub(super) created: Duration,
    pub(super) now: Duration,
}

/// How a capture stands.
pub(super) struct Progress<'a> {
    pub(super) piece: Piece,
    pub(super) capture: Capture,
    /// Digits that are not a good piece, or not yet; empty where what was collected is shown.
    pub(super) typed: &'a str,
    pub(super) partial: bool,
    pub(super) error: Option<CaptureError>,
    pub(super) attempt: Option<u32>,
    pub(super) required: Vec<Capture>,
}

/// What came of the session.
pub(super) enum Ending<'a> {
    Done(&'a Transaction),
    Failed { message: String, code: Option<u32>, connector: &'static str },
}

impl Ending<'_> {
    /// An end of which there is nothing more to say than its name.
    pub(super) fn plain() -> Self {
        Self::failed("")
    }

    /// An end that the connector had no part in.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), code: None, connector: "" }
    }
}

impl Fields<'_> {
    /// The first callback of a session.
    pub(super) fn started(&self) -> Params {
        let mut out = Form::default();
        self.common(&mut out);
        out.0
    }

    /// A callback during a capture.
    pub(super) fn progress(&self, progress: &Progress<'_>) -> Params {
        let mut out = Form::default();
        self.common(&mut out);
        out.add("DateUpdated", iso_8601(self.now));
        out.add("Capture", progress.capture.as_str());
        out.add("PartialResult", if progress.partial { "true" } else { "false" });
        let required: Vec<_> = progress.required.iter().map(Capture::as_str).collect();
        out.add("Required", required.join(", "));
        for &piece in Piece::of_method(self.settings.is_ach()) {
            if piece == progress.piece && !progress.typed.is_empty() {
                out.add(piece.field(), piece.show_unchecked(progress.typed));
            } else {
                self.piece(&mut out, piece);
            }
        }
        self.card_type(&mut out);
        if let Some(error) = &progress.error {
            out.add("ErrorType", error.as_str());
        }
        if let Some(attempt) = progress.attempt {
            out.add("Attempt", attempt.to_string());
        }
        out.0
    }

    /// The last callback of a session.
    pub(super) fn ended(&self, result: &PayResult, ending: &Ending<'_>) -> Params {
        let settings = self.settings;
        let (code, token, profile) = match ending {
            Ending::Done(Transaction::Charge { confirmation_code, .. }) => {
                (confirmation_code.as_str(), "", "")
            }
            Ending::Done(Transaction::Token { token, profile_id, .. }) => {
                ("", token.as_str(), profile_id.as_str())
            }
            Ending::Failed { .. } => ("", "", ""),
        };
        let mut out = Form::default();
        self.piece(&mut out, Piece::SecurityCode);
        self.card_type(&mut out);
        out.add("Sid", &settings.sid);
        out.add("PaymentConfirmationCode", code);
        out.add("CallSid", &settings.call_sid);
        out.add("Result", result.as_str());
        out.add("AccountSid", &settings.account_sid);
        out.add("ProfileId", profile);
        out.add("DateUpdated", iso_8601(self.now));
        out.add("PaymentToken", token);
        out.add("PaymentMethod", settings.payment_method.as_str());
        for piece in [
            Piece::CardNumber,
            Piece::ExpirationDate,
            Piece::PostalCode,
            Piece::RoutingNumber,
            Piece::AccountNumber,
        ] {
            self.piece(&mut out, piece);
        }
        out.add("DateCreated", iso_8601(self.created));
        out.add("PaymentConnector", &settings.payment_connector);
        self.amount_or_token(&mut out);
        self.bank_account_type(&mut out);
        if let Ending::Failed { message, code, connector } = ending {
            out.add("PaymentError", message);
            out.add("PayErrorCode", code.map(|code| code.to_string()).unwrap_or_default());
            out.add("ConnectorError", *connector);
        }
        out.0
    }

    fn common(&self, out: &mut Form) {
        let settings = self.settings;
        out.add("PaymentConnector", &settings.payment_connector);
        out.add("DateCreated", iso_8601(self.created));
        out.add("PaymentMethod", settings.payment_method.as_str());
        out.add("CallSid", &settings.call_sid);
        self.amount_or_token(out);
        out.add("AccountSid", &settings.account_sid);
        out.add("Sid", &settings.sid);
        self.bank_account_type(out);
    }

    fn amount_or_token(&self, out: &mut Form) {
        match self.settings.charge() {
            Some(amount) => out.add("ChargeAmount", amount.to_string()),
            None => out.add("TokenType", self.settings.token_type.as_str()),
        }
    }

    fn bank_account_type(&self, out: &mut Form) {
        if self.settings.is_ach() {
            out.add("BankAccountType", self.settings.bank_account_type.as_str());
        }
    }

    fn piece(&self, out: &mut Form, piece: Piece) {
        if let Some(shown) = self.collected.show(piece) {
            out.add(piece.field(), shown);
        }
    }

    fn card_type(&self, out: &mut Form) {
        if let Some(card) = self.collected.card_type() {
            out.add("PaymentCardType", card.as_str());
        }
    }
}

#[derive(Default)]
struct Form(Params);

impl Form {
    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }
}
