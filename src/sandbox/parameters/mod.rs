//! The parameters of the two operations, read from the form once and checked as by the service.

mod form;
mod path;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Map, Value};

pub(crate) use form::Form;
pub(crate) use path::{RequestPath, SessionIds};

use super::refusals::{self, Refusal};
use crate::model::{
    Amount, BankAccountType, Capture, CardType, PaymentMethod, PaymentsInput, PaymentsStatus, TokenType,
};
use crate::params::{DEFAULT_CURRENCY, check_callback_url};

/// The parameters of a session, with the service's defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CreateParameters {
    pub(crate) idempotency_key: String,
    pub(crate) status_callback: String,
    pub(crate) bank_account_type: BankAccountType,
    /// `None` and zero both ask for a token.
    pub(crate) charge_amount: Option<Amount>,
    /// In capitals.
    pub(crate) currency: String,
    pub(crate) min_postal_code_length: usize,
    /// Values for the payment processor.
    pub(crate) parameter: Option<Map<String, Value>>,
    pub(crate) payment_connector: String,
    pub(crate) payment_method: PaymentMethod,
    pub(crate) postal_code: bool,
    pub(crate) security_code: bool,
    /// How long the caller may take between two keys.
    pub(crate) timeout: Duration,
    pub(crate) token_type: TokenType,
    pub(crate) valid_card_types: Vec<CardType>,
    /// The captures that the caller types twice.
    pub(crate) require_matching_inputs: Vec<Capture>,
    /// Whether the caller must confirm before the connector is asked.
    pub(crate) confirmation: bool,
}

/// The parameters of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UpdateParameters {
    pub(crate) idempotency_key: String,
    pub(crate) status_callback: String,
    pub(crate) kind: UpdateKind,
}

/// What an update asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UpdateKind {
    Capture(Capture),
    Complete,
    Cancel,
}

/// The captures of a card, each of which the caller may have to type twice.
const MATCHED: &[Capture] =
    &[Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode];

impl CreateParameters {
    pub(crate) fn read(form: &Form<'_>) -> Result<Self, Refusal> {
        let (idempotency_key, status_callback) = common(form)?;
        let payment_method = form.read("PaymentMethod", form::known(PaymentMethod::KNOWN))?;
        let payment_method = payment_method.unwrap_or(PaymentMethod::CreditCard);
        let bank_account_type = form.read("BankAccountType", form::known(BankAccountType::KNOWN))?;
        if bank_account_type.is_some() && payment_method == PaymentMethod::CreditCard {
            return Err(Refusal::new(&refusals::BANK_ACCOUNT_TYPE, "BankAccountType is for ach-debit"));
        }
        form.text("Description");
        form.read_text("Input", form::known(PaymentsInput::KNOWN))?;
        let currency = form.text("Currency").unwrap_or(DEFAULT_CURRENCY).to_ascii_uppercase();
        let shortest = form::integer(u32::MAX, "not an integer of at least 1");
        let seconds = form::integer(600, "not an integer from 1 to 600");
        let brands = [CardType::Visa, CardType::Mastercard, CardType::Amex];
        Ok(Self {
            idempotency_key,
            status_callback,
            bank_account_type: bank_account_type.unwrap_or(BankAccountType::ConsumerChecking),
            charge_amount: form.read("ChargeAmount", form::amount(&currency))?,
            currency,
            min_postal_code_length: form
                .read("MinPostalCodeLength", shortest)?
                .map_or(1, |digits| usize::try_from(digits).unwrap_or(usize::MAX)),
            parameter: form.read_text("Parameter", form::object)?,
            payment_connector: form.text("PaymentConnector").unwrap_or("Default").to_owned(),
            payment_method,
            postal_code: form.read("PostalCode", form::boolean)?.unwrap_or(true),
            security_code: form.read("SecurityCode", form::boolean)?.unwrap_or(true),
            timeout: Duration::from_secs(form.read("Timeout", seconds)?.unwrap_or(5).into()),
            token_type: form.read("TokenType", form::known(TokenType::KNOWN))?.unwrap_or(TokenType::Reusable),
            valid_card_types: form
                .read_text("ValidCardTypes", form::list(CardType::KNOWN, ' '))?
                .unwrap_or_else(|| brands.to_vec()),
            require_matching_inputs: form
                .read_text("RequireMatchingInputs", form::list(MATCHED, ','))?
                .unwrap_or_default(),
            confirmation: form.read("Confirmation", form::boolean)?.unwrap_or(false),
        })
    }

    pub(crate) fn is_ach(&self) -> bool {
        self.payment_method == PaymentMethod::AchDebit
    }

    /// Returns the amount to charge, or `None` if a token is made instead.
    pub(crate) fn charge(&self) -> Option<Amount> {
        self.charge_amount.filter(|amount| !amount.is_zero())
    }
}

impl UpdateParameters {
    pub(crate) fn read(form: &Form<'_>) -> Result<Self, Refusal> {
        let (idempotency_key, status_callback) = common(form)?;
        let capture = form.read("Capture", form::known(Capture::KNOWN))?;
        let status = form.read("Status", form::known(PaymentsStatus::KNOWN))?;
        let kind = match (capture, status) {
            (Some(capture), None) => UpdateKind::Capture(capture),
            (None, Some(PaymentsStatus::Complete)) => UpdateKind::Complete,
            (None, Some(_)) => UpdateKind::Cancel,
            (None, None) | (Some(_), Some(_)) => {
                return Err(Refusal::new(&refusals::ONE_STEP, "One of Capture and Status is required"));
            }
        };
        Ok(Self { idempotency_key, status_callback, kind })
    }
}

/// Returns the idempotency key and the URL, which every request has.
fn common(form: &Form<'_>) -> Result<(String, String), Refusal> {
    form.only_once()?;
    let (key, url) = (form.required("IdempotencyKey")?, form.required("StatusCallback")?);
    check_callback_url(url).map_err(|reason| Refusal::invalid_parameter("StatusCallback", reason))?;
    Ok((key.to_owned(), url.to_owned()))
}
