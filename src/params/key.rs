//! Whether a copy of a params value needs a new idempotency key.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::text::random::Uuid;

/// Remembers the key that was made for a params value, and whether a copy has the same one.
///
/// Programs clone a template and change it for each order. If the clone kept the key, two orders would be one
/// operation.
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

    /// For a key that the program set, which never changes.
    pub(super) fn by_hand() -> Self {
        Self { uuid: None, shared: AtomicBool::new(false) }
    }

    /// Call this before the value is changed. Replaces `key` if it was made here and a copy has it too.
    pub(super) fn before_change(&mut self, key: &mut String) {
        // The field is public, so it may hold another key by now.
        if *self.shared.get_mut() && self.uuid.is_some_and(|uuid| uuid.text() == *key) {
            (*self, *key) = Self::new();
        }
    }
}

/// From now on, both values share the key.
impl Clone for MadeKey {
    fn clone(&self) -> Self {
        self.shared.store(true, Ordering::Relaxed);
        Self { uuid: self.uuid, shared: AtomicBool::new(true) }
    }
}

/// Always equal, so that params are equal if they send the same form.
impl PartialEq for MadeKey {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for MadeKey {}
