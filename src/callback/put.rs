//! Where each parameter of a callback belongs.

use std::borrow::Cow;
use std::str::FromStr;

use super::{StatusCallback, required};
use crate::text::Withheld;

/// What a reader makes of a value, or the value again where it is none that the field can hold.
type Read<'a, T> = Result<T, Cow<'a, str>>;

impl StatusCallback {
    /// Puts one parameter into its field, or into the others where it has none or its field does not take
    /// it.
    pub(super) fn put(&mut self, name: &str, value: Cow<'_, str>) {
        let placed = match name {
            "Sid" if self.sid.is_empty() => {
                self.sid = value.into_owned();
                Ok(())
            }
            "Sid" if value.is_empty() => Ok(()),
            "AccountSid" => fill(&mut self.account_sid, value, text),
            "CallSid" => fill(&mut self.call_sid, value, text),
            "DateCreated" => fill(&mut self.date_created, value, text),
            "DateUpdated" => fill(&mut self.date_updated, value, text),
            "PaymentConnector" => fill(&mut self.payment_connector, value, text),
            "PaymentMethod" => fill(&mut self.payment_method, value, one_of),
            "BankAccountType" => fill(&mut self.bank_account_type, value, one_of),
            "ChargeAmount" => fill(&mut self.charge_amount, value, parsed),
            "TokenType" => fill(&mut self.token_type, value, one_of),
            "Capture" => fill(&mut self.capture, value, |value| Ok(required::capture(&value))),
            "PartialResult" => fill(&mut self.partial_result, value, truth),
            "Required" => required::read(&mut self.required, value),
            "ErrorType" => fill(&mut self.error_type, value, one_of),
            "Attempt" => fill(&mut self.attempt, value, parsed),
            "PaymentCardNumber" => fill(&mut self.payment_card_number, value, text),
            "PaymentCardType" => fill(&mut self.payment_card_type, value, one_of),
            "ExpirationDate" => fill(&mut self.expiration_date, value, text),
            "SecurityCode" => fill(&mut self.security_code, value, text),
            "PaymentCardPostalCode" => fill(&mut self.payment_card_postal_code, value, text),
            "BankAccountNumber" => fill(&mut self.bank_account_number, value, text),
            "BankRoutingNumber" => fill(&mut self.bank_routing_number, value, secret),
            "Result" => fill(&mut self.result, value, one_of),
            "PaymentConfirmationCode" => fill(&mut self.payment_confirmation_code, value, text),
            "PaymentToken" => fill(&mut self.payment_token, value, secret),
            "ProfileId" => fill(&mut self.profile_id, value, secret),
            "PaymentError" => fill(&mut self.payment_error, value, text),
            "PayErrorCode" => fill(&mut self.pay_error_code, value, parsed),
            "ConnectorError" => fill(&mut self.connector_error, value, text),
            _ => Err(value),
        };
        if let Err(value) = placed {
            self.others.push(name, &value);
        }
    }
}

/// Fills a field that is still empty. An empty value is taken as absent.
fn fill<'a, T>(
    field: &mut Option<T>,
    value: Cow<'a, str>,
    read: impl FnOnce(Cow<'a, str>) -> Read<'a, T>,
) -> Read<'a, ()> {
    if value.is_empty() {
        return Ok(());
    }
    if field.is_some() {
        return Err(value);
    }
    *field = Some(read(value)?);
    Ok(())
}

#[allow(clippy::unnecessary_wraps, reason = "a reader like the others, though it takes any value")]
fn text(value: Cow<'_, str>) -> Read<'_, String> {
    Ok(value.into_owned())
}

#[allow(clippy::unnecessary_wraps, reason = "a reader like the others, though it takes any value")]
fn secret(value: Cow<'_, str>) -> Read<'_, Withheld> {
    Ok(Withheld::new(value.into_owned()))
}

#[allow(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "a reader like the others")]
fn one_of<T: for<'b> From<&'b str>>(value: Cow<'_, str>) -> Read<'_, T> {
    Ok(T::from(&value))
}

fn parsed<T: FromStr>(value: Cow<'_, str>) -> Read<'_, T> {
    value.parse().map_err(|_| value)
}

fn truth(value: Cow<'_, str>) -> Read<'_, bool> {
    match () {
        () if value.eq_ignore_ascii_case("true") => Ok(true),
        () if value.eq_ignore_ascii_case("false") => Ok(false),
        () => Err(value),
    }
}
