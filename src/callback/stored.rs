//! `Debug` of a callback, which shows no secret, and its stored form.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, SerializeMap, Serializer};

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
        show!(Withheld::new; payment_card_number expiration_date security_code
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

/// Writes the form as it arrived, and the tag, as a map of two texts: `{"form": "Sid=PK…", "tag": "…"}`. They
/// contain the callback's secrets.
impl Serialize for StatusCallback {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + usize::from(self.tag.is_some())))?;
        map.serialize_entry("form", self.form())?;
        if let Some(tag) = &self.tag {
            map.serialize_entry("tag", tag)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for StatusCallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = BTreeMap::<String, String>::deserialize(deserializer)?;
        let form = map.remove("form").ok_or_else(|| D::Error::missing_field("form"))?;
        let callback = Self::parse(form.as_bytes()).map_err(D::Error::custom)?;
        Ok(Self { tag: map.remove("tag"), ..callback })
    }
}
