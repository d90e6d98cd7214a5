//! A flow as it is stored: JSON, or any format that describes itself.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::{Map, Value};

use super::operation::{Kind, Operation};
use super::state::{Ask, Limits, State, Stop};
use super::table::SessionResult;
use super::{PaymentFlow, ReferencePlace, ResponseDigest};
use crate::error::{ErrorKind, Outcome};
use crate::model::{Capture, CaptureError, PayResult};

/// The version of what is written. Each version reads its own and the earlier ones, and refuses later ones:
/// they may hold what changes the meaning of the rest.
const VERSION: u64 = 1;

impl Serialize for PaymentFlow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = object([
            ("version", VERSION.into()),
            ("revision", self.revision.into()),
            ("call_sid", self.call_sid.write()),
            ("params", serde_json::to_value(&self.params).map_err(S::Error::custom)?),
            ("reference_place", self.place.write()),
            ("limits", self.limits.write()),
            ("state", self.state.write()),
        ]);
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PaymentFlow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let version: u64 = field(&value, "version").map_err(D::Error::custom)?;
        if version != VERSION {
            let reason = format!("a payment flow of version {version}, which this version cannot read");
            return Err(D::Error::custom(reason));
        }
        let params = value.get("params").unwrap_or(&Value::Null);
        let read = || {
            Ok(Self {
                revision: field(&value, "revision")?,
                call_sid: field(&value, "call_sid")?,
                params: Deserialize::deserialize(params).map_err(|error| format!("params: {error}"))?,
                place: field(&value, "reference_place")?,
                limits: field(&value, "limits")?,
                state: field(&value, "state")?,
            })
        };
        read().map_err(|error: String| D::Error::custom(format!("not a payment flow: {error}")))
    }
}

/// What is part of a stored flow.
trait Stored: Sized {
    fn write(&self) -> Value;

    /// # Errors
    /// What was found instead.
    fn read(value: &Value) -> Result<Self, String>;
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let written = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(written.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// Reads a field; an absent one is null.
fn field<T: Stored>(value: &Value, name: &str) -> Result<T, String> {
    T::read(value.get(name).unwrap_or(&Value::Null)).map_err(|error| format!("{name}: {error}"))
}

/// Does not repeat what was found: it may be a secret.
fn unexpected() -> String {
    "missing, or not what it should be".to_owned()
}

/// Of structs, all fields.
macro_rules! fields {
    ($type:ident { $($field:ident),+ }) => {
        impl Stored for $type {
            fn write(&self) -> Value {
                object([$((stringify!($field), self.$field.write())),+])
            }

            fn read(value: &Value) -> Result<Self, String> {
                Ok(Self { $($field: field(value, stringify!($field))?),+ })
            }
        }
    };
}

/// Of enums, the name of the variant.
macro_rules! variants {
    ($type:ident { $($variant:ident),+ }) => {
        impl Stored for $type {
            fn write(&self) -> Value {
                match self { $(Self::$variant => stringify!($variant).into()),+ }
            }

            fn read(value: &Value) -> Result<Self, String> {
                match value.as_str() {
                    $(Some(stringify!($variant)) => Ok(Self::$variant),)+
                    _ => Err(unexpected()),
                }
            }
        }
    };
}

/// Of what serde reads and writes as one value.
macro_rules! values {
    ($($type:ident)+) => {
        $(impl Stored for $type {
            fn write(&self) -> Value {
                serde_json::to_value(self).unwrap_or(Value::Null)
            }

            fn read(value: &Value) -> Result<Self, String> {
                Self::deserialize(value).map_err(|_| unexpected())
            }
        })+
    };
}

fields!(Limits { max_asks, capture_timeout, result_timeout });
fields!(State {
    session,
    in_flight,
    begun_at,
    create,
    capture,
    complete,
    cancel,
    rounds,
    ask,
    asked,
    left,
    required,
    failed,
    failed_at,
    newest,
    deadline,
    stop,
    refusal,
    result,
    ended
});
fields!(Operation { begun, accepted, doubtful, response });
fields!(Ask { capture, number, deadline, seen, done });
fields!(SessionResult { result, confirmation_code, token, profile, code, error, connector_error });
fields!(ResponseDigest { outcome, kind, status, code, request_id });
variants!(Kind { Create, Capture, Complete, Cancel });
variants!(Stop { Cancelled, CaptureFailed, StepFailed });
variants!(Outcome { NotSent, Refused, Unknown });
variants!(ErrorKind {
    InvalidInput,
    Connect,
    Tls,
    ConnectionLost,
    Timeout,
    Api,
    Redirect,
    UnexpectedResponse,
    Shutdown,
    TokenSource
});
values!(bool u16 u32 u64 i64 String Capture CaptureError PayResult);

impl<T: Stored> Stored for Option<T> {
    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::write)
    }

    fn read(value: &Value) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::read(value).map(Some) }
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn write(&self) -> Value {
        self.iter().map(T::write).collect()
    }

    fn read(value: &Value) -> Result<Self, String> {
        value.as_array().ok_or_else(unexpected)?.iter().map(T::read).collect()
    }
}

impl<T: Stored, U: Stored> Stored for (T, U) {
    fn write(&self) -> Value {
        Value::Array(vec![self.0.write(), self.1.write()])
    }

    fn read(value: &Value) -> Result<Self, String> {
        match value.as_array().map(Vec::as_slice) {
            Some([one, other]) => Ok((T::read(one)?, U::read(other)?)),
            _ => Err(unexpected()),
        }
    }
}

impl Stored for ReferencePlace {
    fn write(&self) -> Value {
        match self {
            Self::Description => "Description".into(),
            Self::Nowhere => "Nowhere".into(),
            Self::Parameter(name) => object([("Parameter", name.write())]),
        }
    }

    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str() {
            Some("Description") => Ok(Self::Description),
            Some("Nowhere") => Ok(Self::Nowhere),
            _ => field(value, "Parameter").map(Self::Parameter),
        }
    }
}
