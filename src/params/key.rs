//! When a copy of a params value needs an idempotency key of its own.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::text::random::Uuid;

/// Remembers the key that was made for a params value, and whether a copy has the same one.
///
/// A template is cloned and changed for each order. If the key went along, two orders would be one operation.
#[derive(Debug)]
pub(super) struct MadeKey {
    /// `None` if the program set the key.
    uuid: Option<Uuid>,
    shared: AtomicBool,
}

impl MadeKey {
    /// Makes a new key.
    pub(super) fn new() -> (Self, String) {
        let uuid = Uuid::random();
        (Self { uuid: Some(uuid), ..Self::by_hand() }, uuid.text())
    }

    /// For a key that the program set: it stays, whatever happens.
    pub(super) fn by_hand() -> Self {
        Self { uuid: None, shared: AtomicBool::new(false) }
    }

    /// To be called before the value is changed: replaces `key` if it was made here and a copy has it, too.
    pub(super) fn before_change(&mut self, key: &mut String) {
        // The field is public: it may hold another key by now.
        if *self.shared.get_mut() && self.uuid.is_some_and(|uuid| uuid.text() == *key) {
            (*self, *key) = Self::new();
        }
    }
}

/// From here on, both share the key.
impl Clone for MadeKey {
    fn clone(&self) -> Self {
        self.shared.store(true, Ordering::Relaxed);
        Self { uuid: self.uuid, shared: AtomicBool::new(true) }
    }
}

/// Says nothing about the value: params are equal if they send the same.
impl PartialEq for MadeKey {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for MadeKey {}
