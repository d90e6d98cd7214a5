//! Bank details: the checksum of a routing number, and the length of an account number.

/// How many digits a routing number has.
pub(super) const ROUTING_NUMBER: usize = 9;

/// The shortest and the longest account number. The field in an ACH file has 17 characters.
pub(super) const ACCOUNT_NUMBER: (usize, usize) = (4, 17);

/// Returns whether these are nine digits with the checksum of the American Bankers Association.
pub(super) fn is_routing_number(digits: &str) -> bool {
    let weighted =
        digits.bytes().map(|byte| u32::from(byte.wrapping_sub(b'0'))).zip([3, 7, 1].into_iter().cycle());
    digits.len() == ROUTING_NUMBER && weighted.map(|(digit, weight)| digit * weight).sum::<u32>() % 10 == 0
}

/// Returns whether this can be an account number, judged by its length, since it has no check digit.
pub(super) fn is_account_number(digits: &str) -> bool {
    (ACCOUNT_NUMBER.0..=ACCOUNT_NUMBER.1).contains(&digits.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routing_numbers() {
        for good in ["110000000", "121181976", "021000021", "011401533", "091000019", "122105155"] {
            assert!(is_routing_number(good), "{good}");
            // Each digit in turn is off by one. 3, 7 and 1 are coprime to 10, so every such error is found.
            for at in 0..9 {
                let mut bad = good.as_bytes().to_vec();
                bad[at] = b'0' + (bad[at] - b'0' + 1) % 10;
                assert!(!is_routing_number(std::str::from_utf8(&bad).unwrap()), "{good} at {at}");
            }
        }
        for bad in ["", "1", "11000000", "1100000000", "123456789", "012100002"] {
            assert!(!is_routing_number(bad), "{bad}");
        }
    }

    #[test]
    fn account_numbers() {
        for (length, good) in [(0, false), (3, false), (4, true), (12, true), (17, true), (18, false)] {
            assert_eq!(is_account_number(&"1".repeat(length)), good, "{length}");
        }
    }
}
