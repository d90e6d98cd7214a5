//! A blocking client for Twilio's Payments API.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod amount;
mod api;
mod builder;
mod call;
mod credentials;
mod endpoint;
mod error;
mod form;
mod headers;
mod key;
#[cfg(feature = "listener")]
mod listener;
mod pairs;
mod params;
mod payments;
mod retry;
mod retry_after;
#[cfg(any(feature = "sandbox", feature = "listener"))]
mod server;
mod shutdown;
mod sid;
#[cfg(feature = "signature")]
mod signature;
mod status_callback;
mod text;
mod transport;
mod values;

pub use amount::Amount;
pub use api::PaymentsApi;
pub use builder::PaymentsApiBuilder;
pub use credentials::Credentials;
pub use error::{ApiError, Error, ErrorKind, Outcome};
pub use headers::Headers;
#[cfg(feature = "listener")]
pub use listener::{CallbackListener, CallbackListenerBuilder, SessionCallbacks};
pub use params::{CreatePaymentsParams, UpdatePaymentsParams};
pub use payments::{Payments, ResponseMetadata, WithMetadata};
pub use retry::RetryPolicy;
#[cfg(feature = "signature")]
pub use signature::SignatureValidator;
pub use status_callback::{Event, StatusCallback};
pub use transport::Tls;
pub use values::{
    BankAccountType, Capture, CardType, ErrorType, Input, PayResult, PaymentMethod, Status, TokenType,
};
