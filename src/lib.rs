//! draft
#![forbid(unsafe_code)]
#![deny(missing_docs)]
mod amount;
mod error;
mod form;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod sid;
#[cfg(feature = "signature")]
mod signature;
mod status_callback;
mod text;
mod values;

pub use amount::Amount;
pub use error::{ApiError, Error, ErrorKind, Outcome};
#[cfg(feature = "signature")]
pub use signature::SignatureValidator;
pub use status_callback::{Event, StatusCallback};
pub use values::{
    BankAccountType, Capture, CardType, ErrorType, Input, PayResult, PaymentMethod, Status, TokenType,
};
