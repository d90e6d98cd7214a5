//! Makes idempotency keys.

use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// 64 random bits.
///
/// The standard library seeds every `RandomState` from the operating system's randomness, and its hash of
/// a value that never repeats is then as good as random; time and process are hashed in so that a forked
/// process does not repeat its parent.
pub(crate) fn random() -> u64 {
    unique_hasher().finish()
}

/// A hasher with a secret seed that has taken in what never repeats.
fn unique_hasher() -> DefaultHasher {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(COUNTER.fetch_add(1, Ordering::Relaxed));
    hasher.write_u32(std::process::id());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    hasher.write_u64(now.as_secs());
    hasher.write_u32(now.subsec_nanos());
    hasher
}

/// A new key: 122 random bits written as a version 4 UUID.
pub(crate) fn mint() -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut hasher = unique_hasher();
    let high = hasher.finish();
    hasher.write_u8(0);
    let bits = u128::from(high) << 64 | u128::from(hasher.finish());
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let mut key = String::with_capacity(36);
    for nibble in (0..32).rev() {
        if matches!(nibble, 23 | 19 | 15 | 11) {
            key.push('-');
        }
        let digit = usize::try_from(bits >> (nibble * 4) & 0xf).unwrap_or(0);
        key.push(HEX.get(digit).copied().unwrap_or('0'));
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_are_version_4_uuids() {
        let key = mint();
        let parts: Vec<&str> = key.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{key}");
        assert!(key.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit() && !b.is_ascii_uppercase()), "{key}");
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{key}");
    }

    #[test]
    fn keys_do_not_repeat() {
        let threads: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..10_000).map(|_| mint()).collect::<Vec<_>>())).collect();
        let keys: HashSet<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(keys.len(), 40_000);
    }
}
