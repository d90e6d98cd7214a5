//! The values that are sent and received: amounts, enums, SIDs, and the resource that the API returns.

mod amount;
pub(crate) mod currency;
mod headers;
mod payments;
mod scalar;
pub(crate) mod sid;
mod values;

pub use amount::Amount;
pub use headers::ResponseHeaders;
pub use payments::{Payments, PaymentsResponse, ResponseMetadata};
pub(crate) use scalar::Scalar;
pub use values::{
    BankAccountType, Capture, CaptureError, CardType, PayResult, PaymentMethod, PaymentsInput,
    PaymentsStatus, TokenType, UnknownValue,
};
