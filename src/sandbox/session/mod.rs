//! The simulated caller: what happens on the call once a payment session is asked for, and the status
//! callbacks that say so.
//!
//! [`PaySession`] is the session as a pure state machine. [`Sender`] delivers its callbacks in order and
//! keeps a record of each. [`Clock`] tells both dates and deadlines. Whoever drives them
//! - holds a session's lock from the call that makes callbacks until they are handed to the sender, so that
//!   their order is that of the events,
//! - calls `tick` when `next_deadline` has come.
//!
//! Where the service's documents are silent, this is what the sandbox does:
//! - Every key but the last of an entry makes a callback, and so does the request for a piece; digits that
//!   are still arriving, or were refused, are hidden altogether.
//! - An entry ends with its last possible digit, with `#`, or when no key comes in time. A card number ends
//!   also where it has its brand's usual length and a right check digit. Keys that nobody waits for are lost.
//! - The first key of an entry may take a minute; `Timeout` is for those after it.
//! - Asking for a piece again makes it required again at once. A new card number drops a security code of
//!   another length.
//! - Where the second typing differs, both are required again: it is not known which one was wrong.
//! - A failed entry is not asked for again by itself, and there is no limit to the attempts unless one is set.
//! - To complete a session in which something is missing ends it with `validation-error`.
//! - A caller who presses 2 to a confirmation, or nothing in time, ends the session with `cancelled`.

mod bank;
mod capture;
mod cards;
mod clock;
mod connector;
mod fields;
mod mask;
pub mod numbers;
mod obliging;
mod session;
mod settings;
mod update;

pub(crate) use clock::Clock;
pub(crate) use connector::Transaction;
pub(crate) use obliging::answer;
pub(crate) use session::PaySession;
pub(crate) use settings::Settings;
pub use update::Asking;
pub(crate) use update::Refusal;

#[cfg(test)]
pub(super) mod tests;
