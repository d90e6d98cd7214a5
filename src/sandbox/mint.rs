//! Identifiers and secrets that look like the service's.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Makes identifiers, never the same twice. Their randomness is that of std's hash maps: enough to be unique and
/// to differ between sandboxes; nothing real is protected by it.
#[derive(Default)]
pub(super) struct Mint {
    random: RandomState,
    count: AtomicU64,
}

impl Mint {
    /// 32 hex digits.
    pub(super) fn hex(&self) -> String {
        self.sid("")
    }

    /// A prefix and 32 hex digits.
    pub(super) fn sid(&self, prefix: &str) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{prefix}{:016x}{:016x}", self.random.hash_one(count), self.random.hash_one(!count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sid;
    use std::collections::HashSet;

    #[test]
    fn identifiers_are_well_formed_and_distinct() {
        let (one, other) = (Mint::default(), Mint::default());
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            for mint in [&one, &other] {
                let minted = mint.sid("PK");
                assert!(sid::is("PK", &minted), "{minted}");
                assert!(seen.insert(minted));
                assert_eq!(mint.hex().len(), 32);
            }
        }
    }
}
