//! `StatusCallback`: what the service POSTs while a payment goes on.

mod debug;
mod error;
mod event;
mod others;
mod put;
mod required;
#[cfg(feature = "signature")]
pub(crate) mod signature;

use crate::model::Amount;
use crate::model::sid;
use crate::model::{BankAccountType, Capture, CaptureError, CardType, PayResult, PaymentMethod, TokenType};
use crate::text::Withheld;
use crate::text::form::pairs;

pub use error::{CallbackError, CallbackErrorKind};
pub use event::Event;
use others::Others;
#[cfg(feature = "signature")]
pub use signature::SignatureValidator;

/// The longest body that is read.
pub(crate) const MAX_BODY: usize = 1 << 20;

/// One report on a Payments session, sent by the service to the `StatusCallback` URL.
///
/// The answers to create and update say only that a request was taken. What the caller typed, what is still
/// missing, what failed, the confirmation code and the token come in these. [`event`](Self::event) says in
/// one word what happened; the fields have everything else.
///
/// Anyone can POST to a public URL: read callbacks with [`SignatureValidator::receive`], which checks first
/// that the service sent them. [`parse`](Self::parse) alone does not.
///
/// [`SignatureValidator::receive`]: crate::SignatureValidator::receive
///
/// ```
/// use twilio_payments::{Capture, CardType, Event, StatusCallback};
///
/// # fn main() -> Result<(), twilio_payments::CallbackError> {
/// let callback = StatusCallback::parse(
///     b"Sid=PK00000000000000000000000000000000&Capture=payment-card-number&PartialResult=false\
///       &PaymentCardNumber=xxxxxxxxxxxx4242&PaymentCardType=visa&Required=SecurityCode%2C+ExpirationDate",
/// )?;
/// assert_eq!(callback.payment_card_type, Some(CardType::Visa));
/// assert_eq!(callback.required(), [Capture::ExpirationDate, Capture::SecurityCode]);
/// assert!(matches!(
///     callback.event(),
///     Event::Captured { capture: Capture::PaymentCardNumber, masked: Some("xxxxxxxxxxxx4242"), .. }
/// ));
/// # Ok(())
/// # }
/// ```
///
/// # How it is read
/// - Only [`sid`](Self::sid) is always there. An empty value is an absent one.
/// - Nothing that the service may add makes reading fail: a new value of an enum becomes its `Other`, and a
///   name without a field here, or a value that its field cannot hold (such as a `ChargeAmount` that is no
///   decimal), is kept in [`others`](Self::others).
/// - Where a name comes more than once, its first value that is not empty counts, and the later ones are in
///   [`others`](Self::others). `Required` is a list: all its values count together.
/// - A percent sign without two hex digits after it stands for itself. Bytes that are no UTF-8 are read as
///   U+FFFD.
///
/// # Secrets
/// [`payment_token`](Self::payment_token), [`profile_id`](Self::profile_id) and
/// [`bank_routing_number`](Self::bank_routing_number) have accessors instead of fields. `Debug` shows
/// neither these nor what the caller typed, masked or not, nor the values in [`others`](Self::others).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusCallback {
    /// The session: `PK` and 32 hex digits (`Sid`).
    pub sid: String,
    /// The account (`AccountSid`).
    pub account_sid: Option<String>,
    /// The call on which the session runs (`CallSid`).
    pub call_sid: Option<String>,
    /// When the session began, in ISO 8601 such as `2021-08-10T03:55:53.408Z` (`DateCreated`). Comes with
    /// the first callback.
    pub date_created: Option<String>,
    /// When this happened, in ISO 8601 (`DateUpdated`). Comes with every callback but the first.
    pub date_updated: Option<String>,
    /// The name of the payment connector (`PaymentConnector`).
    pub payment_connector: Option<String>,
    /// Card or bank account (`PaymentMethod`).
    pub payment_method: Option<PaymentMethod>,
    /// The kind of bank account (`BankAccountType`). Comes with ACH payments.
    pub bank_account_type: Option<BankAccountType>,
    /// What is charged, in the session's currency (`ChargeAmount`). Absent where a token is made instead.
    pub charge_amount: Option<Amount>,
    /// The kind of token that is made (`TokenType`). Absent where an amount is charged.
    pub token_type: Option<TokenType>,
    /// What the caller was last asked to type (`Capture`).
    pub capture: Option<Capture>,
    /// Whether digits are still awaited: `true` while the caller types, `false` when the piece is in
    /// (`PartialResult`).
    pub partial_result: Option<bool>,
    /// Why the capture failed (`ErrorType`).
    pub error_type: Option<CaptureError>,
    /// Which try of this capture it was, counted from 1 (`Attempt`).
    pub attempt: Option<u32>,
    /// The card's number, masked but for the last four digits, such as `xxxxxxxxxxxx4242`; while the caller
    /// types, what there is of it (`PaymentCardNumber`).
    pub payment_card_number: Option<String>,
    /// The card's brand (`PaymentCardType`).
    pub payment_card_type: Option<CardType>,
    /// The card's expiry as four digits, month then year, not masked (`ExpirationDate`).
    pub expiration_date: Option<String>,
    /// The security code, masked, such as `xxx` (`SecurityCode`).
    pub security_code: Option<String>,
    /// The postal code of the card's billing address, not masked (`PaymentCardPostalCode`).
    pub payment_card_postal_code: Option<String>,
    /// The bank account's number, masked but for the last two digits, such as `*******92`
    /// (`BankAccountNumber`).
    pub bank_account_number: Option<String>,
    /// How the session ended (`Result`). Present in the last callback of a session, and only there.
    pub result: Option<PayResult>,
    /// The payment processor's code for the charge (`PaymentConfirmationCode`).
    pub payment_confirmation_code: Option<String>,
    /// What went wrong with the payment, in words (`PaymentError`).
    pub payment_error: Option<String>,
    /// What went wrong with the payment, as the service's error code (`PayErrorCode`).
    pub pay_error_code: Option<u32>,
    /// What the payment connector said, in its own words (`ConnectorError`).
    pub connector_error: Option<String>,
    bank_routing_number: Option<Withheld>,
    payment_token: Option<Withheld>,
    profile_id: Option<Withheld>,
    required: Vec<Capture>,
    others: Others,
}

impl StatusCallback {
    /// Reads the body of a callback, **without** asking who sent it. Use it for bodies that were verified
    /// before or come from a place that you trust, such as your own tests; for requests from the network
    /// there is [`SignatureValidator::receive`](crate::SignatureValidator::receive).
    ///
    /// # Errors
    /// [`CallbackErrorKind::Malformed`] if the body
    /// - is no form, or a form without `Sid`: then it is not about a Payments session,
    /// - has a `Sid` that is not `PK` and 32 hex digits,
    /// - is longer than 1 MiB.
    ///
    /// The body itself is not repeated in the error.
    ///
    /// ```
    /// use twilio_payments::{CallbackErrorKind, StatusCallback};
    ///
    /// let error = StatusCallback::parse(b"{\"Sid\": \"PK1\"}").unwrap_err();
    /// assert_eq!(error.kind(), CallbackErrorKind::Malformed);
    /// ```
    pub fn parse(body: &[u8]) -> Result<Self, CallbackError> {
        let refusal = |reason| Err(CallbackError::new(CallbackErrorKind::Malformed, reason));
        if body.len() > MAX_BODY {
            return refusal("the callback's body is longer than 1 MiB");
        }
        let mut callback = Self::empty();
        for (name, value) in pairs(body) {
            callback.put(&name, value);
        }
        if callback.sid.is_empty() {
            return refusal("not a callback of a Payments session: a form with a Sid was expected");
        }
        if !sid::is("PK", &callback.sid) {
            return refusal("not a callback of a Payments session: its Sid is not PK and 32 hex digits");
        }
        required::arrange(&mut callback.required);
        Ok(callback)
    }

    /// What the service still needs before the session can be completed, in an order in which it can be
    /// asked for: the card number before the security code, whose length depends on it, and every piece
    /// before its `…-matcher` (`Required`).
    ///
    /// Empty when nothing is missing, and in callbacks that do not say: the first one, and the last.
    ///
    /// The names are understood in both spellings that are in use, `payment-card-number` and
    /// `PaymentCardNumber`, with commas or spaces between. New ones come last, as [`Capture::Other`].
    ///
    /// ```
    /// use twilio_payments::{Capture, StatusCallback};
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let callback = StatusCallback::parse(
    ///     b"Sid=PK00000000000000000000000000000000&Required=security-code,payment-card-number",
    /// )?;
    /// assert_eq!(callback.required(), [Capture::PaymentCardNumber, Capture::SecurityCode]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn required(&self) -> &[Capture] {
        &self.required
    }

    /// What there is of a piece of information, as the service shows it: masked, save for the expiry, the
    /// postal code and the routing number, and not yet whole while the caller types. A piece and its
    /// `…-matcher` are one.
    ///
    /// ```
    /// use twilio_payments::{Capture, StatusCallback};
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let callback = StatusCallback::parse(b"Sid=PK00000000000000000000000000000000&SecurityCode=xxx")?;
    /// assert_eq!(callback.shown(&Capture::SecurityCode), Some("xxx"));
    /// assert_eq!(callback.shown(&Capture::PostalCode), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn shown(&self, capture: &Capture) -> Option<&str> {
        match capture {
            Capture::PaymentCardNumber | Capture::PaymentCardNumberMatcher => {
                self.payment_card_number.as_deref()
            }
            Capture::ExpirationDate | Capture::ExpirationDateMatcher => self.expiration_date.as_deref(),
            Capture::SecurityCode | Capture::SecurityCodeMatcher => self.security_code.as_deref(),
            Capture::PostalCode | Capture::PostalCodeMatcher => self.payment_card_postal_code.as_deref(),
            Capture::BankRoutingNumber => self.bank_routing_number(),
            Capture::BankAccountNumber => self.bank_account_number.as_deref(),
            Capture::Other(_) => None,
        }
    }

    /// Whether this is the last callback of its session: it has a [`result`](Self::result).
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.result.is_some()
    }

    /// The token that stands for the payment method from now on (`PaymentToken`). Present after a session
    /// without an amount succeeded.
    ///
    /// It is as good as the card it stands for: store it accordingly, and do not log it.
    #[must_use]
    pub fn payment_token(&self) -> Option<&str> {
        self.payment_token.as_ref().map(Withheld::as_str)
    }

    /// The customer's record at the payment processor to which the token belongs, where the connector
    /// keeps one (`ProfileId`). With some connectors it serves as a token itself: do not log it.
    #[must_use]
    pub fn profile_id(&self) -> Option<&str> {
        self.profile_id.as_ref().map(Withheld::as_str)
    }

    /// The bank's routing number, nine digits, not masked (`BankRoutingNumber`).
    #[must_use]
    pub fn bank_routing_number(&self) -> Option<&str> {
        self.bank_routing_number.as_ref().map(Withheld::as_str)
    }

    /// Everything that has no field: unknown names, values that their field cannot hold, and further
    /// values of a name; name and value, in their order in the body.
    ///
    /// ```
    /// use twilio_payments::StatusCallback;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let callback = StatusCallback::parse(
    ///     b"Sid=PK00000000000000000000000000000000&Brand=new&ChargeAmount=a+lot",
    /// )?;
    /// assert_eq!(callback.charge_amount, None);
    /// assert_eq!(callback.others().collect::<Vec<_>>(), [("Brand", "new"), ("ChargeAmount", "a lot")]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn others(&self) -> impl Iterator<Item = (&str, &str)> {
        self.others.iter()
    }

    /// The first value under a name in [`others`](Self::others).
    ///
    /// ```
    /// use twilio_payments::StatusCallback;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let callback = StatusCallback::parse(b"Sid=PK00000000000000000000000000000000&Brand=new")?;
    /// assert_eq!(callback.other("Brand"), Some("new"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn other(&self, name: &str) -> Option<&str> {
        self.others().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    fn empty() -> Self {
        Self {
            sid: String::new(),
            account_sid: None,
            call_sid: None,
            date_created: None,
            date_updated: None,
            payment_connector: None,
            payment_method: None,
            bank_account_type: None,
            charge_amount: None,
            token_type: None,
            capture: None,
            partial_result: None,
            error_type: None,
            attempt: None,
            payment_card_number: None,
            payment_card_type: None,
            expiration_date: None,
            security_code: None,
            payment_card_postal_code: None,
            bank_account_number: None,
            result: None,
            payment_confirmation_code: None,
            payment_error: None,
            pay_error_code: None,
            connector_error: None,
            bank_routing_number: None,
            payment_token: None,
            profile_id: None,
            required: Vec::new(),
            others: Others::default(),
        }
    }
}

#[cfg(test)]
mod tests;
