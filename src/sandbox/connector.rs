//! `PaymentConnector`: what it supports, and what it does with a completed session.

use super::numbers;
use super::parameters::CreateParameters;
use super::refusals::{self, Refusal};
use crate::model::{PaymentMethod, TokenType};

/// A payment connector of the sandbox: see [`Sandbox::set_connector`](super::Sandbox::set_connector).
///
/// A new one supports everything, and treats card and account numbers as listed in [`numbers`].
///
/// ```
/// use twilio_payments::CreatePaymentsParams;
/// use twilio_payments::sandbox::{PaymentConnector, Sandbox};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let sandbox = Sandbox::start()?;
/// sandbox.set_connector("Default", PaymentConnector::new().token_types([]));
///
/// // Without an amount, the session asks for a token.
/// let params = CreatePaymentsParams::new("https://example.com/status");
/// let error = sandbox.client().create_payments(sandbox.call().sid(), &params).unwrap_err();
/// assert_eq!(error.api_error().and_then(|api| api.code), Some(64005));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct PaymentConnector {
    charges: Option<bool>,
    /// `None` means all of them, as in the next two fields.
    token_types: Option<Vec<TokenType>>,
    payment_methods: Option<Vec<PaymentMethod>>,
    currencies: Option<Vec<String>>,
    ach_parameters: Vec<String>,
    fails_with: Option<u32>,
}

impl PaymentConnector {
    /// Makes a connector that supports everything.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        /// Sets whether it can charge. If not, a session with an amount is refused with 64007. Default: true.
        charges(charges: bool) = Some(charges);

        /// Sets the types of token that it makes. A session that asks for another is refused with 64006, or with 64005
        /// if there are none. Default: all.
        token_types(types: impl IntoIterator<Item = TokenType>) = Some(types.into_iter().collect());

        /// Sets the payment methods that it accepts. A session with another is refused with 64013. Default: all.
        payment_methods(methods: impl IntoIterator<Item = PaymentMethod>) =
            Some(methods.into_iter().collect());

        /// Sets the currencies that it accepts, in capitals. A charge in another is refused with 64011. Default: any
        /// three letters.
        currencies(codes: impl IntoIterator<Item = impl Into<String>>) =
            Some(codes.into_iter().map(Into::into).collect());

        /// Sets the names that it needs in `Parameter` for `ach-debit`. A session without one of them is refused, with
        /// 64014 for `AVSName` and with 64015 for others. Default: no particular names, but a session without
        /// `Parameter` is refused with 64015.
        ach_parameters(names: impl IntoIterator<Item = impl Into<String>>) =
            names.into_iter().map(Into::into).collect();

        /// Makes every session that is completed fail: its last callback has `payment-connector-error` and this
        /// `PayErrorCode`, such as 64002 (unavailable), 64008 (charge rejected), 64009 (no longer authorized), 64010
        /// (token rejected) or 64012 (card rejected).
        fails_with(code: u32) = Some(code);
    }

    /// Checks whether a session with these parameters can be created.
    ///
    /// # Errors
    /// Returns a refusal if one of them is not supported.
    pub(super) fn check(&self, parameters: &CreateParameters) -> Result<(), Refusal> {
        let CreateParameters { currency, payment_method, token_type, payment_connector, .. } = parameters;
        let refused = |rule, what: &str| {
            Err(Refusal::new(rule, format!("Connector {payment_connector} does not support {what}")))
        };
        let three_letters = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_alphabetic());
        if !three_letters || !accepts(self.currencies.as_ref(), currency) {
            return refused(&refusals::CURRENCY, "the currency");
        }
        if !accepts(self.payment_methods.as_ref(), payment_method) {
            return refused(&refusals::PAYMENT_METHOD, payment_method.as_str());
        }
        match (parameters.charge(), &self.token_types) {
            (Some(_), _) if self.charges == Some(false) => return refused(&refusals::NO_CHARGES, "charges"),
            (None, Some(types)) if types.is_empty() => return refused(&refusals::NO_TOKENS, "tokens"),
            (None, types) if !accepts(types.as_ref(), token_type) => {
                return refused(&refusals::TOKEN_TYPE, token_type.as_str());
            }
            _ => {}
        }
        if parameters.is_ach() {
            let given = parameters.parameter.as_ref();
            let missing = |name: &&String| given.is_none_or(|given| !given.contains_key(*name));
            match self.ach_parameters.iter().find(missing).map(String::as_str) {
                Some("AVSName") => return refused(&refusals::AVS_NAME, "ach-debit without AVSName"),
                None if given.is_some() => {}
                name => {
                    let what = format!("ach-debit without {}", name.unwrap_or("Parameter"));
                    return refused(&refusals::PARAMETER, &what);
                }
            }
        }
        Ok(())
    }

    /// Decides whether a card or account number is charged or tokenized.
    ///
    /// # Errors
    /// Returns why it is not.
    pub(super) fn judge(&self, number: &str, parameters: &CreateParameters) -> Result<(), PaymentFailure> {
        let failed = |code, message: &str, connector| {
            Err(PaymentFailure { message: message.to_owned(), code: Some(code), connector })
        };
        if let Some(code) = self.fails_with {
            return failed(code, &format!("payment connector error {code}"), "");
        }
        let (message, connector) = match number {
            numbers::DECLINED | numbers::BRAINTREE_DECLINED => ("card is declined", "card_declined"),
            numbers::INSUFFICIENT_FUNDS => ("card is declined", "insufficient_funds"),
            numbers::BANK_ACCOUNT_CLOSED => ("bank account is declined", "account_closed"),
            numbers::BANK_INSUFFICIENT_FUNDS => ("bank account is declined", "insufficient_funds"),
            numbers::CONNECTOR_OUTAGE | numbers::BANK_OUTAGE => {
                ("payment gateway did not respond", "processing_error")
            }
            _ => return Ok(()),
        };
        failed(if parameters.charge().is_some() { 64008 } else { 64010 }, message, connector)
    }
}

/// Returns whether a connector supports a value. Without a list, it supports all values.
fn accepts<T: PartialEq>(supported: Option<&Vec<T>>, value: &T) -> bool {
    supported.is_none_or(|supported| supported.contains(value))
}

/// Why a session ended without an effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PaymentFailure {
    /// The message (`PaymentError`).
    pub(crate) message: String,
    /// The service's error code (`PayErrorCode`).
    pub(crate) code: Option<u32>,
    /// The payment processor's own code (`ConnectorError`).
    pub(crate) connector: &'static str,
}

impl PaymentFailure {
    /// Makes a failure that is not the connector's.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::Form;
    use super::*;

    fn parameters(more: &str) -> CreateParameters {
        let body = format!("IdempotencyKey=k&StatusCallback=/{more}");
        CreateParameters::read(&Form::parse(body.as_bytes())).unwrap()
    }

    #[test]
    fn support() {
        let ach = "&PaymentMethod=ach-debit&ChargeAmount=1&Parameter=%7B%22AVSName%22%3A%22x%22%7D";
        for (connector, more, code) in [
            (PaymentConnector::new(), "", None),
            (PaymentConnector::new(), "&ChargeAmount=1", None),
            (PaymentConnector::new(), ach, None),
            (PaymentConnector::new(), "&Currency=dollars", Some(64011)),
            (PaymentConnector::new(), "&PaymentMethod=ach-debit", Some(64015)),
            (PaymentConnector::new().charges(false), "&ChargeAmount=1", Some(64007)),
            (PaymentConnector::new().charges(false), "&ChargeAmount=0", None),
            (PaymentConnector::new().token_types([]), "", Some(64005)),
            (PaymentConnector::new().token_types([]), "&ChargeAmount=1", None),
            (PaymentConnector::new().token_types([TokenType::OneTime]), "", Some(64006)),
            (PaymentConnector::new().token_types([TokenType::OneTime]), "&TokenType=one-time", None),
            (PaymentConnector::new().currencies(["EUR"]), "&ChargeAmount=1", Some(64011)),
            (PaymentConnector::new().currencies(["EUR"]), "&ChargeAmount=1&Currency=eur", None),
            (PaymentConnector::new().payment_methods([PaymentMethod::CreditCard]), ach, Some(64013)),
            (PaymentConnector::new().payment_methods([PaymentMethod::AchDebit]), "", Some(64013)),
            (PaymentConnector::new().ach_parameters(["AVSName"]), ach, None),
            (PaymentConnector::new().ach_parameters(["AVSName"]), "&PaymentMethod=ach-debit", Some(64014)),
            (PaymentConnector::new().ach_parameters(["AVSName", "iban"]), ach, Some(64015)),
            (PaymentConnector::new().ach_parameters(["AVSName"]), "", None),
        ] {
            let refused = connector.check(&parameters(more)).err().map(|refusal| refusal.rule.code);
            assert_eq!(refused, code, "{connector:?} {more}");
        }
    }

    #[test]
    fn verdicts() {
        let works = PaymentConnector::new();
        let (charge, token, ach) = ("&ChargeAmount=1", "", "&PaymentMethod=ach-debit&Parameter={}");
        for (connector, number, more, expected) in [
            (&works, numbers::VISA, charge, None),
            (&works, numbers::BANK_ACCOUNT, ach, None),
            (&works, "4111111111111129", charge, None),
            (&works, numbers::DECLINED, charge, Some((64008, "card_declined"))),
            (&works, numbers::DECLINED, token, Some((64010, "card_declined"))),
            (&works, numbers::BRAINTREE_DECLINED, charge, Some((64008, "card_declined"))),
            (&works, numbers::INSUFFICIENT_FUNDS, charge, Some((64008, "insufficient_funds"))),
            (&works, numbers::CONNECTOR_OUTAGE, charge, Some((64008, "processing_error"))),
            (&works, numbers::BANK_ACCOUNT_CLOSED, ach, Some((64010, "account_closed"))),
            (&works, numbers::BANK_INSUFFICIENT_FUNDS, ach, Some((64010, "insufficient_funds"))),
            (&works, numbers::BANK_OUTAGE, ach, Some((64010, "processing_error"))),
            (&PaymentConnector::new().fails_with(64002), numbers::VISA, charge, Some((64002, ""))),
            (&PaymentConnector::new().fails_with(64012), numbers::VISA, token, Some((64012, ""))),
        ] {
            let failure = connector.judge(number, &parameters(more)).err();
            let failure = failure.map(|failure| (failure.code.unwrap(), failure.connector));
            assert_eq!(failure, expected, "{number} {more}");
        }
    }
}
