//! The result: the Payments resource, and what came with it.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::model::ResponseHeaders;
use crate::model::scalar::Scalar;
use crate::model::sid;
use crate::text::json;

/// A payments session, as the API answers both operations.
///
/// The API promises only bookkeeping here. What the caller typed and how the payment went arrives later,
/// as status callbacks.
///
/// Reading one is lenient: unknown fields are passed over, and of the six only `sid` must be there and
/// well-formed; another that is missing, null or no string is `None`.
///
/// ```
/// use twilio_payments::Payments;
///
/// # fn main() -> Result<(), serde_json::Error> {
/// let json = r#"{"sid": "PK00000000000000000000000000000000", "call_sid": null, "new": [1]}"#;
/// let session: Payments = serde_json::from_str(json)?;
/// assert_eq!(session.sid, "PK00000000000000000000000000000000");
/// assert_eq!(session.call_sid, None);
/// assert!(serde_json::from_str::<Payments>("{}").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Payments {
    /// `account_sid`: the account that the session belongs to, `AC…`.
    pub account_sid: Option<String>,
    /// `call_sid`: the call whose caller pays, `CA…`.
    pub call_sid: Option<String>,
    /// `sid`: the session itself, `PK` and 32 hex digits. Updates name it.
    pub sid: String,
    /// `date_created`, in the form of RFC 2822, such as `Wed, 18 Dec 2019 20:02:01 +0000`.
    pub date_created: Option<String>,
    /// `date_updated`, in the form of RFC 2822.
    pub date_updated: Option<String>,
    /// `uri`: the resource, relative to the API's base URL.
    pub uri: Option<String>,
}

impl Payments {
    /// A session of which only the SID is known: for tests of your own.
    #[must_use]
    pub fn new(sid: impl Into<String>) -> Self {
        Self {
            account_sid: None,
            call_sid: None,
            sid: sid.into(),
            date_created: None,
            date_updated: None,
            uri: None,
        }
    }

    /// Reads the body of a response. A byte order mark before the JSON is skipped. Bytes that are not UTF-8, and
    /// escaped surrogates without their other half, are read as U+FFFD.
    ///
    /// # Errors
    /// Returns an error if the body is not a JSON object with one `sid` of `PK` and 32 hex digits.
    pub fn from_json(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&json::lenient(body))
    }
}

impl<'de> Deserialize<'de> for Payments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Self-describing formats only, as the fields' types are not trusted.
        deserializer.deserialize_any(PaymentsVisitor)
    }
}

struct PaymentsVisitor;

impl<'de> Visitor<'de> for PaymentsVisitor {
    type Value = Payments;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the `sid` of a payments session")
    }

    // What serde says of these by itself repeats the value, which may be anything.
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Payments, E> {
        Err(E::invalid_type(Unexpected::Other("text"), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Payments, E> {
        Err(E::invalid_type(Unexpected::Other("a number"), &self))
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Payments, E> {
        Err(E::invalid_type(Unexpected::Other("a number"), &self))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Payments, E> {
        Err(E::invalid_type(Unexpected::Other("a number"), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payments, A::Error> {
        use serde::de::Error;
        let (mut account_sid, mut call_sid, mut sid) = (None, None, None);
        let (mut date_created, mut date_updated, mut uri) = (None, None, None);
        while let Some(name) = map.next_key()? {
            match name {
                Name::AccountSid => account_sid = map.next_value::<Scalar>()?.text(),
                Name::CallSid => call_sid = map.next_value::<Scalar>()?.text(),
                Name::Sid => {
                    if sid.is_some() {
                        return Err(A::Error::custom("two `sid`s"));
                    }
                    sid = Some(map.next_value::<Scalar>()?.text());
                }
                Name::DateCreated => date_created = map.next_value::<Scalar>()?.text(),
                Name::DateUpdated => date_updated = map.next_value::<Scalar>()?.text(),
                Name::Uri => uri = map.next_value::<Scalar>()?.text(),
                Name::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let Some(sid) = sid else { return Err(A::Error::custom("no `sid`")) };
        match sid {
            Some(sid) if sid::is("PK", &sid) => {
                Ok(Payments { account_sid, call_sid, sid, date_created, date_updated, uri })
            }
            _ => Err(A::Error::custom("`sid` is not PK and 32 hex digits")),
        }
    }
}

enum Name {
    AccountSid,
    CallSid,
    Sid,
    DateCreated,
    DateUpdated,
    Uri,
    Unknown,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(match name {
                    "account_sid" => Name::AccountSid,
                    "call_sid" => Name::CallSid,
                    "sid" => Name::Sid,
                    "date_created" => Name::DateCreated,
                    "date_updated" => Name::DateUpdated,
                    "uri" => Name::Uri,
                    _ => Name::Unknown,
                })
            }
        }

        deserializer.deserialize_identifier(NameVisitor)
    }
}

/// Writes the six fields by their names on the wire.
impl Serialize for Payments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Payments", 6)?;
        fields.serialize_field("account_sid", &self.account_sid)?;
        fields.serialize_field("call_sid", &self.call_sid)?;
        fields.serialize_field("sid", &self.sid)?;
        fields.serialize_field("date_created", &self.date_created)?;
        fields.serialize_field("date_updated", &self.date_updated)?;
        fields.serialize_field("uri", &self.uri)?;
        fields.end()
    }
}

/// A session together with what is known of the exchange that gave it: the result of
/// [`create_payments_with_metadata`](crate::PaymentsApi::create_payments_with_metadata) and
/// [`update_payments_with_metadata`](crate::PaymentsApi::update_payments_with_metadata).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PaymentsResponse {
    /// The session.
    pub payments: Payments,
    /// What came with it.
    pub metadata: ResponseMetadata,
}

/// What is known of the HTTP exchange behind a result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResponseMetadata {
    /// The HTTP status of the answer: 201 for a creation, 202 for an update.
    pub status: u16,
    /// The answer's headers. `Debug` shows their names only.
    pub headers: ResponseHeaders,
    /// The `Twilio-Request-Id` header, which the provider's support asks for.
    pub request_id: Option<String>,
    /// How many times the request was sent or tried, 1 or more.
    pub attempts: u32,
    /// How long the call took, all attempts and waits together.
    pub elapsed: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SID: &str = "PK00000000000000000000000000000001";

    #[test]
    fn the_documented_answer() {
        let value = json!({
            "account_sid": "AC1", "call_sid": "CA1", "sid": SID, "date_created": "Wed",
            "date_updated": "Thu", "uri": "/x", "unknown": {"deep": [1, null, {"er": true}]}
        });
        let session = Payments::from_json(value.to_string().as_bytes()).unwrap();
        assert_eq!(
            session,
            Payments {
                account_sid: Some("AC1".to_owned()),
                call_sid: Some("CA1".to_owned()),
                sid: SID.to_owned(),
                date_created: Some("Wed".to_owned()),
                date_updated: Some("Thu".to_owned()),
                uri: Some("/x".to_owned()),
            }
        );
        let written = serde_json::to_string(&session).unwrap();
        assert_eq!(Payments::from_json(written.as_bytes()).unwrap(), session);
        assert_eq!(serde_json::from_value::<Payments>(value).unwrap(), session);
    }

    #[test]
    fn what_is_no_utf_8_is_replaced() {
        let bytes = |text: &[u8]| [b"\xef\xbb\xbf{\"sid\":\"", SID.as_bytes(), b"\",", text, b"}"].concat();
        let session = Payments::from_json(&bytes(b"\"uri\":\"/\xff\"")).unwrap();
        assert_eq!((session.sid.as_str(), session.uri.as_deref()), (SID, Some("/\u{fffd}")));
        assert!(Payments::from_json(&bytes(b"\"new\xff\":\"\xc3\"")).is_ok());
        assert!(Payments::from_json(&bytes(b"\xff")).is_err());
    }

    #[test]
    fn only_the_sid_must_be_there() {
        for other in
            ["", r#","uri":null"#, r#","uri":7"#, r#","uri":-1.5"#, r#","uri":[[{}]]"#, r#","uri":{"a":[1]}"#]
        {
            let body = format!(r#"{{"sid":"{SID}"{other}}}"#);
            let session = Payments::from_json(body.as_bytes()).unwrap();
            assert_eq!((session.sid.as_str(), session.uri), (SID, None), "{body}");
        }
        let marked = format!("\u{feff}{{\"sid\":\"{SID}\"}}");
        assert_eq!(Payments::from_json(marked.as_bytes()).unwrap().sid, SID);
        let deep = format!(r#"{{"a":{}1{},"sid":"{SID}"}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Payments::from_json(deep.as_bytes()).unwrap().sid, SID);
        let deep = format!(r#"{{"uri":{}1{},"sid":"{SID}"}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Payments::from_json(deep.as_bytes()).unwrap().sid, SID);
    }

    #[test]
    fn what_is_not_a_payment() {
        for (body, reason) in [
            ("", "EOF"),
            ("{}", "no `sid`"),
            ("[]", "invalid type: sequence"),
            ("null", "invalid type: null"),
            ("\"PK\"", "invalid type: text,"),
            ("4242424242424242", "invalid type: a number,"),
            ("-42", "invalid type: a number,"),
            ("4.2", "invalid type: a number,"),
            ("<html>", "expected value"),
            (r#"{"sid":null}"#, "`sid` is not PK and 32 hex digits"),
            (r#"{"sid":7}"#, "`sid` is not PK and 32 hex digits"),
            (r#"{"sid":"PK1"}"#, "`sid` is not PK and 32 hex digits"),
            (r#"{"sid":"CA00000000000000000000000000000001"}"#, "`sid` is not PK and 32 hex digits"),
            (r#"{"sid":null,"sid":null}"#, "two `sid`s"),
            (r#"{"sid":"PK00000000000000000000000000000001"} x"#, "trailing characters"),
            (r#"{"sid":"PK00000000000000000000000000000001""#, "EOF"),
            ("{\"sid\":\"PK\u{0}\"}", "control character"),
        ] {
            let error = Payments::from_json(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{body}: {error}");
        }
        assert!(Payments::from_json(b"{\"sid\":\"PK\xff\xfe\"}").is_err());
    }
}
