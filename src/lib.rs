//! draft
#![forbid(unsafe_code)]
#![deny(missing_docs)]
mod amount;
mod error;
mod form;
mod sid;
#[cfg(feature = "signature")]
mod signature;
mod text;
mod values;

pub use amount::Amount;
pub use error::{ApiError, Error, ErrorKind, Outcome};
pub use values::{
    BankAccountType, Capture, CardType, ErrorType, Input, PayResult, PaymentMethod, Status, TokenType,
};
