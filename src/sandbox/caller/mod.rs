//! The simulated caller: what happens on the call once a payment session is asked for, and the status
//! callbacks that say so.
//!
//! [`PaySession`] is the session as a pure state machine. [`Sender`] delivers its callbacks in order and
//! keeps a record of each. Whoever drives them holds a session's lock from the call that makes callbacks
//! until they are handed to the sender, and calls `tick` when `next_deadline` has come.

mod bank;
mod callback;
mod cards;
mod clock;
mod connector;
mod date;
mod fields;
mod mask;
pub mod numbers;
mod obliging;
mod piece;
mod session;
mod settings;

pub(crate) use callback::{Callback, Params};
pub(crate) use clock::Clock;
pub(crate) use connector::Transaction;
pub(crate) use date::rfc_2822;
pub(crate) use obliging::answer;
pub(crate) use session::{Asking, PaySession, Refusal};
pub(crate) use settings::Settings;

#[cfg(test)]
mod tests;
