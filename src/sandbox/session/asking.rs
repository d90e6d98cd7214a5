//! `Asking`: what the caller is asked for.

use crate::model::Capture;

/// What the caller is being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asking {
    /// To type this capture.
    For(Capture),
    /// To confirm with 1, or to cancel with 2.
    ToConfirm,
}
