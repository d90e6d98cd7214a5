//! The parameters of the two operations. A value is one operation: its idempotency key is made with it, and is
//! sent with every call and every attempt that uses the value.

mod check;
mod create;
mod field;
mod form;
mod key;
mod operation;
#[cfg(test)]
mod tests;
mod update;

#[cfg(feature = "sandbox")]
pub(crate) use check::callback as check_callback_url;
pub use create::CreatePaymentsParams;
pub use update::UpdatePaymentsParams;

/// The currency that the service uses if none is given.
pub(crate) const DEFAULT_CURRENCY: &str = "USD";
