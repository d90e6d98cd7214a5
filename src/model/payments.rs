//! The result of an operation: the Payments resource, and what is known about the response.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::model::ResponseHeaders;
use crate::model::scalar::Scalar;
use crate::model::sid;
use crate::text::{Escaped, Redactor, json};

/// The wire names of the fields, in the order in which they are written.
const NAMES: [&str; 6] = ["account_sid", "call_sid", "sid", "date_created", "date_updated", "uri"];

/// The place of `sid` in [`NAMES`].
const SID: usize = 2;

/// A Payments session, as the API returns it from both operations.
///
/// It contains only bookkeeping. What the caller types and how the payment ends arrive later, in status callbacks.
///
/// It is read leniently: unknown fields are ignored, and only `sid` must be present and well-formed. Any other field
/// that is missing, null or not a string is `None`. `Debug` escapes control characters and cuts long text.
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
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Payments {
    /// `account_sid`: the account that the session belongs to, `AC…`.
    pub account_sid: Option<String>,
    /// `call_sid`: the call whose caller pays, `CA…`. It can be the parent leg of the call that you named.
    pub call_sid: Option<String>,
    /// `sid`: the session itself, `PK` and 32 hex digits. Pass it to updates.
    pub sid: String,
    /// `date_created`, in RFC 2822 format, such as `Wed, 18 Dec 2019 20:02:01 +0000`.
    pub date_created: Option<String>,
    /// `date_updated`, in RFC 2822 format.
    pub date_updated: Option<String>,
    /// `uri`: the path of the resource, relative to the API's base URL.
    pub uri: Option<String>,
}

impl Payments {
    /// Makes a session of which only the SID is known, for your own tests.
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

    /// Reads the body of a response. A byte order mark before the JSON is ignored, and bytes that are not UTF-8
    /// and lone surrogates are read as U+FFFD.
    ///
    /// # Errors
    /// Returns an error if the body is not a JSON object, or does not have exactly one `sid` that is `PK` and 32 hex
    /// digits.
    pub fn from_json(body: &[u8]) -> Result<Self, serde_json::Error> {
        json::read(body)
    }

    /// Masks the client's secrets if the service repeats them. The SID cannot contain any.
    pub(crate) fn mask(&mut self, redactor: &Redactor) {
        let Self { account_sid, call_sid, sid: _, date_created, date_updated, uri } = self;
        for text in [account_sid, call_sid, date_created, date_updated, uri].into_iter().flatten() {
            redactor.mask_in(text);
        }
    }

    /// Returns the fields in the order of [`NAMES`].
    fn fields(&self) -> [Option<&String>; 6] {
        let (account_sid, call_sid) = (self.account_sid.as_ref(), self.call_sid.as_ref());
        let (created, updated) = (self.date_created.as_ref(), self.date_updated.as_ref());
        [account_sid, call_sid, Some(&self.sid), created, updated, self.uri.as_ref()]
    }
}

/// Escapes the service's text, which may be anything.
impl fmt::Debug for Payments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Payments");
        for (name, value) in NAMES.iter().zip(self.fields()) {
            match value.map(|value| Escaped(value)) {
                Some(sid) if *name == "sid" => out.field(name, &sid),
                value => out.field(name, &value),
            };
        }
        out.finish()
    }
}

/// Writes the six fields by their wire names.
impl Serialize for Payments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(NAMES.iter().zip(self.fields()))
    }
}

impl<'de> Deserialize<'de> for Payments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Only self-describing formats work, because the types of the fields are not trusted.
        deserializer.deserialize_any(PaymentsVisitor)
    }
}

struct PaymentsVisitor;

/// Defines the errors for values that are not an object. serde's own would show the value, which may be anything.
macro_rules! refuse {
    ($($visit:ident($type:ty): $what:literal,)+) => {$(
        fn $visit<E: serde::de::Error>(self, _: $type) -> Result<Payments, E> {
            Err(E::invalid_type(Unexpected::Other($what), &self))
        }
    )+};
}

impl<'de> Visitor<'de> for PaymentsVisitor {
    type Value = Payments;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the `sid` of a Payments session")
    }

    refuse! {
        visit_str(&str): "text",
        visit_i64(i64): "a number",
        visit_u64(u64): "a number",
        visit_f64(f64): "a number",
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payments, A::Error> {
        let mut values: [Option<Scalar>; 6] = Default::default();
        while let Some(Name(index)) = map.next_key()? {
            match index.and_then(|index| values.get_mut(index)) {
                Some(Some(_)) if index == Some(SID) => return Err(A::Error::custom("two `sid`s")),
                Some(value) => *value = Some(map.next_value()?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let [account_sid, call_sid, sid, date_created, date_updated, uri] = values;
        let sid = sid.ok_or_else(|| A::Error::custom("no `sid`"))?.text().filter(|sid| sid::is("PK", sid));
        let sid = sid.ok_or_else(|| A::Error::custom("`sid` is not PK and 32 hex digits"))?;
        let [account_sid, call_sid, date_created, date_updated, uri] =
            [account_sid, call_sid, date_created, date_updated, uri].map(|value| value?.text());
        Ok(Payments { account_sid, call_sid, sid, date_created, date_updated, uri })
    }
}

/// The index of a field's name in [`NAMES`].
struct Name(Option<usize>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(NAMES.iter().position(|known| *known == name)))
            }
        }

        deserializer.deserialize_identifier(NameVisitor)
    }
}

/// A session, together with what is known about the response that it arrived in: the result of
/// [`create_payments_with_metadata`](crate::PaymentsApi::create_payments_with_metadata) and
/// [`update_payments_with_metadata`](crate::PaymentsApi::update_payments_with_metadata).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PaymentsResponse {
    /// The session.
    pub payments: Payments,
    /// What is known about the response.
    pub metadata: ResponseMetadata,
}

/// What is known about a response, and about the attempts that were made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResponseMetadata {
    /// The HTTP status, 200 to 299: as documented, 201 for a creation and 202 for an update.
    pub status: u16,
    /// The response's headers. `Debug` only shows their names.
    pub headers: ResponseHeaders,
    /// The `Twilio-Request-Id` header, which the provider's support asks for; cut to 100 bytes.
    pub request_id: Option<String>,
    /// How many attempts were made, 1 or more.
    pub attempts: u32,
    /// How long the operation took, including all attempts and waits.
    pub elapsed: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SID: &str = "PK00000000000000000000000000000001";

    #[test]
    fn the_documented_resource() {
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
    fn invalid_unicode_is_replaced() {
        let bytes = |text: &[u8]| [b"\xef\xbb\xbf{\"sid\":\"", SID.as_bytes(), b"\",", text, b"}"].concat();
        let session = Payments::from_json(&bytes(b"\"uri\":\"/\xff\"")).unwrap();
        assert_eq!((session.sid.as_str(), session.uri.as_deref()), (SID, Some("/\u{fffd}")));
        assert!(Payments::from_json(&bytes(b"\"new\xff\":\"\xc3\"")).is_ok());
        assert!(Payments::from_json(&bytes(b"\xff")).is_err());
        let session =
            Payments::from_json(&bytes(br#""uri":"a\ud800b\udc00","n\udfff":"\uD83E\uDD80""#)).unwrap();
        assert_eq!(session.uri.as_deref(), Some("a\u{fffd}b\u{fffd}"));
    }

    #[test]
    fn only_the_sid_must_be_present() {
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
    fn bodies_that_are_not_payments() {
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

    #[test]
    fn debug_escapes_and_cuts_the_services_text() {
        let mut session = Payments::new(SID);
        session.uri = Some(format!("/\u{202e}\n{}", "x".repeat(600)));
        session.call_sid = Some("CA1".to_owned());
        let shown = format!("{session:?}");
        let start = format!(
            "Payments {{ account_sid: None, call_sid: Some(\"CA1\"), sid: \"{SID}\", date_created: None, \
             date_updated: None, uri: Some(\"/\\u{{202e}}\\nxxx"
        );
        assert!(shown.starts_with(&start) && shown.ends_with("x…\") }"), "{shown}");
        assert!(shown.len() < 750);
    }
}
