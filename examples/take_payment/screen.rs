//! What is shown: in a terminal the caller's progress is drawn in place, elsewhere line by line.

use std::io::{IsTerminal, Write};
use std::sync::PoisonError;
use std::time::Duration;

use twilio_payments::{Capture, CaptureError, Event, PaymentsResponse, StatusCallback};

use super::caller::Keypad;

/// `println!` that does not mind when nobody reads any more: the payment goes on.
macro_rules! say {
    ($($line:tt)*) => {{
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

pub(crate) struct Screen {
    terminal: bool,
    keypad: Option<Keypad>,
}

impl Screen {
    pub(crate) fn new(keypad: Option<Keypad>) -> Self {
        Self { terminal: std::io::stdout().is_terminal(), keypad }
    }

    /// What goes over the wire, decoded, the credentials masked.
    pub(crate) fn request(&self, path: &str, form: &str) {
        say!("{} POST {path}", self.bold("→"));
        say!("    Authorization: Basic ********");
        for (name, value) in form_urlencoded::parse(form.as_bytes()) {
            say!("    {name} = {value}");
        }
    }

    pub(crate) fn answer(&self, answer: &PaymentsResponse) {
        let metadata = &answer.metadata;
        let id = metadata.request_id.as_deref().unwrap_or("no request id");
        let took = Duration::from_micros(metadata.elapsed.as_micros().try_into().unwrap_or(u64::MAX));
        say!("{} {} {} ({id}, {took:?})\n", self.bold("←"), metadata.status, answer.payments.sid);
    }

    pub(crate) fn line(&self, text: &str) {
        self.clear_line();
        say!("{text}");
    }

    /// A callback says that digits arrive.
    pub(crate) fn typing(&self, masked: &str) {
        let keypad =
            self.keypad.as_ref().map(|keypad| keypad.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let caller = keypad.map_or_else(String::new, |keys| format!("the caller's keypad {keys:<17} "));
        let line = format!("  {caller}your program hears {masked}");
        if self.terminal {
            let mut out = std::io::stdout();
            let _ = write!(out, "\r\x1b[K{line}").and_then(|()| out.flush());
        } else if masked.len() % 4 == 1 {
            // A line for every fourth key will do for a log.
            say!("{line}");
        }
    }

    pub(crate) fn captured(&self, capture: &Capture, masked: &str, required: &[Capture]) {
        self.clear_line();
        let left: Vec<&str> = required.iter().map(Capture::as_str).collect();
        let left = if left.is_empty() { "nothing".to_owned() } else { left.join(", ") };
        say!("  {} {capture} {masked} (still required: {left})\n", self.green("✓"));
    }

    pub(crate) fn refused(&self, capture: &Capture, reason: &CaptureError) {
        self.clear_line();
        say!("  {} {capture}: {reason}\n", self.red("✗"));
    }

    /// Shows how the session ended; whether the payment was made.
    pub(crate) fn ended(&self, callback: &StatusCallback) -> bool {
        match callback.event() {
            Event::Succeeded { confirmation_code: Some(code), .. } => {
                say!("{}", self.green(&format!("✓ Paid. Confirmation code: {code}")));
                true
            }
            Event::Succeeded { .. } => {
                say!("{}", self.green("✓ Nothing was to be charged: the card is stored as a token."));
                true
            }
            Event::Failed { result, error, connector_error, .. } => {
                let words = [error, connector_error].into_iter().flatten().collect::<Vec<_>>().join("; ");
                say!("{} {words}", self.red(&format!("✗ Not paid: {result}.")));
                false
            }
            _ => {
                say!("{}", self.red("✗ Not paid."));
                false
            }
        }
    }

    fn clear_line(&self) {
        if self.terminal {
            let _ = write!(std::io::stdout(), "\r\x1b[K");
        }
    }

    fn bold(&self, text: &str) -> String {
        self.styled(text, "1")
    }

    fn green(&self, text: &str) -> String {
        self.styled(text, "32")
    }

    fn red(&self, text: &str) -> String {
        self.styled(text, "31")
    }

    fn styled(&self, text: &str, style: &str) -> String {
        if self.terminal { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
