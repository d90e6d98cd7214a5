//! A status callback to be sent.

use std::sync::Arc;

use crate::sandbox::fields::Fields;

/// A status callback to be sent. It has no `Debug`, because the URL may contain credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Callback {
    /// The SID of the payment session.
    pub(crate) session: Arc<str>,
    /// The `StatusCallback` that was in force.
    pub(crate) url: Arc<str>,
    pub(crate) fields: Fields,
}
