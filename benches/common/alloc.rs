//! Counts allocations, and finds out which crate made them.

#![allow(unsafe_code, reason = "an allocator cannot be written without; the library itself forbids it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// The system's allocator, which counts while counting is on.
pub(crate) struct Counting;

static ON: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static REALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

thread_local! {
    static COUNTED: Cell<bool> = const { Cell::new(true) };
    static TRACED: Cell<bool> = const { Cell::new(false) };
    static TRACES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Leaves out what the calling thread does, because it is not a client.
pub(crate) fn uncounted() {
    COUNTED.set(false);
}

/// The counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) allocations: u64,
    pub(crate) reallocations: u64,
    pub(crate) bytes: u64,
    /// Allocated bytes minus freed bytes.
    pub(crate) live: i64,
}

/// Counts the allocations of all threads except the excluded ones during `work`.
pub(crate) fn count(work: impl FnOnce()) -> Count {
    for counter in [&ALLOCATIONS, &REALLOCATIONS, &BYTES] {
        counter.store(0, Relaxed);
    }
    LIVE.store(0, Relaxed);
    ON.store(true, Relaxed);
    work();
    ON.store(false, Relaxed);
    Count {
        allocations: ALLOCATIONS.load(Relaxed),
        reallocations: REALLOCATIONS.load(Relaxed),
        bytes: BYTES.load(Relaxed),
        live: LIVE.load(Relaxed),
    }
}

/// The stacks of the calling thread's allocations during `work`, innermost frame first.
pub(crate) fn traces(work: impl FnOnce()) -> Vec<String> {
    TRACED.set(true);
    work();
    TRACED.set(false);
    TRACES.take()
}

fn note(bytes: usize, again: bool) {
    if ON.load(Relaxed) && COUNTED.get() {
        let counter = if again { &REALLOCATIONS } else { &ALLOCATIONS };
        counter.fetch_add(1, Relaxed);
        BYTES.fetch_add(u64::try_from(bytes).unwrap_or(0), Relaxed);
    }
    if TRACED.replace(false) {
        let trace = Backtrace::force_capture().to_string();
        TRACES.with_borrow_mut(|traces| traces.push(trace));
        TRACED.set(true);
    }
}

fn keep(change: i64) {
    if ON.load(Relaxed) && COUNTED.get() {
        LIVE.fetch_add(change, Relaxed);
    }
}

fn signed(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

// SAFETY: every request is passed to the system's allocator unchanged; the rest only counts. What counting itself
// allocates (stacks) is allocated with the flag off, so there is no recursion.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), false);
        keep(signed(layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), false);
        keep(signed(layout.size()));
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size.saturating_sub(layout.size()), true);
        keep(signed(size) - signed(layout.size()));
        unsafe { System.realloc(ptr, layout, size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        keep(-signed(layout.size()));
        unsafe { System.dealloc(ptr, layout) }
    }
}
