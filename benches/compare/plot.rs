//! The plot.

pub(crate) fn draw(_lines: &str) {}
