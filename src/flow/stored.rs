//! The stored form of a flow: JSON, or any other self-describing format.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::operation::{OperationState, Purpose};
use super::result::SessionResult;
use super::state::{Ask, FlowLimits, State, Stop};
use super::{PaymentFlow, ReferencePlace, ResponseDigest};
use crate::error::{ErrorKind, Outcome};

/// The version of the stored form. A program reads its own version and earlier ones, but refuses later ones, in
/// which a new field may change the meaning of the others.
const VERSION: u64 = 1;

impl Serialize for PaymentFlow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = object([
            ("version", VERSION.into()),
            ("revision", self.revision.into()),
            ("call_sid", write(&self.call_sid)),
            ("params", write(&self.params)),
            ("reference_place", write(&self.place)),
            ("limits", write(&self.limits)),
            ("state", write(&self.state)),
        ]);
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PaymentFlow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let version: u64 = field(&value, "version").map_err(D::Error::custom)?;
        if version != VERSION {
            let reason = "which this version of the crate cannot read";
            return Err(D::Error::custom(format!("a payment flow of version {version}, {reason}")));
        }
        let read = || {
            Ok(Self {
                revision: field(&value, "revision")?,
                call_sid: field(&value, "call_sid")?,
                params: field(&value, "params")?,
                place: field(&value, "reference_place")?,
                limits: field(&value, "limits")?,
                state: field(&value, "state")?,
            })
        };
        let flow =
            read().map_err(|error: String| D::Error::custom(format!("not a payment flow: {error}")))?;
        if !flow.state.is_consistent() {
            return Err(D::Error::custom("not a payment flow: a request of a session that it does not name"));
        }
        Ok(flow)
    }
}

fn write(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let written = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(written.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// Reads a field; an absent one is null. Errors do not show the value, which may be a secret.
fn field<'de, T: Deserialize<'de>>(value: &'de Value, name: &str) -> Result<T, String> {
    T::deserialize(value.get(name).unwrap_or(&Value::Null)).map_err(|_| format!("{name}: missing or invalid"))
}

/// Reads and writes structs as objects with all their fields.
macro_rules! fields {
    ($type:ident: $($field:ident),+) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                object([$((stringify!($field), write(&self.$field))),+]).serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = Value::deserialize(deserializer)?;
                Ok(Self { $($field: field(&value, stringify!($field)).map_err(D::Error::custom)?),+ })
            }
        }
    };
}

/// Reads and writes enums as the name of the variant.
macro_rules! variants {
    ($type:ident: $($variant:ident),+) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self { $(Self::$variant => stringify!($variant)),+ })
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match String::deserialize(deserializer)?.as_str() {
                    $(stringify!($variant) => Ok(Self::$variant),)+
                    _ => Err(D::Error::custom("a name that this version does not know")),
                }
            }
        }
    };
}

fields! { FlowLimits: max_asks, capture_timeout, result_timeout }
fields! {
    State: session, in_flight, begun_at, create, capture, complete, cancel, rounds, ask, asked, left, required,
    failed, failed_at, newest, deadline, stop, refusal, result, ended
}
fields! { OperationState: begun, accepted, doubtful, response }
fields! { Ask: capture, number, deadline, seen, done }
fields! { SessionResult: result, confirmation_code, token, profile, code, error, connector_error }
fields! { ResponseDigest: outcome, kind, status, code, request_id }
variants! { Purpose: Create, Capture, Complete, Cancel }
variants! { Stop: Cancelled, CaptureFailed, StepFailed }
variants! { Outcome: NotSent, Refused, Unknown }
variants! {
    ErrorKind: InvalidInput, Connect, Tls, ConnectionLost, Timeout, Api, Redirect, UnexpectedResponse, Shutdown,
    TokenSource
}

impl Serialize for ReferencePlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Description => serializer.serialize_str("Description"),
            Self::Nowhere => serializer.serialize_str("Nowhere"),
            Self::Parameter(name) => object([("Parameter", write(name))]).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ReferencePlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.as_str() {
            Some("Description") => Ok(Self::Description),
            Some("Nowhere") => Ok(Self::Nowhere),
            _ => field(&value, "Parameter").map(Self::Parameter).map_err(D::Error::custom),
        }
    }
}
