//! A status callback that is to be sent.

use std::sync::Arc;

use crate::sandbox::fields::Fields;

/// A status callback that is to be sent. It has no `Debug`: the URL may have credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Callback {
    /// The SID of the payment session.
    pub(crate) session: Arc<str>,
    /// The `StatusCallback` that was in force.
    pub(crate) url: Arc<str>,
    pub(crate) fields: Fields,
}
