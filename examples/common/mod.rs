//! What the examples share: their command lines, and output that nobody needs to read.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use twilio_payments::{ErrorKind, Event, StatusCallback};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// `println!` that ignores a closed pipe: whoever read the output has seen enough, and a payment goes on.
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}
pub(crate) use say;

/// `eprintln!` that ignores a closed pipe.
macro_rules! complain {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($line)*);
    }};
}
#[allow(unused_imports, reason = "not every example complains itself")]
pub(crate) use complain;

/// A command line that cannot be used.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (--help shows what is possible)", self.0)
    }
}

impl Error for Usage {}

pub(crate) fn usage(problem: impl Into<String>) -> Failure {
    Box::new(Usage(problem.into()))
}

/// Runs an example with its arguments, unless they ask for help. An error is one line on standard error; the exit code
/// is 2 if it is about the arguments, else 1.
pub(crate) fn main(
    name: &str,
    help: &str,
    program: impl FnOnce(&[String]) -> Result<(), Failure>,
) -> ExitCode {
    let arguments = std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned());
    let arguments: Vec<String> = arguments.collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        say!("{}", help.trim_end());
        return ExitCode::SUCCESS;
    }
    match program(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain!("{name}: {error}");
            let invalid = |error: &twilio_payments::Error| error.kind() == ErrorKind::InvalidInput;
            let arguments = error.is::<Usage>() || error.downcast_ref().is_some_and(invalid);
            ExitCode::from(if arguments { 2 } else { 1 })
        }
    }
}

/// For an example that takes no arguments.
#[allow(dead_code, reason = "not every example is one")]
pub(crate) fn no_arguments(arguments: &[String]) -> Result<(), Failure> {
    arguments.first().map_or(Ok(()), |argument| Err(usage(format!("unknown argument {argument:?}"))))
}

/// The folder of this name, which must exist.
#[allow(dead_code, reason = "not every example has one")]
pub(crate) fn folder(name: &str) -> Result<&Path, Failure> {
    let folder = Path::new(name);
    if folder.is_dir() { Ok(folder) } else { Err(usage(format!("there is no folder {name:?}"))) }
}

/// A number of things: "1 transaction", "2 transactions".
#[allow(dead_code, reason = "not every example counts")]
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Shows what a caller has entered, of a payment that is guided.
#[allow(dead_code, reason = "not every example is guided")]
pub(crate) fn show(callback: &StatusCallback) {
    match callback.event() {
        Event::Captured { capture, shown, .. } => say!("{capture}: {}", shown.unwrap_or_default()),
        Event::CaptureFailed { reason, .. } => say!("asking again: {reason}"),
        _ => {}
    }
}
