//! What the examples share: command lines, and output that may fail.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use twilio_payments::{ErrorKind, Event, StatusCallback};

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// `println!` that ignores a closed pipe, so that a payment continues when nobody reads the output any more.
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
#[allow(unused_imports, reason = "not every example uses it")]
pub(crate) use complain;

/// An error in the command line.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (see --help)", self.0)
    }
}

impl Error for Usage {}

pub(crate) fn usage(problem: impl Into<String>) -> Failure {
    Box::new(Usage(problem.into()))
}

/// Runs an example with its arguments, or shows the help if they ask for it. An error is one line on standard error.
/// The exit code is 2 if the error is about the arguments, else 1.
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

/// Checks that there are no arguments.
#[allow(dead_code, reason = "not every example uses it")]
pub(crate) fn no_arguments(arguments: &[String]) -> Result<(), Failure> {
    arguments.first().map_or(Ok(()), |argument| Err(usage(format!("unknown argument {argument:?}"))))
}

/// The folder of this name, which must exist.
#[allow(dead_code, reason = "not every example uses it")]
pub(crate) fn folder(name: &str) -> Result<&Path, Failure> {
    let folder = Path::new(name);
    if folder.is_dir() { Ok(folder) } else { Err(usage(format!("there is no folder {name:?}"))) }
}

/// A number of things: "1 transaction", "2 transactions".
#[allow(dead_code, reason = "not every example uses it")]
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Shows what the caller has entered in a guided payment.
#[allow(dead_code, reason = "not every example uses it")]
pub(crate) fn show(callback: &StatusCallback) {
    match callback.event() {
        Event::Captured { capture, shown, .. } => say!("{capture}: {}", shown.unwrap_or_default()),
        Event::CaptureFailed { reason, .. } => say!("asking again: {reason}"),
        _ => {}
    }
}
