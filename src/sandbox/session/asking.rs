//! What the caller is asked.

use crate::model::Capture;

/// What the caller is being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asking {
    /// To type something.
    For(Capture),
    /// To confirm with 1, or to cancel with 2.
    ToConfirm,
}
