//! Random numbers and identifiers.

use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use super::digits::push_hex;

/// Returns 64 random bits.
///
/// The standard library seeds each thread's `RandomState`s from the operating system's randomness, so the hash of a
/// value that never repeats is as good as random. The time and the process id are hashed too, so that a forked process
/// does not repeat its parent.
pub(crate) fn random() -> u64 {
    unique_hasher().finish()
}

/// Returns a hasher with a secret seed, into which values that never repeat were hashed.
fn unique_hasher() -> DefaultHasher {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
    hasher.write_u32(std::process::id());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    hasher.write_u128(now.as_nanos());
    hasher
}

/// A version 4 UUID: 122 random bits, written as 32 hex digits with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Uuid(u128);

impl Uuid {
    /// Makes a new one.
    pub(crate) fn random() -> Self {
        let mut hasher = unique_hasher();
        let high = hasher.finish();
        hasher.write_u8(0);
        let bits = u128::from(high) << 64 | u128::from(hasher.finish());
        Self(bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62)
    }

    /// Returns the text: lower-case hex digits in groups of 8, 4, 4, 4 and 12.
    pub(crate) fn text(self) -> String {
        let mut text = String::with_capacity(36);
        for (low, count) in [(96, 8), (80, 4), (64, 4), (48, 4), (0, 12)] {
            if !text.is_empty() {
                text.push('-');
            }
            push_hex(&mut text, self.0 >> low, count);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn uuids_are_of_version_4() {
        let uuid = Uuid::random().text();
        let groups: Vec<&str> = uuid.split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{uuid}");
        assert!(
            uuid.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit() && !b.is_ascii_uppercase()),
            "{uuid}"
        );
        assert!(groups[2].starts_with('4') && groups[3].starts_with(['8', '9', 'a', 'b']), "{uuid}");
        let digits = Uuid(0x0123_4567_89ab_cdef_0011_2233_4455_6677).text();
        assert_eq!(digits, "01234567-89ab-cdef-0011-223344556677");
    }

    #[test]
    fn uuids_do_not_repeat() {
        let many = || (0..10_000).map(|_| Uuid::random().text()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(many)).collect();
        let uuids: HashSet<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(uuids.len(), 40_000);
    }
}
