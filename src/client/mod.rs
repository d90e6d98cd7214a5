//! The client: how it is built, and what it does with an operation.

mod api;
mod attempts;
mod builder;
pub(crate) mod credentials;
pub(crate) mod endpoint;
pub(crate) mod retry;
mod retry_after;

pub use api::PaymentsApi;
pub use builder::PaymentsApiBuilder;
pub use credentials::Credentials;
pub use retry::RetryPolicy;
