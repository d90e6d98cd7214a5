//! `StatusCallback`: what the service POSTs while a payment is under way.

mod debug;
mod error;
mod event;
mod read;
mod retries;
#[cfg(feature = "signature")]
pub(crate) mod signature;
mod stored;

use crate::model::sid;
use crate::model::{
    Amount, BankAccountType, Capture, CaptureError, CardType, PayResult, PaymentMethod, TokenType,
};
use crate::text::Withheld;
use crate::text::form::pairs;
use crate::text::url::Url;
use read::{KeptForm, Pairs, Reader};

pub use error::{CallbackError, CallbackErrorKind};
pub use event::Event;
pub use retries::{CallbackFailure, CallbackRetries};
#[cfg(feature = "signature")]
pub use signature::SignatureValidator;

/// The longest body that is read, 1 MiB, in bytes.
pub(crate) const MAX_BODY: usize = 1 << 20;

/// The query parameter of a `StatusCallback` URL that names the payment; see [`StatusCallback::tag`].
pub(crate) const TAG_PARAMETER: &str = "payment_flow";

/// One report on a Payments session, which the service sends to the `StatusCallback` URL.
///
/// The responses to requests only report that a request was accepted. What the caller typed, what is still required,
/// what failed, the confirmation code and the token arrive in callbacks. [`event`](Self::event) returns what happened;
/// the fields have the details.
///
/// Anyone can POST to a public URL, so read callbacks with [`SignatureValidator::receive`], which first checks that the
/// service sent them. [`parse`](Self::parse) does not check that.
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
/// assert_eq!(callback.required(), Some(&[Capture::ExpirationDate, Capture::SecurityCode][..]));
/// assert!(matches!(
///     callback.event(),
///     Event::Captured { capture: Capture::PaymentCardNumber, shown: Some("xxxxxxxxxxxx4242"), .. }
/// ));
/// # Ok(())
/// # }
/// ```
///
/// # How it is read
/// - Only [`sid`](Self::sid) is always present. An empty value counts as absent, except that an empty `Required` means
///   that nothing more is required.
/// - Values and names that the service adds later do not make reading fail. A new value of an enum becomes `Other`. A
///   name without a field here, and a value that its field cannot hold, such as a `ChargeAmount` that is not a decimal,
///   are in [`others`](Self::others).
/// - If a name occurs more than once, its first value that is not empty counts, and later ones are in
///   [`others`](Self::others). `Required` is a list, so all its values count together.
/// - A percent sign that is not followed by two hex digits is read as it is. Bytes that are not UTF-8 are read as
///   U+FFFD.
/// - Two callbacks are equal if they have the same values and the same [`tag`](Self::tag), even if their forms are
///   written differently.
///
/// # Storing
/// [`form`](Self::form) returns the callback as it arrived, and `serde` writes and reads that form together with the
/// tag. Both contain the secrets below.
///
/// # Secrets
/// [`payment_token`](Self::payment_token), [`profile_id`](Self::profile_id) and
/// [`bank_routing_number`](Self::bank_routing_number) have accessors instead of fields. `Debug` shows neither these,
/// nor what the caller typed, not even masked, nor the values in [`others`](Self::others).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StatusCallback {
    /// The session: `PK` and 32 hex digits (`Sid`).
    pub sid: String,
    /// The account (`AccountSid`).
    pub account_sid: Option<String>,
    /// The call of the session (`CallSid`). If the call has two legs, this is the parent leg, which can differ from the
    /// call that the session was created on: to distinguish payments, use [`sid`](Self::sid).
    pub call_sid: Option<String>,
    /// When the session began, in ISO 8601 format, such as `2021-08-10T03:55:53.408Z` (`DateCreated`). Present in the
    /// first callback.
    pub date_created: Option<String>,
    /// When this happened, in ISO 8601 format (`DateUpdated`). Present in every callback except the first.
    pub date_updated: Option<String>,
    /// The name of the payment connector (`PaymentConnector`).
    pub payment_connector: Option<String>,
    /// What the caller pays with: a card or a bank account (`PaymentMethod`).
    pub payment_method: Option<PaymentMethod>,
    /// The kind of bank account (`BankAccountType`). Present for ACH payments.
    pub bank_account_type: Option<BankAccountType>,
    /// The amount to charge, in the session's currency (`ChargeAmount`). Absent if a token is made instead, and in the
    /// last callback of some sessions.
    pub charge_amount: Option<Amount>,
    /// The kind of token that is made (`TokenType`). Absent if an amount is charged.
    pub token_type: Option<TokenType>,
    /// What the caller was last asked to type (`Capture`).
    pub capture: Option<Capture>,
    /// Whether the capture is incomplete: `true` while the caller types, `false` when it is in (`PartialResult`).
    pub partial_result: Option<bool>,
    /// Why the capture failed (`ErrorType`).
    pub error_type: Option<CaptureError>,
    /// How many times the caller has typed this capture (`Attempt`). The service need not send it.
    pub attempt: Option<u32>,
    /// The card's number, masked except for the last four digits, such as `xxxxxxxxxxxx4242`. While the caller types,
    /// the part that has been typed (`PaymentCardNumber`). See [`last_digits`](Self::last_digits).
    pub payment_card_number: Option<String>,
    /// The card's brand (`PaymentCardType`).
    pub payment_card_type: Option<CardType>,
    /// The card's expiration date as four digits, month then year, not masked (`ExpirationDate`).
    pub expiration_date: Option<String>,
    /// The security code, masked, such as `xxx` (`SecurityCode`).
    pub security_code: Option<String>,
    /// The postal code of the card's billing address, not masked (`PaymentCardPostalCode`).
    pub payment_card_postal_code: Option<String>,
    /// The bank account's number, masked except for the last two digits, such as `*******92`
    /// (`BankAccountNumber`).
    pub bank_account_number: Option<String>,
    /// How the session ended (`Result`). Only present in the last callback of a session.
    pub result: Option<PayResult>,
    /// The payment processor's code for the charge (`PaymentConfirmationCode`).
    pub payment_confirmation_code: Option<String>,
    /// What went wrong with the payment, as a message (`PaymentError`). The service sometimes percent-encodes it twice;
    /// the second encoding is undone here if the result is readable text.
    pub payment_error: Option<String>,
    /// What went wrong with the payment, as the service's error code (`PayErrorCode`).
    pub pay_error_code: Option<u32>,
    /// The payment connector's own message (`ConnectorError`).
    pub connector_error: Option<String>,
    bank_routing_number: Option<Withheld>,
    payment_token: Option<Withheld>,
    profile_id: Option<Withheld>,
    required: Option<Vec<Capture>>,
    others: Vec<(String, String)>,
    form: KeptForm,
    tag: Option<String>,
}

impl StatusCallback {
    /// Reads the body of a callback **without** checking who sent it. Use it for bodies that were verified before, or
    /// come from a source that you trust, such as your own tests. For requests from the network, use
    /// [`SignatureValidator::receive`](crate::SignatureValidator::receive).
    ///
    /// # Errors
    /// Returns an error of kind [`CallbackErrorKind::Malformed`] if the body
    /// - is not a form, or is a form without a `Sid`, so that it is not about a Payments session,
    /// - has a `Sid` that is not `PK` and 32 hex digits,
    /// - is longer than 1 MiB.
    ///
    /// The error does not show the body.
    ///
    /// ```
    /// use twilio_payments::{CallbackErrorKind, StatusCallback};
    ///
    /// let error = StatusCallback::parse(b"{\"Sid\": \"PK1\"}").unwrap_err();
    /// assert_eq!(error.kind(), CallbackErrorKind::Malformed);
    /// ```
    pub fn parse(body: &[u8]) -> Result<Self, CallbackError> {
        if body.len() > MAX_BODY {
            return Err(malformed("the callback's body is longer than 1 MiB"));
        }
        Self::read(body, pairs(body).collect())
    }

    /// Reads a body whose pairs were already decoded.
    fn read(body: &[u8], pairs: Pairs<'_>) -> Result<Self, CallbackError> {
        let mut form = Reader(pairs);
        let sid: String = form.take("Sid").ok_or_else(|| {
            malformed("not a callback of a Payments session: a form with a Sid was expected")
        })?;
        if !sid::is("PK", &sid) {
            return Err(malformed(
                "not a callback of a Payments session: its Sid is not PK and 32 hex digits",
            ));
        }
        Ok(Self {
            sid,
            account_sid: form.take("AccountSid"),
            call_sid: form.take("CallSid"),
            date_created: form.take("DateCreated"),
            date_updated: form.take("DateUpdated"),
            payment_connector: form.take("PaymentConnector"),
            payment_method: form.take("PaymentMethod"),
            bank_account_type: form.take("BankAccountType"),
            charge_amount: form.take("ChargeAmount"),
            token_type: form.take("TokenType"),
            capture: form.take_with("Capture", |name| Some(read::capture_named(name))),
            partial_result: form.take_with("PartialResult", |word| word.to_ascii_lowercase().parse().ok()),
            error_type: form.take("ErrorType"),
            attempt: form.take("Attempt"),
            payment_card_number: form.take("PaymentCardNumber"),
            payment_card_type: form.take("PaymentCardType"),
            expiration_date: form.take("ExpirationDate"),
            security_code: form.take("SecurityCode"),
            payment_card_postal_code: form.take("PaymentCardPostalCode"),
            bank_account_number: form.take("BankAccountNumber"),
            result: form.take("Result"),
            payment_confirmation_code: form.take("PaymentConfirmationCode"),
            payment_error: form.take("PaymentError").map(read::decoded_again),
            pay_error_code: form.take("PayErrorCode"),
            connector_error: form.take("ConnectorError"),
            bank_routing_number: form.take("BankRoutingNumber").map(Withheld),
            payment_token: form.take("PaymentToken").map(Withheld),
            profile_id: form.take("ProfileId").map(Withheld),
            required: form.take_captures("Required"),
            others: form.others(),
            form: KeptForm::new(body),
            tag: None,
        })
    }

    /// Returns the same callback with the [`tag`](Self::tag) of the URL that the service requested. Use it for
    /// callbacks that were verified elsewhere; [`SignatureValidator::receive`] does this itself.
    ///
    /// [`SignatureValidator::receive`]: crate::SignatureValidator::receive
    ///
    /// ```
    /// use twilio_payments::StatusCallback;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let callback = StatusCallback::parse(b"Sid=PK00000000000000000000000000000000")?;
    /// assert_eq!(callback.tag(), None);
    /// let callback = callback.received_at("https://pay.example.com/status?order=7&payment_flow=a1b2");
    /// assert_eq!(callback.tag(), Some("a1b2"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn received_at(mut self, url: &str) -> Self {
        self.tag = pairs(Url::split(url).query.unwrap_or_default().as_bytes())
            .filter(|(name, value)| name == TAG_PARAMETER && !value.is_empty())
            .last()
            .map(|(_, value)| value.into_owned());
        self
    }

    /// Returns the value of the query parameter `payment_flow` in the URL that the service requested. It identifies the
    /// payment that the callback belongs to, even before the session's SID is known. `None` if the URL has no such
    /// parameter or only the body was read. If there is more than one, the last one counts.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the form-encoded body as it arrived, to be stored. [`parse`](Self::parse) reads it again. Bytes that are
    /// not UTF-8 are percent-encoded in it.
    ///
    /// It contains the callback's secrets: protect it accordingly, and do not log it.
    pub fn form(&self) -> &str {
        &self.form.0
    }

    /// Returns the captures that the service still requires before the session can be completed (`Required`). An empty
    /// list means that nothing more is required, but after a failed entry ([`error_type`](Self::error_type)) it means
    /// nothing, since the service also sends empty values for absent ones. `None` means that the callback does not say,
    /// like the first one.
    ///
    /// The captures are in an order in which they can be asked for: the card number before the security code, whose
    /// length depends on it, and every capture before its `…-matcher`. Both spellings that are in use are read,
    /// `payment-card-number` and `PaymentCardNumber`, separated by commas or spaces. New ones are last, as
    /// [`Capture::Other`].
    ///
    /// ```
    /// use twilio_payments::{Capture, StatusCallback};
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let session = "Sid=PK00000000000000000000000000000000";
    /// let parse = |rest| StatusCallback::parse(format!("{session}{rest}").as_bytes());
    /// assert_eq!(
    ///     parse("&Required=security-code,payment-card-number")?.required(),
    ///     Some(&[Capture::PaymentCardNumber, Capture::SecurityCode][..])
    /// );
    /// assert_eq!(parse("&Required=")?.required(), Some(&[][..])); // complete the session
    /// assert_eq!(parse("")?.required(), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn required(&self) -> Option<&[Capture]> {
        self.required.as_deref()
    }

    /// Returns the value of a capture as the service shows it: masked, except for the expiration date, the postal code
    /// and the routing number. It is incomplete while the caller types. A capture and its `…-matcher` have the same
    /// value.
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
            // A new capture needs no line here until a callback has a field for it.
            #[allow(clippy::match_wildcard_for_single_variants, reason = "see above")]
            _ => None,
        }
    }

    /// Returns the last digits of the card number or, if there is none, of the account number, whatever its mask looks
    /// like (`xxxx-xxxxxx-x4001`, `************4001`). `None` if all of it is masked.
    ///
    /// ```
    /// use twilio_payments::StatusCallback;
    ///
    /// # fn main() -> Result<(), twilio_payments::CallbackError> {
    /// let callback =
    ///     StatusCallback::parse(b"Sid=PK00000000000000000000000000000000&BankAccountNumber=*******92")?;
    /// assert_eq!(callback.last_digits(), Some("92"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn last_digits(&self) -> Option<&str> {
        let shown = self.payment_card_number.as_deref().or(self.bank_account_number.as_deref())?.trim_end();
        let mask = shown.trim_end_matches(|c: char| c.is_ascii_digit());
        shown.strip_prefix(mask).filter(|digits| !digits.is_empty())
    }

    /// Returns whether this is the last callback of its session, because it has a [`result`](Self::result).
    pub fn is_final(&self) -> bool {
        self.result.is_some()
    }

    /// Returns the token that stands for the payment method (`PaymentToken`). Present if a session without an amount
    /// succeeded.
    ///
    /// It is as valuable as the card that it stands for: protect it accordingly, and do not log it.
    pub fn payment_token(&self) -> Option<&str> {
        self.payment_token.as_ref().map(Withheld::as_str)
    }

    /// Returns the customer's record at the payment processor that the token belongs to, if the connector keeps one
    /// (`ProfileId`). It may be usable like a token: do not log it.
    pub fn profile_id(&self) -> Option<&str> {
        self.profile_id.as_ref().map(Withheld::as_str)
    }

    /// Returns the bank's routing number, nine digits that are not masked (`BankRoutingNumber`).
    pub fn bank_routing_number(&self) -> Option<&str> {
        self.bank_routing_number.as_ref().map(Withheld::as_str)
    }

    /// Returns everything that has no field: unknown names, values that their field cannot hold, and further values of
    /// a name. Each item is a name and its value, in the order of the body.
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
        self.others.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the first value of a name in [`others`](Self::others).
    pub fn other(&self, name: &str) -> Option<&str> {
        self.others().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

fn malformed(reason: &'static str) -> CallbackError {
    CallbackError::new(CallbackErrorKind::Malformed, reason)
}

#[cfg(test)]
mod tests;
