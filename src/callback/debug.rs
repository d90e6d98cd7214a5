//! `Debug` of a callback: what happened, and not what the caller typed.

use std::fmt;

use super::StatusCallback;
use crate::text::Escaped;

/// Shows that there is a value, and how long it is.
pub(super) struct Hidden<'a>(pub(super) &'a str);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

/// Shows the service's or the connector's words, which may be long and hold anything.
pub(super) struct Words<'a>(pub(super) &'a str);

impl fmt::Debug for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Escaped(self.0))
    }
}

/// Shows the fields that are present; of secrets and of what the caller typed only the length, of the
/// others only the names.
impl fmt::Debug for StatusCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("StatusCallback");
        out.field("sid", &Words(&self.sid));
        let mut show = |name: &str, value: Option<&dyn fmt::Debug>| {
            if let Some(value) = value {
                out.field(name, value);
            }
        };
        macro_rules! show {
            ($as:expr; $($field:ident)+) => {$(
                show(stringify!($field), self.$field.as_ref().map($as).as_ref().map(|value| value as _));
            )+};
        }
        macro_rules! show_as_is {
            ($($field:ident)+) => {$(
                show(stringify!($field), self.$field.as_ref().map(|value| value as _));
            )+};
        }
        show!(|text| Words(text); account_sid call_sid date_created date_updated payment_connector);
        show!(|value| Words(value.as_str()); payment_method bank_account_type token_type capture error_type);
        show_as_is!(charge_amount partial_result attempt);
        show!(|text| Hidden(text); payment_card_number expiration_date security_code
            payment_card_postal_code bank_account_number);
        show_as_is!(bank_routing_number);
        show!(|value| Words(value.as_str()); payment_card_type result);
        show!(|text| Words(text); payment_confirmation_code);
        show_as_is!(payment_token profile_id);
        show!(|text| Words(text); payment_error);
        show_as_is!(pay_error_code);
        show!(|text| Words(text); connector_error);
        if !self.required.is_empty() {
            let required: Vec<_> = self.required.iter().map(|capture| Words(capture.as_str())).collect();
            out.field("required", &required);
        }
        let others: Vec<_> = self.others().take(20).map(|(name, _)| Words(name)).collect();
        if !others.is_empty() {
            out.field("others", &others);
        }
        out.finish_non_exhaustive()
    }
}
