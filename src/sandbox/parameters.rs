//! The parameters of the two operations, read from the form and checked as the service does.

use std::borrow::Cow;
use std::time::Duration;

use serde_json::{Map, Value};

use super::refusals::Refusal;
use crate::model::Amount;
use crate::model::{
    BankAccountType, Capture, CardType, PaymentMethod, PaymentsInput, PaymentsStatus, TokenType,
};

/// What every request has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Common {
    pub(super) idempotency_key: String,
    pub(super) status_callback: String,
}

/// What a session is created with, the service's defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Create {
    pub(super) common: Common,
    pub(super) bank_account_type: BankAccountType,
    /// `None` and zero both ask for a token.
    pub(super) charge_amount: Option<Amount>,
    pub(super) currency: String,
    pub(super) min_postal_code_length: u32,
    pub(super) payment_connector: String,
    pub(super) payment_method: PaymentMethod,
    pub(super) postal_code: bool,
    pub(super) security_code: bool,
    pub(super) timeout: Duration,
    pub(super) token_type: TokenType,
    pub(super) valid_card_types: Vec<CardType>,
    pub(super) require_matching_inputs: Vec<Capture>,
    pub(super) confirmation: bool,
}

/// What an update asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Capture(Capture),
    Complete,
    Cancel,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) common: Common,
    pub(super) step: Step,
}

/// The pieces of a card that can be asked for twice.
const MATCHED: [Capture; 4] =
    [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode];

impl Create {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Refusal> {
        fields.only(&[
            "IdempotencyKey",
            "StatusCallback",
            "BankAccountType",
            "ChargeAmount",
            "Currency",
            "Description",
            "Input",
            "MinPostalCodeLength",
            "Parameter",
            "PaymentConnector",
            "PaymentMethod",
            "PostalCode",
            "SecurityCode",
            "Timeout",
            "TokenType",
            "ValidCardTypes",
            "RequireMatchingInputs",
            "Confirmation",
        ])?;
        let common = Common::read(fields)?;
        let payment_method = fields
            .read("PaymentMethod", |text| known(PaymentMethod::KNOWN, text))?
            .unwrap_or(PaymentMethod::CreditCard);
        fields.read("Input", |text| known(PaymentsInput::KNOWN, text))?;
        let parameter = fields.read("Parameter", one_level)?;
        if payment_method == PaymentMethod::AchDebit && parameter.is_none() {
            return Err(Refusal::invalid_parameter("Parameter", "required for ach-debit"));
        }
        Ok(Self {
            common,
            bank_account_type: fields
                .read("BankAccountType", |text| known(BankAccountType::KNOWN, text))?
                .unwrap_or(BankAccountType::ConsumerChecking),
            charge_amount: fields.read("ChargeAmount", amount)?,
            currency: fields.read("Currency", currency)?.unwrap_or_else(|| "USD".to_owned()),
            min_postal_code_length: fields
                .read("MinPostalCodeLength", |text| integer(text, u32::MAX, "not an integer of at least 1"))?
                .unwrap_or(1),
            payment_connector: fields.text("PaymentConnector").unwrap_or("Default").to_owned(),
            payment_method,
            postal_code: fields.read("PostalCode", boolean)?.unwrap_or(true),
            security_code: fields.read("SecurityCode", boolean)?.unwrap_or(true),
            timeout: Duration::from_secs(
                fields
                    .read("Timeout", |text| integer(text, 600, "not an integer from 1 to 600"))?
                    .unwrap_or(5)
                    .into(),
            ),
            token_type: fields
                .read("TokenType", |text| known(TokenType::KNOWN, text))?
                .unwrap_or(TokenType::Reusable),
            valid_card_types: fields
                .read("ValidCardTypes", |text| list(CardType::KNOWN, text, ' '))?
                .unwrap_or_else(|| vec![CardType::Visa, CardType::Mastercard, CardType::Amex]),
            require_matching_inputs: fields
                .read("RequireMatchingInputs", |text| list(&MATCHED, text, ','))?
                .unwrap_or_default(),
            confirmation: fields.read("Confirmation", boolean)?.unwrap_or(false),
        })
    }
}

impl Update {
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Refusal> {
        fields.only(&["IdempotencyKey", "StatusCallback", "Capture", "Status"])?;
        let common = Common::read(fields)?;
        let capture = fields.read("Capture", |text| known(Capture::KNOWN, text))?;
        let status = fields.read("Status", |text| known(PaymentsStatus::KNOWN, text))?;
        let step = match (capture, status) {
            (Some(capture), None) => Step::Capture(capture),
            (None, Some(PaymentsStatus::Complete)) => Step::Complete,
            (None, Some(_)) => Step::Cancel,
            (None, None) => {
                return Err(Refusal::invalid_parameter("Capture", "required where there is no Status"));
            }
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid_parameter("Status", "not together with Capture"));
            }
        };
        Ok(Self { common, step })
    }
}

impl Common {
    fn read(fields: &Fields<'_>) -> Result<Self, Refusal> {
        let required = |name| fields.text(name).ok_or_else(|| Refusal::invalid_parameter(name, "required"));
        let idempotency_key = required("IdempotencyKey")?.to_owned();
        let status_callback = required("StatusCallback")?.to_owned();
        check_url(&status_callback).map_err(|reason| Refusal::invalid_parameter("StatusCallback", reason))?;
        Ok(Self { idempotency_key, status_callback })
    }
}

/// A decoded form, in the order in which it was sent.
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Self {
        let mut fields = Vec::with_capacity(20);
        fields.extend(form_urlencoded::parse(body));
        Self(fields)
    }

    /// Whether two bodies have the same fields with the same values, in whatever order.
    pub(super) fn are_same(one: &[u8], other: &[u8]) -> bool {
        let sorted = |body| {
            let mut fields = Fields::parse(body).0;
            fields.sort_unstable();
            fields
        };
        one == other || sorted(one) == sorted(other)
    }

    pub(super) fn into_owned(self) -> Vec<(String, String)> {
        self.0.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }

    /// A field's value; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(other, _)| other == name)?;
        (!value.is_empty()).then_some(value)
    }

    fn read<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, Refusal> {
        let parsed = self.text(name).map(parse).transpose();
        parsed.map_err(|reason| Refusal::invalid_parameter(name, reason))
    }

    /// Refuses names that are not among these, and those that come twice.
    fn only(&self, names: &[&str]) -> Result<(), Refusal> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !names.contains(&name.as_ref()) {
                return Err(Refusal::unknown_parameter(name));
            }
            if self.0.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(Refusal::invalid_parameter(name, "sent more than once"));
            }
        }
        Ok(())
    }
}

fn known<T: AsRef<str> + Clone>(all: &[T], text: &str) -> Result<T, &'static str> {
    all.iter().find(|value| value.as_ref() == text).cloned().ok_or("not one of its values")
}

fn list<T: AsRef<str> + Clone>(all: &[T], text: &str, separator: char) -> Result<Vec<T>, &'static str> {
    let items = text.split(separator).map(|item| known(all, item.trim()));
    items.collect::<Result<_, _>>().map_err(|_| "not a list of its values")
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "neither true nor false")
}

fn integer(text: &str, most: u32, reason: &'static str) -> Result<u32, &'static str> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let value = text.parse().ok().filter(|value| digits && (1..=most).contains(value));
    value.ok_or(reason)
}

fn amount(text: &str) -> Result<Amount, &'static str> {
    text.parse().map_err(|_| "not a decimal of at most four places, from 0 up to but not including 1000000")
}

fn currency(text: &str) -> Result<String, &'static str> {
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("not three letters")
    }
}

fn one_level(text: &str) -> Result<(), &'static str> {
    let fields = serde_json::from_str::<Map<String, Value>>(text).map_err(|_| "not a JSON object")?;
    if fields.values().any(|value| value.is_array() || value.is_object()) {
        return Err("has more than one level");
    }
    Ok(())
}

/// Accepts an absolute http or https URL, or a relative reference.
fn check_url(text: &str) -> Result<(), &'static str> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("not a URL");
    }
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let Some((scheme, _)) = text.get(..end).and_then(|start| start.split_once(':')) else { return Ok(()) };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err("neither an http or https URL nor a relative one");
    }
    let rest = text.get(scheme.len() + 1..).and_then(|rest| rest.strip_prefix("//"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    match authority.rsplit('@').next() {
        Some(host) if !host.is_empty() && !host.starts_with(':') => Ok(()),
        _ => Err("a URL without a host"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(fields: &[(&str, &str)]) -> Result<Create, Refusal> {
        let mut all = vec![("IdempotencyKey", "k"), ("StatusCallback", "https://example.com/s")];
        all.extend(fields);
        Create::read(&owned(&all))
    }

    fn update(fields: &[(&str, &str)]) -> Result<Update, Refusal> {
        let mut all = vec![("IdempotencyKey", "k"), ("StatusCallback", "/s")];
        all.extend(fields);
        Update::read(&owned(&all))
    }

    fn owned(fields: &[(&str, &str)]) -> Fields<'static> {
        Fields(
            fields.iter().map(|&(name, value)| (name.to_owned().into(), value.to_owned().into())).collect(),
        )
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        for (one, other, same) in [
            ("a=1&b=2", "b=2&a=1", true),
            ("a=%41+", "a=A%20", true),
            ("a=1", "a=2", false),
            ("a=1", "a=1&b=2", false),
            ("a=1&a=1", "a=1", false),
            ("a=1&b=2", "a=2&b=1", false),
        ] {
            assert_eq!(Fields::are_same(one.as_bytes(), other.as_bytes()), same, "{one} {other}");
        }
    }

    #[test]
    fn defaults() {
        let read = create(&[]).unwrap();
        assert_eq!(read.charge_amount, None);
        assert_eq!((read.currency.as_str(), read.payment_connector.as_str()), ("USD", "Default"));
        assert_eq!((read.postal_code, read.security_code, read.confirmation), (true, true, false));
        assert_eq!((read.timeout, read.min_postal_code_length), (Duration::from_secs(5), 1));
        assert_eq!(read.payment_method, PaymentMethod::CreditCard);
        assert_eq!(read.token_type, TokenType::Reusable);
        assert_eq!(read.bank_account_type, BankAccountType::ConsumerChecking);
        assert_eq!(read.valid_card_types, [CardType::Visa, CardType::Mastercard, CardType::Amex]);
        assert_eq!(read.require_matching_inputs, []);
        // Empty is absent.
        let names =
            ["ChargeAmount", "Currency", "Timeout", "TokenType", "ValidCardTypes", "Parameter", "Input"];
        assert_eq!(create(&names.map(|name| (name, ""))).unwrap(), read);
    }

    #[test]
    fn all_fields_are_read() {
        let read = create(&[
            ("BankAccountType", "commercial-checking"),
            ("ChargeAmount", "999999.9999"),
            ("Currency", "eur"),
            ("Description", "Zoë's & co."),
            ("Input", "dtmf"),
            ("MinPostalCodeLength", "4"),
            ("Parameter", r#"{"name":"foobar","n":1,"t":true,"z":null}"#),
            ("PaymentConnector", "Elsewhere"),
            ("PaymentMethod", "ach-debit"),
            ("PostalCode", "false"),
            ("SecurityCode", "false"),
            ("Timeout", "600"),
            ("TokenType", "one-time"),
            ("ValidCardTypes", "visa diners-club"),
            ("RequireMatchingInputs", "payment-card-number, postal-code"),
            ("Confirmation", "true"),
        ])
        .unwrap();
        assert_eq!(read.charge_amount, Some(Amount::MAX));
        assert_eq!((read.currency.as_str(), read.payment_connector.as_str()), ("EUR", "Elsewhere"));
        assert_eq!((read.postal_code, read.security_code, read.confirmation), (false, false, true));
        assert_eq!((read.timeout, read.min_postal_code_length), (Duration::from_secs(600), 4));
        assert_eq!(read.payment_method, PaymentMethod::AchDebit);
        assert_eq!(read.token_type, TokenType::OneTime);
        assert_eq!(read.bank_account_type, BankAccountType::CommercialChecking);
        assert_eq!(read.valid_card_types, [CardType::Visa, CardType::DinersClub]);
        assert_eq!(read.require_matching_inputs, [Capture::PaymentCardNumber, Capture::PostalCode]);
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        for (name, values) in [
            ("BankAccountType", &["savings", "Consumer-Checking"] as &[_]),
            (
                "ChargeAmount",
                &["-1", "1000000", "1e3", "NaN", "0.30000000000000004", "1,5", " 1", "+1", "1."],
            ),
            ("Currency", &["US", "DOLLAR", "U5D", "€€€"]),
            ("Input", &["speech", "dtmf speech"]),
            ("MinPostalCodeLength", &["0", "-1", "five", "1.0", "99999999999", "+5"]),
            ("Parameter", &["{'name':'foobar'}", "[]", "1", "null", "{", r#"{"a":{}}"#, r#"{"a":[1]}"#]),
            ("PaymentMethod", &["cash", "Credit-Card", "ach-debit"]),
            ("PostalCode", &["True", "1", "yes"]),
            ("SecurityCode", &["FALSE", "0"]),
            ("Timeout", &["0", "601", "-5", "5s", "5.0"]),
            ("TokenType", &["forever"]),
            ("ValidCardTypes", &["visa,amex", "visa  amex", "laser", "Visa"]),
            ("RequireMatchingInputs", &["bank-account-number", "postal-code security-code", "cvv", ","]),
            ("Confirmation", &["True", "maybe"]),
        ] {
            for value in values {
                let refusal = create(&[(name, value)]).unwrap_err();
                assert_eq!((refusal.status, refusal.code), (400, 20001), "{name} {value}");
                let named = if value == &"ach-debit" { "Parameter" } else { name };
                let start = format!("Invalid parameter {named}: ");
                assert!(refusal.message.starts_with(&start), "{name} {value}: {}", refusal.message);
            }
        }
    }

    #[test]
    fn unknown_repeated_and_missing_names_are_refused() {
        assert_eq!(create(&[("Capture", "x")]).unwrap_err().message, "Unknown parameter Capture");
        assert_eq!(create(&[("timeout", "5")]).unwrap_err().message, "Unknown parameter timeout");
        assert_eq!(update(&[("Timeout", "5")]).unwrap_err().message, "Unknown parameter Timeout");
        let twice = create(&[("Timeout", "5"), ("Timeout", "5")]).unwrap_err();
        assert_eq!(twice.message, "Invalid parameter Timeout: sent more than once");
        for (fields, missing) in [
            (&[("StatusCallback", "/s")] as &[_], "IdempotencyKey"),
            (&[("StatusCallback", "/s"), ("IdempotencyKey", "")], "IdempotencyKey"),
            (&[("IdempotencyKey", "k")], "StatusCallback"),
        ] {
            let expected = format!("Invalid parameter {missing}: required");
            assert_eq!(Create::read(&owned(fields)).unwrap_err().message, expected);
            assert_eq!(Update::read(&owned(fields)).unwrap_err().message, expected);
        }
    }

    #[test]
    fn an_update_asks_for_one_thing() {
        for capture in Capture::KNOWN {
            let read = update(&[("Capture", capture.as_str())]).unwrap();
            assert_eq!(read.step, Step::Capture(capture.clone()));
        }
        assert_eq!(update(&[("Status", "complete")]).unwrap().step, Step::Complete);
        assert_eq!(update(&[("Status", "cancel")]).unwrap().step, Step::Cancel);
        for (fields, named) in [
            (&[] as &[_], "Capture"),
            (&[("Capture", "pin")], "Capture"),
            (&[("Status", "done")], "Status"),
            (&[("Capture", "postal-code"), ("Status", "complete")], "Status"),
        ] {
            let refusal = update(fields).unwrap_err();
            assert!(refusal.message.starts_with(&format!("Invalid parameter {named}: ")), "{refusal:?}");
        }
    }

    #[test]
    fn urls() {
        for url in [
            "https://example.com",
            "HTTP://example.com:8080/a?b=c#d",
            "https://user:pass@example.com/",
            "https://:pass@example.com",
            "http://[::1]:80/",
            "/status",
            "status?x=a:b",
            "./a:b",
            "//example.com/x",
            "?x",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "ftp://example.com",
            "mailto:a@b",
            "https:",
            "https:///x",
            "https://?x",
            "http://:80/",
            "http://u@:80",
            "http://u@",
            "a b",
            "a\nb",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
