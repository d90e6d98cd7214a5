//! The parameters of the two operations. A value is one logical operation: its idempotency key is made
//! with it, and goes with every call and retry that uses the value.

use std::fmt;

use serde_json::Value;

use crate::amount::Amount;
use crate::error::Error;
use crate::form::Form;
use crate::key;
use crate::text::url_without_secrets;
use crate::values::{BankAccountType, Capture, CardType, Input, PaymentMethod, Status, TokenType};

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
    pub input: Option<Input>,
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
            idempotency_key: key::mint(),
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
    pub fn input(mut self, input: impl Into<Input>) -> Self {
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
        check_common(&self.idempotency_key, &self.status_callback)?;
        if let Some(currency) = &self.currency {
            if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_alphabetic()) {
                return Err(Error::invalid("Currency", "not three letters"));
            }
        }
        if self.min_postal_code_length == Some(0) {
            return Err(Error::invalid("MinPostalCodeLength", "0, the least is 1"));
        }
        if let Some(parameter) = &self.parameter {
            check_parameter(parameter)?;
        }
        if self.timeout.is_some_and(|seconds| !(1..=600).contains(&seconds)) {
            return Err(Error::invalid("Timeout", "outside 1 to 600 seconds"));
        }

        check_list("ValidCardTypes", &self.valid_card_types, ' ')?;
        check_list("RequireMatchingInputs", &self.require_matching_inputs, ',')?;

        let mut form = Form::new();
        form.text("IdempotencyKey", Some(&self.idempotency_key));
        form.text("StatusCallback", Some(&self.status_callback));
        form.text("BankAccountType", self.bank_account_type.as_ref().map(BankAccountType::as_str));
        form.float("ChargeAmount", self.charge_amount.map(Amount::ten_thousandths));
        form.text("Currency", self.currency.as_deref());
        form.text("Description", self.description.as_deref());
        form.text("Input", self.input.as_ref().map(Input::as_str));
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
}

/// What [`update_payments`](crate::PaymentsApi::update_payments) sends: the next step of a session.
///
/// One value is one step, as one [`CreatePaymentsParams`] is one session. The constructors make the steps
/// that make sense; the public fields allow any other.
///
/// ```
/// use twilio_payments::{Capture, UpdatePaymentsParams};
///
/// # fn main() -> Result<(), twilio_payments::Error> {
/// let url = "https://example.com/pay/status";
/// let ask = UpdatePaymentsParams::capture(url, Capture::ExpirationDate).idempotency_key("k1");
/// assert_eq!(
///     ask.to_form()?,
///     "IdempotencyKey=k1&StatusCallback=https%3A%2F%2Fexample.com%2Fpay%2Fstatus&Capture=expiration-date"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdatePaymentsParams {
    /// The account in the path (the document's `PathAccountSid`): `AC` and 32 hex digits. Default: the
    /// client's own.
    pub account_sid: Option<String>,
    /// `IdempotencyKey`: any text but the empty one; the service carries out a key at most once. Made new
    /// by every constructor.
    pub idempotency_key: String,
    /// `StatusCallback`: the http or https URL, or the relative reference, that the service POSTs the
    /// progress of this step to.
    pub status_callback: String,
    /// `Capture`: the piece of information that the caller is asked for.
    pub capture: Option<Capture>,
    /// `Status`: ends the session.
    pub status: Option<Status>,
}

impl UpdatePaymentsParams {
    /// A new step with a new idempotency key that neither captures nor ends: set one of the fields. The
    /// other constructors do.
    #[must_use]
    pub fn new(status_callback: impl Into<String>) -> Self {
        Self {
            account_sid: None,
            idempotency_key: key::mint(),
            status_callback: status_callback.into(),
            capture: None,
            status: None,
        }
    }

    /// A step that asks the caller for a piece of information (`Capture`).
    #[must_use]
    pub fn capture(status_callback: impl Into<String>, capture: impl Into<Capture>) -> Self {
        Self { capture: Some(capture.into()), ..Self::new(status_callback) }
    }

    /// The step that submits what was collected (`Status=complete`).
    #[must_use]
    pub fn complete(status_callback: impl Into<String>) -> Self {
        Self { status: Some(Status::Complete), ..Self::new(status_callback) }
    }

    /// The step that drops what was collected (`Status=cancel`).
    #[must_use]
    pub fn cancel(status_callback: impl Into<String>) -> Self {
        Self { status: Some(Status::Cancel), ..Self::new(status_callback) }
    }

    /// Sets [`account_sid`](#structfield.account_sid), the document's `PathAccountSid`.
    #[must_use]
    pub fn account_sid(mut self, account_sid: impl Into<String>) -> Self {
        self.account_sid = Some(account_sid.into());
        self
    }

    /// Replaces the [`idempotency_key`](#structfield.idempotency_key) by one of your own.
    #[must_use]
    pub fn idempotency_key(mut self, idempotency_key: impl Into<String>) -> Self {
        self.idempotency_key = idempotency_key.into();
        self
    }

    /// The form body that is sent, to the byte. The client calls this itself.
    ///
    /// # Errors
    /// Where the `IdempotencyKey` is empty, or the `StatusCallback` is empty, or neither an http(s) URL
    /// nor a relative reference. Any pair of `Capture` and `Status` goes through: the service judges it.
    pub fn to_form(&self) -> Result<String, Error> {
        check_common(&self.idempotency_key, &self.status_callback)?;
        let mut form = Form::new();
        form.text("IdempotencyKey", Some(&self.idempotency_key));
        form.text("StatusCallback", Some(&self.status_callback));
        form.text("Capture", self.capture.as_ref().map(Capture::as_str));
        form.text("Status", self.status.as_ref().map(Status::as_str));
        Ok(form.finish())
    }
}

fn check_common(idempotency_key: &str, status_callback: &str) -> Result<(), Error> {
    if idempotency_key.is_empty() {
        return Err(Error::invalid("IdempotencyKey", "empty"));
    }
    if let Err(reason) = check_callback(status_callback) {
        return Err(Error::invalid("StatusCallback", reason));
    }
    Ok(())
}

/// Accepts an http(s) URL with a host, or a relative reference, both of the characters that a URL may have.
fn check_callback(url: &str) -> Result<(), &'static str> {
    if url.is_empty() {
        return Err("empty");
    }
    if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("has a space or control character");
    }
    let scheme = url.find(':').filter(|&colon| url.find(['/', '?', '#']).is_none_or(|end| colon < end));
    let Some(colon) = scheme else { return Ok(()) };
    let (scheme, rest) = url.split_at(colon);
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err("neither an http(s) URL nor a relative reference");
    }
    let authority = rest.strip_prefix("://").and_then(|rest| rest.split(['/', '?', '#']).next());
    let host = authority.map(|authority| authority.rsplit_once('@').map_or(authority, |(_, host)| host));
    match host {
        None | Some("") => Err("a URL without a host"),
        Some(host) if host.starts_with(':') => Err("a URL without a host"),
        Some(_) => Ok(()),
    }
}

/// Refuses an item that is empty or holds what separates the items.
fn check_list<T: AsRef<str>>(field: &'static str, items: &[T], separator: char) -> Result<(), Error> {
    if items.iter().any(|item| item.as_ref().is_empty() || item.as_ref().contains(separator)) {
        return Err(Error::invalid(field, format!("an item is empty or has a {separator:?} in it")));
    }
    Ok(())
}

fn check_parameter(parameter: &Value) -> Result<(), Error> {
    let Value::Object(fields) = parameter else {
        return Err(Error::invalid("Parameter", "not a JSON object"));
    };
    if fields.values().any(|value| value.is_object() || value.is_array()) {
        return Err(Error::invalid("Parameter", "nested: a value is itself an object or array"));
    }
    Ok(())
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

impl fmt::Debug for UpdatePaymentsParams {
    /// Leaves out the URL's user and query, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdatePaymentsParams")
            .field("account_sid", &self.account_sid)
            .field("idempotency_key", &self.idempotency_key)
            .field("status_callback", &url_without_secrets(&self.status_callback))
            .field("capture", &self.capture)
            .field("status", &self.status)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const URL: &str = "https://example.com/status";

    fn create() -> CreatePaymentsParams {
        CreatePaymentsParams::new(URL).idempotency_key("k")
    }

    #[track_caller]
    fn refused(params: &CreatePaymentsParams, message: &str) {
        assert_eq!(params.to_form().unwrap_err().to_string(), message);
    }

    #[test]
    fn every_field_goes_out_in_the_documents_order() {
        let params = create()
            .account_sid("AC00000000000000000000000000000001")
            .bank_account_type(BankAccountType::ConsumerSavings)
            .charge_amount(Amount::from_cents(1999).unwrap())
            .currency("GBP")
            .description("a\r\nb & ü")
            .input(Input::Dtmf)
            .min_postal_code_length(5)
            .parameter(json!({"name": "foobar"}))
            .payment_connector("stripe_connector")
            .payment_method(PaymentMethod::AchDebit)
            .postal_code(false)
            .security_code(true)
            .timeout(600)
            .token_type(TokenType::OneTime)
            .valid_card_types([CardType::Visa, CardType::from("brand-new")])
            .require_matching_inputs([Capture::PaymentCardNumber, Capture::ExpirationDate])
            .confirmation(true);
        assert_eq!(
            params.to_form().unwrap(),
            "IdempotencyKey=k&StatusCallback=https%3A%2F%2Fexample.com%2Fstatus&\
             BankAccountType=consumer-savings&ChargeAmount=19.99&Currency=GBP&\
             Description=a%0D%0Ab+%26+%C3%BC&Input=dtmf&MinPostalCodeLength=5&\
             Parameter=%7B%22name%22%3A%22foobar%22%7D&PaymentConnector=stripe_connector&\
             PaymentMethod=ach-debit&PostalCode=false&SecurityCode=true&Timeout=600&TokenType=one-time&\
             ValidCardTypes=visa+brand-new&\
             RequireMatchingInputs=payment-card-number%2Cexpiration-date&Confirmation=true"
        );
    }

    #[test]
    fn absent_is_absent() {
        let wire = "IdempotencyKey=k&StatusCallback=https%3A%2F%2Fexample.com%2Fstatus";
        assert_eq!(create().to_form().unwrap(), wire);
        let empty_lists = create().valid_card_types([]).require_matching_inputs([]);
        assert_eq!(empty_lists.to_form().unwrap(), wire);
        let update = UpdatePaymentsParams::new(URL).idempotency_key("k");
        assert_eq!(update.to_form().unwrap(), wire);
    }

    #[test]
    fn updates() {
        let wire = |params: UpdatePaymentsParams| {
            let body = params.idempotency_key("k").to_form().unwrap();
            body.rsplit_once("status&").unwrap().1.to_owned()
        };
        assert_eq!(wire(UpdatePaymentsParams::capture(URL, Capture::PostalCode)), "Capture=postal-code");
        assert_eq!(wire(UpdatePaymentsParams::capture(URL, "iris-scan")), "Capture=iris-scan");
        assert_eq!(wire(UpdatePaymentsParams::complete(URL)), "Status=complete");
        assert_eq!(wire(UpdatePaymentsParams::cancel(URL)), "Status=cancel");
        let mut both = UpdatePaymentsParams::capture(URL, Capture::PostalCode);
        both.status = Some(Status::Complete);
        assert_eq!(wire(both), "Capture=postal-code&Status=complete");
    }

    #[test]
    fn a_value_is_one_operation() {
        let params = CreatePaymentsParams::new(URL);
        assert_eq!(params.clone(), params);
        assert_ne!(CreatePaymentsParams::new(URL).idempotency_key, params.idempotency_key);
        assert_ne!(
            UpdatePaymentsParams::complete(URL).idempotency_key,
            UpdatePaymentsParams::complete(URL).idempotency_key
        );
    }

    #[test]
    fn status_callbacks() {
        for good in [
            "https://example.com",
            "http://example.com:8080/a?b=c#d",
            "HTTPS://example.com/",
            "https://user:pass@example.com/",
            "https://[::1]:8080/",
            "/relative",
            "relative/path",
            "?query=a:b",
            "//example.com/path",
            "./a:b",
            "https://пример.example/",
        ] {
            assert_eq!(check_callback(good), Ok(()), "{good}");
        }
        for (bad, reason) in [
            ("", "empty"),
            ("ftp://example.com", "neither an http(s) URL nor a relative reference"),
            ("javascript:alert(1)", "neither an http(s) URL nor a relative reference"),
            ("mailto:a@example.com", "neither an http(s) URL nor a relative reference"),
            ("example.com:8080/path", "neither an http(s) URL nor a relative reference"),
            (":foo", "neither an http(s) URL nor a relative reference"),
            ("https:", "a URL without a host"),
            ("https://", "a URL without a host"),
            ("https:///path", "a URL without a host"),
            ("https://?x", "a URL without a host"),
            ("https://user@/", "a URL without a host"),
            ("https://:80/", "a URL without a host"),
            ("https:example.com", "a URL without a host"),
            ("https://example.com/a b", "has a space or control character"),
            ("https://example.com/\r\nX: y", "has a space or control character"),
            (" https://example.com", "has a space or control character"),
        ] {
            assert_eq!(check_callback(bad), Err(reason), "{bad}");
            let message = format!("invalid StatusCallback: {reason}");
            refused(&CreatePaymentsParams::new(bad), &message);
            assert_eq!(UpdatePaymentsParams::complete(bad).to_form().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn values_that_the_documents_call_invalid() {
        refused(&create().idempotency_key(""), "invalid IdempotencyKey: empty");
        for seconds in [0, 601, u32::MAX] {
            refused(&create().timeout(seconds), "invalid Timeout: outside 1 to 600 seconds");
        }
        refused(&create().min_postal_code_length(0), "invalid MinPostalCodeLength: 0, the least is 1");
        for item in ["", "visa amex"] {
            refused(
                &create().valid_card_types([CardType::Visa, item.into()]),
                "invalid ValidCardTypes: an item is empty or has a ' ' in it",
            );
        }
        refused(
            &create().require_matching_inputs(["postal-code,security-code".into()]),
            "invalid RequireMatchingInputs: an item is empty or has a ',' in it",
        );
        for currency in ["", "US", "USDX", "U$D", "ÜS", "US\n"] {
            refused(&create().currency(currency), "invalid Currency: not three letters");
        }
        for parameter in [json!([]), json!("x"), json!(1), json!(true), Value::Null] {
            refused(&create().parameter(parameter), "invalid Parameter: not a JSON object");
        }
        for parameter in [json!({"a": {}}), json!({"a": []}), json!({"a": 1, "b": {"c": 1}})] {
            refused(
                &create().parameter(parameter),
                "invalid Parameter: nested: a value is itself an object or array",
            );
        }
        let update = UpdatePaymentsParams::complete(URL).idempotency_key("");
        assert_eq!(update.to_form().unwrap_err().to_string(), "invalid IdempotencyKey: empty");
    }

    #[test]
    fn values_that_the_service_judges() {
        for params in [
            create().timeout(1).min_postal_code_length(u32::MAX).currency("usd"),
            create().parameter(json!({})).parameter(json!({"n": null, "b": false, "i": 1, "s": ""})),
            create().payment_method("cheque").token_type("eternal").payment_connector("").description(""),
            create().charge_amount(Amount::ZERO).require_matching_inputs([Capture::BankRoutingNumber]),
        ] {
            params.to_form().unwrap();
        }
    }

    #[test]
    fn debug_leaves_out_what_may_be_secret() {
        let url = "https://user:hush@example.com/status?token=hush";
        let params = CreatePaymentsParams::new(url).parameter(json!({"ssn": "hush"}));
        assert!(!format!("{params:?}").contains("hush"));
        assert!(!format!("{:?}", UpdatePaymentsParams::complete(url)).contains("hush"));
    }
}
