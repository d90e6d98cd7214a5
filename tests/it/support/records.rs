//! The logger of the test process: keeps what the crate logs, for tests that ask for it.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

thread_local! {
    /// The records of this thread, while a test asks for them.
    static OF_THREAD: RefCell<Option<Vec<(Level, String)>>> = const { RefCell::new(None) };
}

/// What a test looks for in the records of all threads, and what was found.
static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());

struct Watched {
    needles: Vec<String>,
    lines: Vec<String>,
}

fn watched() -> MutexGuard<'static, Vec<Watched>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves out ureq's own records, which are not redacted, as the documentation says.
struct Logger;

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if !record.target().starts_with("twilio_payments") {
            return;
        }
        let text = record.args().to_string();
        let line = format!("{} {} {text}", record.level(), record.target());
        for watched in watched().iter_mut().filter(|watched| watched.needles.iter().any(|n| line.contains(n)))
        {
            watched.lines.push(line.clone());
        }
        OF_THREAD.with_borrow_mut(|records| {
            if let Some(records) = records {
                records.push((record.level(), text));
            }
        });
    }

    fn flush(&self) {}
}

fn start() {
    // The first test that asks sets the logger.
    let _ = log::set_logger(&Logger);
    log::set_max_level(LevelFilter::Trace);
}

/// Returns what `work` logs in this thread: a call logs in the thread that makes it.
pub fn logged<T>(work: impl FnOnce() -> T) -> (T, Vec<(Level, String)>) {
    start();
    OF_THREAD.set(Some(Vec::new()));
    let result = work();
    (result, OF_THREAD.take().unwrap_or_default())
}

/// Returns the records of any thread during `work` that contain one of the needles: level, target and text.
pub fn logged_about<T>(needles: &[&str], work: impl FnOnce() -> T) -> (T, Vec<String>) {
    start();
    let needles: Vec<_> = needles.iter().map(ToString::to_string).collect();
    watched().push(Watched { needles: needles.clone(), lines: Vec::new() });
    let result = work();
    let mut all = watched();
    let ours = all.iter().position(|watched| watched.needles == needles).unwrap();
    (result, all.swap_remove(ours).lines)
}
