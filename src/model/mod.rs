//! What is sent and received: amounts, names, SIDs, and the resource that the API answers with.

mod amount;
mod headers;
mod payments;
pub(crate) mod sid;
mod values;

pub use amount::Amount;
pub use headers::Headers;
pub use payments::{Payments, ResponseMetadata, WithMetadata};
pub use values::{
    BankAccountType, Capture, CardType, ErrorType, Input, PayResult, PaymentMethod, Status, TokenType,
};
