//! The output. In a terminal the caller's progress is drawn in place, otherwise line by line. With `TERM=dumb` it is
//! drawn line by line too, and `NO_COLOR` turns colours off.

use std::io::{IsTerminal, Write};
use std::sync::PoisonError;
use std::time::Duration;

use twilio_payments::{Attempt, Capture, Ending, Event, PaymentEnding, StatusCallback};

use super::caller::Keypad;
use super::common::say;

pub(crate) struct Screen {
    /// Whether lines can be drawn in place.
    terminal: bool,
    colours: bool,
    keypad: Option<Keypad>,
}

impl Screen {
    pub(crate) fn new(keypad: Option<Keypad>) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let terminal = std::io::stdout().is_terminal() && !dumb;
        Self { terminal, colours: terminal && !set("NO_COLOR"), keypad }
    }

    /// Shows one request of the client and its response.
    pub(crate) fn attempt(&self, attempt: &Attempt<'_>) {
        let status = attempt.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
        let id = attempt.request_id.unwrap_or("no request id");
        let took = Duration::from_micros(attempt.elapsed.as_micros().try_into().unwrap_or(u64::MAX));
        self.clear_line();
        say!("{} {}: {status} ({id}, {took:?})", self.bold("→"), attempt.operation);
    }

    /// Shows what the service reports.
    pub(crate) fn callback(&self, callback: &StatusCallback) {
        match callback.event() {
            Event::Typing { shown, .. } => self.typing(shown.unwrap_or_default()),
            Event::Captured { capture, shown, .. } => {
                self.captured(capture, shown.unwrap_or_default(), callback.required().unwrap_or_default());
            }
            Event::CaptureFailed { capture, reason, .. } => {
                self.clear_line();
                let capture = capture.map_or("the entry", Capture::as_str);
                say!("  {} {capture}: {reason}\n", self.red("✗"));
            }
            _ => {}
        }
    }

    pub(crate) fn line(&self, text: &str) {
        self.clear_line();
        say!("{text}");
    }

    /// Shows the digits that have arrived. The line fits into 40 columns.
    fn typing(&self, masked: &str) {
        let keypad =
            self.keypad.as_ref().map(|keypad| keypad.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let caller = keypad.map_or_else(String::new, |keys| format!("{keys:<17} → "));
        let line = format!("  {caller}{masked}");
        if self.terminal {
            // In a narrower window the terminal must cut the line, because a line that wraps could not be cleared.
            let mut out = std::io::stdout();
            let _ = write!(out, "\r\x1b[K\x1b[?7l{line}\x1b[?7h").and_then(|()| out.flush());
        } else if masked.len() % 4 == 1 {
            // In a log, a line for every fourth key is enough.
            say!("{line}");
        }
    }

    fn captured(&self, capture: &Capture, masked: &str, required: &[Capture]) {
        self.clear_line();
        let left: Vec<&str> = required.iter().map(Capture::as_str).collect();
        let left = if left.is_empty() { "nothing".to_owned() } else { left.join(", ") };
        say!("  {} {capture} {masked} (still required: {left})\n", self.green("✓"));
    }

    /// Shows how the payment ended, and returns whether it was paid.
    pub(crate) fn ended(&self, ending: &Ending) -> bool {
        self.clear_line();
        match &ending.payment {
            PaymentEnding::Paid { confirmation_code, .. } => {
                let code = confirmation_code.as_deref().unwrap_or("none");
                say!("{}", self.green(&format!("✓ Paid. Confirmation code: {code}")));
            }
            PaymentEnding::Tokenized { .. } => {
                say!("{}", self.green("✓ Nothing was charged: the card is stored as a token."));
            }
            _ => say!("{} {ending}", self.red("✗")),
        }
        ending.is_success()
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
        if self.colours { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
