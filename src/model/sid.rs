//! Checks of SIDs, the only values of a program that are put into a path.

use std::ops::BitAnd;

use crate::error::Error;

/// Accepts the prefix followed by 32 hex digits.
///
/// # Errors
/// Returns an error that names `field` for anything else. It does not show the value, which may be a secret in the
/// wrong place.
pub(crate) fn check(field: &'static str, prefix: &str, value: &str) -> Result<(), Error> {
    // Without an early exit, so that the compiler can check many bytes at once.
    let is_hex = |text: &str| text.bytes().map(|b| b.is_ascii_hexdigit()).fold(true, BitAnd::bitand);
    match value.strip_prefix(prefix) {
        Some(rest) if rest.len() == 32 && is_hex(rest) => Ok(()),
        _ => Err(Error::invalid(field, format!("not {prefix} and 32 hex digits"))),
    }
}

/// Returns whether `value` is the prefix followed by 32 hex digits.
pub(crate) fn is(prefix: &str, value: &str) -> bool {
    check("", prefix, value).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_and_hex() {
        let hex = "0123456789abcdefABCDEF0123456789";
        assert!(is("CA", &format!("CA{hex}")));
        for bad in [
            String::new(),
            "CA".to_owned(),
            "CA#f".to_owned(),
            "..".to_owned(),
            "%2e%2e".to_owned(),
            format!("CA{hex}0"),
            format!("CA{}", &hex[1..]),
            format!("ca{hex}"),
            format!("AC{hex}"),
            format!("CA{}\n", &hex[1..]),
            format!("CA{}#", &hex[1..]),
            format!("CA{}é", &hex[2..]),
            format!(" CA{}", &hex[1..]),
        ] {
            let error = check("CallSid", "CA", &bad).unwrap_err();
            assert_eq!(error.to_string(), "invalid CallSid: not CA and 32 hex digits", "{bad:?}");
        }
    }
}
