//! The client: how it is configured, and how it carries out operations.

mod api;
mod attempts;
mod authorization;
mod builder;
mod credentials;
pub(crate) mod endpoint;
pub(crate) mod environment;
mod error_body;
mod observer;
mod operation;
mod response;
mod retry;
mod retry_after;
mod token_source;

pub use api::PaymentsApi;
pub use builder::PaymentsApiBuilder;
pub use credentials::Credentials;
pub use observer::Attempt;
pub use retry::RetryPolicy;
pub use token_source::AccessToken;
