//! A status callback that is to be sent.

use std::fmt;
use std::sync::Arc;

use crate::text::url_without_secrets;

/// The names and values of a form, in order.
pub(crate) type Params = Vec<(String, String)>;

/// A status callback that is to be sent: its URL, and the fields of its form in order.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Callback {
    /// The SID of the payment session.
    pub(crate) session: Arc<str>,
    /// The `StatusCallback` that was in force.
    pub(crate) url: Arc<str>,
    pub(crate) params: Params,
}

/// Values are left out: a token may be among them.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("Callback")
            .field("session", &self.session)
            .field("url", &url_without_secrets(&self.url))
            .field("names", &names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_values() {
        let callback = Callback {
            session: "PK1".into(),
            url: "http://u:hush@127.0.0.1/s?t=hush".into(),
            params: vec![("PaymentToken".to_owned(), "hush".to_owned())],
        };
        let shown = format!("{callback:?}");
        assert!(shown.contains("PaymentToken") && shown.contains("PK1"), "{shown}");
        assert!(!shown.contains("hush"), "{shown}");
    }
}
