//! The status of a response, read without ureq, which cannot read every head.

use std::cell::Cell;

thread_local! {
    static STATUS: Cell<Option<u16>> = const { Cell::new(None) };
}

/// Notes the status of the response to the current request, from the first bytes of its head. If ureq cannot read the
/// head to its end, for example because it has more than about 100 headers, it does not even report the status.
pub(super) fn note(head: &[u8]) {
    // Interim responses do not count.
    if let Some(status) = read(head).filter(|status| *status >= 200) {
        let _ = STATUS.try_with(|noted| noted.set(noted.get().or(Some(status))));
    }
}

/// Returns the status of the response to the last request of this thread, and forgets it.
pub(super) fn take() -> Option<u16> {
    STATUS.try_with(Cell::take).ok().flatten()
}

/// Reads the status of a response that begins with these bytes.
pub(super) fn read(head: &[u8]) -> Option<u16> {
    let status = head.strip_prefix(b"HTTP/1.")?.get(2..5)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}
