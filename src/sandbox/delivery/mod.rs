//! How the sandbox delivers its status callbacks.

mod post;
mod record;
mod sender;
#[cfg(test)]
mod tests;

pub(crate) use record::Callback;
pub use record::{Delivery, RecordedCallback};
pub(crate) use sender::Sender;
