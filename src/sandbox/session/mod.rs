//! What happens on a call once a payments session is asked for, and the status callbacks that say so.
//!
//! [`PaySession`] is the session as a pure state machine. If the service's documents are silent, this is what it
//! does:
//! - Every key but the last of an entry makes a callback, and so does the request for a capture; digits that
//!   are still arriving, or were refused, are hidden altogether.
//! - An entry ends with its last possible digit, with `#`, or when no key comes in time. A card number ends
//!   also when it has its brand's usual length and a right check digit. Keys that nobody waits for are lost.
//! - The first key of an entry may take a minute; `Timeout` is for those after it.
//! - Asking for a capture again makes it required again at once. A new card number drops a security code of
//!   another length.
//! - If the second typing differs, both are required again: it is not known which one was wrong.
//! - A failed entry is not asked for again by itself.
//! - A caller who presses 2 to a confirmation, or nothing in time, ends the session. Its last callback has no
//!   `Result` then, nor has that of a cancelled session: the API documents no word for it.

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
