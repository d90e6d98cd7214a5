//! `Withheld`: text that is not shown, such as a secret or what the caller typed.

use std::fmt;

/// Text that the program can read, but of which `Debug` only shows the length.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Withheld<T = String>(pub(crate) T);

impl<T: AsRef<str>> Withheld<T> {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_ref()
    }
}

impl<T: AsRef<str>> fmt::Debug for Withheld<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_length_is_shown() {
        assert_eq!(format!("{:?} {:?}", Withheld("hush".to_owned()), Withheld("")), "(4 bytes) (0 bytes)");
    }
}
