//! Makes identifiers and secrets that look like the service's.

use crate::text::random::random;

/// Makes a new SID: a prefix and 32 hex digits.
pub(super) fn sid(prefix: &str) -> String {
    format!("{prefix}{:016x}{:016x}", random(), random())
}

/// Makes a new secret: 32 hex digits. It protects nothing real.
pub(super) fn secret() -> String {
    sid("")
}

#[cfg(test)]
mod tests {
    use crate::model::sid;
    use std::collections::HashSet;

    #[test]
    fn identifiers_are_well_formed_and_distinct() {
        let mut seen = HashSet::new();
        for _ in 0..1000 {
            let minted = super::sid("PK");
            assert!(sid::is("PK", &minted), "{minted}");
            assert!(seen.insert(minted));
            assert_eq!(super::secret().len(), 32);
        }
    }
}
