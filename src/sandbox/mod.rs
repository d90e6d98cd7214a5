//! The service on loopback, for tests and examples.

mod caller;

pub use caller::{Delivery, RecordedCallback, numbers};
