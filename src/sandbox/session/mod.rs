//! A Payments session on a call, and its status callbacks.
//!
//! [`PaySession`] is the session as a pure state machine. If the service's documentation does not say otherwise, the
//! session behaves as follows:
//! - Every key of an entry except the last one makes a callback, and so does the request for a capture. Digits that are
//!   still arriving, or were refused, are hidden completely.
//! - An entry ends with its last possible digit, with `#`, or when no key arrives in time. A card number also ends when
//!   it has the usual length of its brand and a correct check digit. Keys that the session does not wait for are lost.
//! - The first key of an entry may take a minute; `Timeout` applies to later keys.
//! - Asking for a capture again makes it required again at once. A new card number discards a security code of another
//!   length.
//! - If the second entry differs, both are required again, because it is not known which one was wrong.
//! - The session does not ask again after a failed entry.
//! - If the caller presses 2 at a confirmation, or nothing in time, the session ends. Its last callback then has no
//!   `Result`, like that of a cancelled session, because the API documents none.

mod bank;
mod callback_fields;
mod cards;
mod collected;
mod kind;
mod machine;
mod mask;
mod obliging;

pub use machine::Asking;
pub(crate) use machine::{PaySession, Undocumented};
pub(crate) use obliging::Answers;

#[cfg(test)]
pub(super) mod tests;
