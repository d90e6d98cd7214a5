//! What a creation sends.

use std::fmt;

use serde_json::Value;

use super::check;
use crate::error::Error;
use crate::model::Amount;
use crate::model::{BankAccountType, Capture, CardType, PaymentMethod, PaymentsInput, TokenType};
use crate::params::form::Form;
use crate::text::random::Uuid;
use crate::text::url_without_secrets;

/// What [`create_payments`](crate::PaymentsApi::create_payments) sends: how a payments session is to run.
///
/// One value is one session. The idempotency key is made when the value is, and a clone has the same key:
/// to create a second session, make a second value.
///
/// Every field is public and has a setter of the same name. What is `None` or empty is not sent, and the
/// service uses its default.
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
    /// The account in the path (the document's `PathAccountSid`): `AC` and 32 hex digits. Default: the
    /// client's own. Name a subaccount here to act for it.
    pub account_sid: Option<String>,
    /// `IdempotencyKey`: any text but the empty one; the service carries out a key at most once. Made new
    /// by [`new`](Self::new).
    pub idempotency_key: String,
    /// `StatusCallback`: the http or https URL, or the reference relative to the account's default, that
    /// the service POSTs the progress to.
    pub status_callback: String,
    /// `BankAccountType`: for ACH. The service's default: `consumer-checking`.
    pub bank_account_type: Option<BankAccountType>,
    /// `ChargeAmount`: what to charge, in units of the currency. Absent or zero: nothing is charged, and
    /// the payment method is tokenized.
    pub charge_amount: Option<Amount>,
    /// `Currency`: three letters of ISO 4217. The service's default: `USD`.
    pub currency: Option<String>,
    /// `Description`: any text; it goes to the payment processor with the transaction.
    pub description: Option<String>,
    /// `Input`: how the caller gives information. The service knows only `dtmf`.
    pub input: Option<PaymentsInput>,
    /// `MinPostalCodeLength`: the least number of digits of a postal code, 1 or more.
    pub min_postal_code_length: Option<u32>,
    /// `Parameter`: a JSON object of one level with values for the payment processor; which, depends on
    /// the connector. ACH payments need it.
    pub parameter: Option<Value>,
    /// `PaymentConnector`: the unique name of the payment connector. The service's default: `Default`.
    pub payment_connector: Option<String>,
    /// `PaymentMethod`: card or bank account. The service's default: `credit-card`.
    pub payment_method: Option<PaymentMethod>,
    /// `PostalCode`: whether the caller must give the card's postal code. The service's default: `true`.
    pub postal_code: Option<bool>,
    /// `SecurityCode`: whether the caller must give the card's security code. The service's default: `true`.
    pub security_code: Option<bool>,
    /// `Timeout`: how many seconds the service waits for the next digit, 1 to 600. The service's default: 5.
    pub timeout: Option<u32>,
    /// `TokenType`: the kind of token; ignored when an amount is charged. The service's default: `reusable`.
    pub token_type: Option<TokenType>,
    /// `ValidCardTypes`: the accepted brands. The service's default: Visa, Mastercard and American Express.
    pub valid_card_types: Vec<CardType>,
    /// `RequireMatchingInputs`: the pieces of card information that the caller types twice.
    pub require_matching_inputs: Vec<Capture>,
    /// `Confirmation`: whether the caller hears the last four digits and confirms before the payment is
    /// submitted. The service's default: `false`.
    pub confirmation: Option<bool>,
}

impl CreatePaymentsParams {
    /// A new operation with a new idempotency key and the two required parameters.
    ///
    /// The URL is checked when the value is used: see [`to_form`](Self::to_form).
    #[must_use]
    pub fn new(status_callback: impl Into<String>) -> Self {
        Self {
            account_sid: None,
            idempotency_key: Uuid::random().to_string(),
            status_callback: status_callback.into(),
            bank_account_type: None,
            charge_amount: None,
            currency: None,
            description: None,
            input: None,
            min_postal_code_length: None,
            parameter: None,
            payment_connector: None,
            payment_method: None,
            postal_code: None,
            security_code: None,
            timeout: None,
            token_type: None,
            valid_card_types: Vec::new(),
            require_matching_inputs: Vec::new(),
            confirmation: None,
        }
    }

    /// Sets [`account_sid`](#structfield.account_sid), the document's `PathAccountSid`.
    #[must_use]
    pub fn account_sid(mut self, account_sid: impl Into<String>) -> Self {
        self.account_sid = Some(account_sid.into());
        self
    }

    /// Replaces the [`idempotency_key`](#structfield.idempotency_key) by one of your own, such as one
    /// derived from an order number, so that a retry from any machine is the same transaction.
    #[must_use]
    pub fn idempotency_key(mut self, idempotency_key: impl Into<String>) -> Self {
        self.idempotency_key = idempotency_key.into();
        self
    }

    /// Sets [`bank_account_type`](#structfield.bank_account_type).
    #[must_use]
    pub fn bank_account_type(mut self, bank_account_type: impl Into<BankAccountType>) -> Self {
        self.bank_account_type = Some(bank_account_type.into());
        self
    }

    /// Sets [`charge_amount`](#structfield.charge_amount).
    #[must_use]
    pub fn charge_amount(mut self, charge_amount: Amount) -> Self {
        self.charge_amount = Some(charge_amount);
        self
    }

    /// Sets [`currency`](#structfield.currency).
    #[must_use]
    pub fn currency(mut self, currency: impl Into<String>) -> Self {
        self.currency = Some(currency.into());
        self
    }

    /// Sets [`description`](#structfield.description).
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets [`input`](#structfield.input).
    #[must_use]
    pub fn input(mut self, input: impl Into<PaymentsInput>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Sets [`min_postal_code_length`](#structfield.min_postal_code_length).
    #[must_use]
    pub fn min_postal_code_length(mut self, digits: u32) -> Self {
        self.min_postal_code_length = Some(digits);
        self
    }

    /// Sets [`parameter`](#structfield.parameter).
    #[must_use]
    pub fn parameter(mut self, parameter: impl Into<Value>) -> Self {
        self.parameter = Some(parameter.into());
        self
    }

    /// Sets [`payment_connector`](#structfield.payment_connector).
    #[must_use]
    pub fn payment_connector(mut self, payment_connector: impl Into<String>) -> Self {
        self.payment_connector = Some(payment_connector.into());
        self
    }

    /// Sets [`payment_method`](#structfield.payment_method).
    #[must_use]
    pub fn payment_method(mut self, payment_method: impl Into<PaymentMethod>) -> Self {
        self.payment_method = Some(payment_method.into());
        self
    }

    /// Sets [`postal_code`](#structfield.postal_code).
    #[must_use]
    pub fn postal_code(mut self, required: bool) -> Self {
        self.postal_code = Some(required);
        self
    }

    /// Sets [`security_code`](#structfield.security_code).
    #[must_use]
    pub fn security_code(mut self, required: bool) -> Self {
        self.security_code = Some(required);
        self
    }

    /// Sets [`timeout`](#structfield.timeout), in seconds: the caller's time for the next digit, not the
    /// client's for the call.
    #[must_use]
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.timeout = Some(seconds);
        self
    }

    /// Sets [`token_type`](#structfield.token_type).
    #[must_use]
    pub fn token_type(mut self, token_type: impl Into<TokenType>) -> Self {
        self.token_type = Some(token_type.into());
        self
    }

    /// Sets [`valid_card_types`](#structfield.valid_card_types); an empty list is an absent one.
    #[must_use]
    pub fn valid_card_types(mut self, card_types: impl IntoIterator<Item = CardType>) -> Self {
        self.valid_card_types = card_types.into_iter().collect();
        self
    }

    /// Sets [`require_matching_inputs`](#structfield.require_matching_inputs); an empty list is an absent
    /// one.
    #[must_use]
    pub fn require_matching_inputs(mut self, inputs: impl IntoIterator<Item = Capture>) -> Self {
        self.require_matching_inputs = inputs.into_iter().collect();
        self
    }

    /// Sets [`confirmation`](#structfield.confirmation).
    #[must_use]
    pub fn confirmation(mut self, wanted: bool) -> Self {
        self.confirmation = Some(wanted);
        self
    }

    /// The form body that is sent, to the byte. The client calls this itself.
    ///
    /// # Errors
    /// Where the API's documents call a value invalid, naming it: an empty `IdempotencyKey`; a
    /// `StatusCallback` that is empty, or neither an http(s) URL nor a relative reference; a `Timeout`
    /// outside 1 to 600; a `MinPostalCodeLength` of 0; a `Parameter` that is no JSON object of one level;
    /// a `Currency` that is not three letters. And where one item of a list would arrive as none or as two.
    pub fn to_form(&self) -> Result<String, Error> {
        self.check().map_err(|error| error.before_sending(&self.idempotency_key))?;
        let mut form = Form::new();
        form.text("IdempotencyKey", Some(&self.idempotency_key));
        form.text("StatusCallback", Some(&self.status_callback));
        form.text("BankAccountType", self.bank_account_type.as_ref().map(BankAccountType::as_str));
        form.float("ChargeAmount", self.charge_amount.map(Amount::ten_thousandths));
        form.text("Currency", self.currency.as_deref());
        form.text("Description", self.description.as_deref());
        form.text("Input", self.input.as_ref().map(PaymentsInput::as_str));
        form.int("MinPostalCodeLength", self.min_postal_code_length);
        form.json("Parameter", self.parameter.as_ref())
            .map_err(|error| Error::invalid("Parameter", "has no JSON text").with_source(error))?;
        form.text("PaymentConnector", self.payment_connector.as_deref());
        form.text("PaymentMethod", self.payment_method.as_ref().map(PaymentMethod::as_str));
        form.boolean("PostalCode", self.postal_code);
        form.boolean("SecurityCode", self.security_code);
        form.int("Timeout", self.timeout);
        form.text("TokenType", self.token_type.as_ref().map(TokenType::as_str));
        form.list("ValidCardTypes", &self.valid_card_types, ' ');
        form.list("RequireMatchingInputs", &self.require_matching_inputs, ',');
        form.boolean("Confirmation", self.confirmation);
        Ok(form.finish())
    }

    fn check(&self) -> Result<(), Error> {
        check::common(&self.idempotency_key, &self.status_callback)?;
        if let Some(currency) = &self.currency {
            if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_alphabetic()) {
                return Err(Error::invalid("Currency", "not three letters"));
            }
        }
        if self.min_postal_code_length == Some(0) {
            return Err(Error::invalid("MinPostalCodeLength", "0, the least is 1"));
        }
        if let Some(parameter) = &self.parameter {
            check::parameter(parameter)?;
        }
        if self.timeout.is_some_and(|seconds| !(1..=600).contains(&seconds)) {
            return Err(Error::invalid("Timeout", "outside 1 to 600 seconds"));
        }

        check::list("ValidCardTypes", &self.valid_card_types, ' ')?;
        check::list("RequireMatchingInputs", &self.require_matching_inputs, ',')?;
        Ok(())
    }
}

impl fmt::Debug for CreatePaymentsParams {
    /// Leaves out what may be personal or secret: the values of `parameter`, and the URL's user and query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameter = self.parameter.as_ref().map(|value| match value {
            Value::Object(fields) => format!("{{{} fields}}", fields.len()),
            _ => "…".to_owned(),
        });
        f.debug_struct("CreatePaymentsParams")
            .field("account_sid", &self.account_sid)
            .field("idempotency_key", &self.idempotency_key)
            .field("status_callback", &url_without_secrets(&self.status_callback))
            .field("bank_account_type", &self.bank_account_type)
            .field("charge_amount", &self.charge_amount)
            .field("currency", &self.currency)
            .field("description", &self.description)
            .field("input", &self.input)
            .field("min_postal_code_length", &self.min_postal_code_length)
            .field("parameter", &parameter)
            .field("payment_connector", &self.payment_connector)
            .field("payment_method", &self.payment_method)
            .field("postal_code", &self.postal_code)
            .field("security_code", &self.security_code)
            .field("timeout", &self.timeout)
            .field("token_type", &self.token_type)
            .field("valid_card_types", &self.valid_card_types)
            .field("require_matching_inputs", &self.require_matching_inputs)
            .field("confirmation", &self.confirmation)
            .finish()
    }
}
