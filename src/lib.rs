//! draft
#![forbid(unsafe_code)]
#![deny(missing_docs)]
mod amount;
mod error;
mod form;
#[cfg(any(feature = "sandbox", feature = "listener"))]
mod server;
mod sid;
mod text;
mod values;

pub use amount::Amount;
pub use error::{ApiError, Error, ErrorKind, Outcome};
pub use values::{
    BankAccountType, Capture, CardType, ErrorType, Input, PayResult, PaymentMethod, Status, TokenType,
};
