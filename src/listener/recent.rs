//! A set that forgets its oldest members.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

/// How many members are kept. A delivery is repeated within minutes, if at all.
const REMEMBERED: usize = 8192;

/// The latest values that were inserted.
#[derive(Default)]
pub(super) struct Recent<T> {
    members: HashSet<T>,
    order: VecDeque<T>,
}

impl<T: Clone + Eq + Hash> Recent<T> {
    pub(super) fn contains(&self, value: &T) -> bool {
        self.members.contains(value)
    }

    /// Remembers a value, and forgets the oldest one if there are too many.
    pub(super) fn insert(&mut self, value: &T) {
        if !self.members.insert(value.clone()) {
            return;
        }
        self.order.push_back(value.clone());
        if self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.members.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number in the listener's documentation.
    const PROMISED: usize = 8_192;

    #[test]
    fn the_latest_are_remembered() {
        let mut recent = Recent::default();
        for n in 0..PROMISED + 10 {
            assert!(!recent.contains(&n));
            recent.insert(&n);
            recent.insert(&n);
            assert!(recent.contains(&n));
        }
        assert_eq!((recent.members.len(), recent.order.len()), (PROMISED, PROMISED));
        assert!(!recent.contains(&9));
        assert!(recent.contains(&10));
    }
}
