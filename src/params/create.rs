//! The parameters of `CreatePayments`.

use serde_json::Value;

use super::field::{self, Field, Stored, items, text};
use super::form::Form;
use super::key::MadeKey;
use super::operation::{keyed_setters, operation};
use super::{DEFAULT_CURRENCY, check};
use crate::error::Error;
use crate::model::{
    Amount, BankAccountType, Capture, CardType, PaymentMethod, PaymentsInput, TokenType, currency,
};

/// The parameters of [`create_payments`](crate::PaymentsApi::create_payments): how a Payments session runs.
///
/// One value is one session. The idempotency key is made with the value, and every call with the value, or with an
/// unchanged clone of it, sends that key. To use a value as a template, clone it for each order: calling a setter on
/// the clone, or on a value that was cloned, makes a new key for it. A key that you set with
/// [`idempotency_key`](Self::idempotency_key) never changes. Assigning to a public field does not change the key
/// either: see [`with_new_key`](Self::with_new_key).
///
/// Every field is public and has a setter of the same name. A field that is `None` or empty is not sent, and the
/// service uses its default; but an empty `IdempotencyKey`, `StatusCallback` or `Currency` is refused.
///
/// serde writes and reads the fields by their wire names, and the account as `PathAccountSid`. A value that is read
/// keeps its stored key as if you had set it. An unknown field is refused.
///
/// ```
/// use serde_json::json;
/// use twilio_payments::{Amount, CardType, CreatePaymentsParams};
///
/// # fn main() -> Result<(), twilio_payments::Error> {
/// let params = CreatePaymentsParams::new("https://example.com/pay/status")
///     .idempotency_key("order-1066")
///     .charge_amount("19.99".parse()?)
///     .valid_card_types([CardType::Visa, CardType::Amex])
///     .parameter(json!({"order": 1066}));
/// assert_eq!(
///     params.to_form()?,
///     "IdempotencyKey=order-1066&StatusCallback=https%3A%2F%2Fexample.com%2Fpay%2Fstatus&\
///      ChargeAmount=19.99&Parameter=%7B%22order%22%3A1066%7D&ValidCardTypes=visa+amex"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct CreatePaymentsParams {
    /// The account in the path (`PathAccountSid` in the API's documentation): `AC` and 32 hex digits. Default: the
    /// client's own account. Set this to act for a subaccount.
    pub account_sid: Option<String>,
    /// `IdempotencyKey`: any text that is not empty. According to the API's documentation, calls with the same key make
    /// one transaction; how that is enforced, and for how long, is not documented. [`new`](Self::new) makes one.
    pub idempotency_key: String,
    /// `StatusCallback`: the http or https URL, or the relative reference, that the service POSTs callbacks to.
    pub status_callback: String,
    /// `BankAccountType`: the kind of account, for ACH payments. The service's default: `consumer-checking`.
    pub bank_account_type: Option<BankAccountType>,
    /// `ChargeAmount`: the amount to charge, in units of the currency. It must not have more decimals than the currency
    /// has. If it is absent or zero, nothing is charged, and the payment method is tokenized.
    pub charge_amount: Option<Amount>,
    /// `Currency`: a three-letter ISO 4217 code. The service's default: `USD`.
    pub currency: Option<String>,
    /// `Description`: any text. The payment processor receives it with the transaction. Default: none.
    pub description: Option<String>,
    /// `Input`: how the caller enters information. The service only supports `dtmf`, and does not document a default.
    pub input: Option<PaymentsInput>,
    /// `MinPostalCodeLength`: the smallest number of digits of a postal code, 1 or more. The service's default is not
    /// documented.
    pub min_postal_code_length: Option<u32>,
    /// `Parameter`: a JSON object of one level, with values for the payment processor. Which values are needed depends
    /// on the payment connector; for ACH payments, e-check connectors need `AVSName`. Default: none.
    pub parameter: Option<Value>,
    /// `PaymentConnector`: the unique name of the payment connector. The service's default: `Default`.
    pub payment_connector: Option<String>,
    /// `PaymentMethod`: card or bank account. The service's default: `credit-card`.
    pub payment_method: Option<PaymentMethod>,
    /// `PostalCode`: whether the caller must enter the card's postal code. The service's default: `true`.
    pub postal_code: Option<bool>,
    /// `SecurityCode`: whether the caller must enter the card's security code. The service's default: `true`.
    pub security_code: Option<bool>,
    /// `Timeout`: how many seconds the service waits for the next digit, 1 to 600. The service's default: 5.
    pub timeout: Option<u32>,
    /// `TokenType`: the kind of token; ignored if an amount is charged. The service's default: `reusable`.
    pub token_type: Option<TokenType>,
    /// `ValidCardTypes`: the card brands that are accepted. The service's default: Visa, Mastercard and American
    /// Express.
    pub valid_card_types: Vec<CardType>,
    /// `RequireMatchingInputs`: the captures that the caller must type twice: card number, expiration date, security
    /// code or postal code. Default: none.
    pub require_matching_inputs: Vec<Capture>,
    /// `Confirmation`: whether the caller hears the last four digits and must confirm before the payment is
    /// submitted. The service's default: `false`.
    pub confirmation: Option<bool>,
    made_key: MadeKey,
}

impl CreatePaymentsParams {
    /// Makes the parameters of a new operation, with a new idempotency key.
    ///
    /// The URL is checked when the value is used: see [`to_form`](Self::to_form).
    pub fn new(status_callback: impl Into<String>) -> Self {
        Self::read(MadeKey::new(), status_callback.into(), &mut Stored::default())
    }

    /// Prepares the value for a payment of its own: a key that a copy has too, unless the program set it, is replaced.
    pub(crate) fn for_one_payment(mut self) -> Self {
        self.made_key.before_change(&mut self.idempotency_key);
        self
    }

    keyed_setters! {
        /// Sets [`bank_account_type`](#structfield.bank_account_type).
        bank_account_type(bank_account_type: impl Into<BankAccountType>) = Some(bank_account_type.into());
        /// Sets [`charge_amount`](#structfield.charge_amount).
        charge_amount(charge_amount: Amount) = Some(charge_amount);
        /// Sets [`currency`](#structfield.currency).
        currency(currency: impl Into<String>) = Some(currency.into());
        /// Sets [`description`](#structfield.description).
        description(description: impl Into<String>) = Some(description.into());
        /// Sets [`input`](#structfield.input).
        input(input: impl Into<PaymentsInput>) = Some(input.into());
        /// Sets [`min_postal_code_length`](#structfield.min_postal_code_length).
        min_postal_code_length(digits: u32) = Some(digits);
        /// Sets [`parameter`](#structfield.parameter).
        parameter(parameter: impl Into<Value>) = Some(parameter.into());
        /// Sets [`payment_connector`](#structfield.payment_connector).
        payment_connector(payment_connector: impl Into<String>) = Some(payment_connector.into());
        /// Sets [`payment_method`](#structfield.payment_method).
        payment_method(payment_method: impl Into<PaymentMethod>) = Some(payment_method.into());
        /// Sets [`postal_code`](#structfield.postal_code).
        postal_code(required: bool) = Some(required);
        /// Sets [`security_code`](#structfield.security_code).
        security_code(required: bool) = Some(required);
        /// Sets [`timeout`](#structfield.timeout), in seconds. It is the caller's time for the next digit, not the
        /// timeout of the request.
        timeout(seconds: u32) = Some(seconds);
        /// Sets [`token_type`](#structfield.token_type).
        token_type(token_type: impl Into<TokenType>) = Some(token_type.into());
        /// Sets [`valid_card_types`](#structfield.valid_card_types); an empty list is not sent.
        valid_card_types(card_types: impl IntoIterator<Item = CardType>) = card_types.into_iter().collect();
        /// Sets [`require_matching_inputs`](#structfield.require_matching_inputs); an empty list is not sent.
        require_matching_inputs(inputs: impl IntoIterator<Item = Capture>) = inputs.into_iter().collect();
        /// Sets [`confirmation`](#structfield.confirmation).
        confirmation(wanted: bool) = Some(wanted);
    }

    /// Returns the exact form body that is sent. The client calls this itself.
    ///
    /// # Errors
    /// Returns an error that names the field if the API's documentation calls its value invalid: an empty
    /// `IdempotencyKey`; a `StatusCallback` that is empty, is neither an http(s) URL nor a relative reference, or has
    /// a character that is not allowed in a URL; a `Timeout` outside 1 to 600; a `MinPostalCodeLength` of 0; a
    /// `Parameter` that is not a JSON object of one level; a `Currency` that is not three letters; a
    /// `ChargeAmount` with more decimals than the currency has. Also returns an error if an item of a list is empty,
    /// or has a character that separates items.
    pub fn to_form(&self) -> Result<String, Error> {
        check::common(&self.idempotency_key, &self.status_callback)?;
        check::money(self.charge_amount, self.currency.as_deref())?;
        if self.min_postal_code_length == Some(0) {
            return Err(Error::invalid("MinPostalCodeLength", "less than 1"));
        }
        self.parameter.as_ref().map_or(Ok(()), check::parameter)?;
        if self.timeout.is_some_and(|seconds| !(1..=600).contains(&seconds)) {
            return Err(Error::invalid("Timeout", "outside 1 to 600 seconds"));
        }
        check::list("ValidCardTypes", &self.valid_card_types)?;
        check::list("RequireMatchingInputs", &self.require_matching_inputs)?;
        Form::of(&self.fields())
    }

    /// Returns every field of the form.
    fn fields(&self) -> [(&'static str, Option<Field<'_>>); 18] {
        let currency = self.currency.as_deref().unwrap_or(DEFAULT_CURRENCY);
        let float = |amount| Field::Float(amount, currency::decimals(currency).unwrap_or(2));
        [
            ("IdempotencyKey", Some(Field::Text(&self.idempotency_key))),
            ("StatusCallback", Some(Field::Url(&self.status_callback))),
            ("BankAccountType", text(self.bank_account_type.as_ref())),
            ("ChargeAmount", self.charge_amount.map(float)),
            ("Currency", text(self.currency.as_ref())),
            ("Description", text(self.description.as_ref())),
            ("Input", text(self.input.as_ref())),
            ("MinPostalCodeLength", self.min_postal_code_length.map(Field::Int)),
            ("Parameter", self.parameter.as_ref().map(Field::Json)),
            ("PaymentConnector", text(self.payment_connector.as_ref())),
            ("PaymentMethod", text(self.payment_method.as_ref())),
            ("PostalCode", self.postal_code.map(Field::Boolean)),
            ("SecurityCode", self.security_code.map(Field::Boolean)),
            ("Timeout", self.timeout.map(Field::Int)),
            ("TokenType", text(self.token_type.as_ref())),
            ("ValidCardTypes", items(&self.valid_card_types).map(Field::CardTypes)),
            ("RequireMatchingInputs", items(&self.require_matching_inputs).map(Field::Captures)),
            ("Confirmation", self.confirmation.map(Field::Boolean)),
        ]
    }

    /// Takes the fields that are stored, and leaves the others unset.
    fn read(key: (MadeKey, String), status_callback: String, stored: &mut Stored) -> Self {
        let (made_key, idempotency_key) = key;
        Self {
            account_sid: stored.take(field::ACCOUNT_SID),
            idempotency_key,
            status_callback,
            bank_account_type: stored.take("BankAccountType"),
            charge_amount: stored.take("ChargeAmount"),
            currency: stored.take("Currency"),
            description: stored.take("Description"),
            input: stored.take("Input"),
            min_postal_code_length: stored.take("MinPostalCodeLength"),
            parameter: stored.take("Parameter"),
            payment_connector: stored.take("PaymentConnector"),
            payment_method: stored.take("PaymentMethod"),
            postal_code: stored.take("PostalCode"),
            security_code: stored.take("SecurityCode"),
            timeout: stored.take("Timeout"),
            token_type: stored.take("TokenType"),
            valid_card_types: stored.take("ValidCardTypes").unwrap_or_default(),
            require_matching_inputs: stored.take("RequireMatchingInputs").unwrap_or_default(),
            confirmation: stored.take("Confirmation"),
            made_key,
        }
    }
}

operation!(CreatePaymentsParams);
