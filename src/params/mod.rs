//! The parameters of the two operations. A value is one logical operation: its idempotency key is made
//! with it, and goes with every call and retry that uses the value.

mod check;
mod create;
pub(crate) mod form;
#[cfg(test)]
mod tests;
mod update;

pub use create::CreatePaymentsParams;
pub use update::UpdatePaymentsParams;
