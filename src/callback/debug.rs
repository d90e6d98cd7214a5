//! `Debug` of a callback, which shows no secret.

use std::fmt;

use super::StatusCallback;
use crate::text::{Escaped, Withheld};

/// Shows the fields that are present, but only the length of secrets and of what the caller typed, and only the names
/// of the others.
impl fmt::Debug for StatusCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("StatusCallback");
        out.field("sid", &Escaped(&self.sid));
        macro_rules! show {
            ($as:expr; $($field:ident)+) => {$(
                if let Some(value) = self.$field.as_ref().map($as) {
                    out.field(stringify!($field), &value);
                }
            )+};
        }
        show!(|text| Escaped(text); account_sid call_sid date_created date_updated payment_connector
            payment_confirmation_code payment_error connector_error tag);
        show!(|value| Escaped(value.as_str()); payment_method bank_account_type token_type capture
            error_type payment_card_type result);
        show!(|value| value; charge_amount partial_result attempt pay_error_code
            bank_routing_number payment_token profile_id);
        show!(Withheld; payment_card_number expiration_date security_code
            payment_card_postal_code bank_account_number);
        if let Some(required) = &self.required {
            let required: Vec<_> = required.iter().map(|capture| Escaped(capture.as_str())).collect();
            out.field("required", &required);
        }
        let others: Vec<_> = self.others().take(20).map(|(name, _)| Escaped(name)).collect();
        if !others.is_empty() {
            out.field("others", &others);
        }
        out.finish_non_exhaustive()
    }
}
