//! How the sandbox delivers its status callbacks.

mod callback;
mod post;
mod record;
mod sender;
#[cfg(test)]
mod tests;

pub(crate) use callback::Callback;
pub use record::{Delivery, RecordedCallback};
pub(crate) use sender::Sender;
