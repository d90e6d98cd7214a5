//! Which deliveries were taken before.

use std::collections::{HashSet, VecDeque};

use ring::digest;

/// The latest deliveries that were taken, by their idempotency tokens. Tokens are kept as hashes, so that
/// each takes the same little space however long it is.
#[derive(Default)]
pub(super) struct Seen {
    hashes: HashSet<[u8; digest::SHA256_OUTPUT_LEN]>,
    order: VecDeque<[u8; digest::SHA256_OUTPUT_LEN]>,
}

/// How many are remembered. A delivery is repeated within minutes or not at all.
const REMEMBERED: usize = 8192;

/// A token, ready to be looked up.
pub(super) struct Token([u8; digest::SHA256_OUTPUT_LEN]);

impl Token {
    pub(super) fn new(token: &str) -> Self {
        let mut hash = [0; digest::SHA256_OUTPUT_LEN];
        hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(hash)
    }
}

impl Seen {
    pub(super) fn contains(&self, token: &Token) -> bool {
        self.hashes.contains(&token.0)
    }

    /// Remembers a token, and forgets the oldest one where there are too many.
    pub(super) fn insert(&mut self, token: &Token) {
        if !self.hashes.insert(token.0) {
            return;
        }
        self.order.push_back(token.0);
        if self.order.len() > REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.hashes.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the listener's documentation promises.
    const PROMISED: usize = 8_192;

    #[test]
    fn the_latest_are_remembered() {
        let token = |n: usize| Token::new(&format!("token-{n}"));
        let mut seen = Seen::default();
        for n in 0..PROMISED + 10 {
            assert!(!seen.contains(&token(n)));
            seen.insert(&token(n));
            seen.insert(&token(n));
            assert!(seen.contains(&token(n)));
        }
        assert_eq!((seen.hashes.len(), seen.order.len()), (PROMISED, PROMISED));
        assert!(!seen.contains(&token(9)));
        assert!(seen.contains(&token(10)));
    }
}
