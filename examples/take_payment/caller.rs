//! The simulated caller.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use twilio_payments::Capture;
use twilio_payments::sandbox::{Asking, Call, numbers};

/// The keys of the current entry, for the screen.
pub(crate) type Keypad = Arc<Mutex<String>>;

pub(crate) struct Caller {
    keypad: Keypad,
    thread: JoinHandle<()>,
}

/// Starts the caller's thread.
pub(crate) fn spawn(call: Call) -> Caller {
    let keypad = Keypad::default();
    let typed = Arc::clone(&keypad);
    Caller { keypad, thread: thread::spawn(move || answer(&call, &typed)) }
}

impl Caller {
    pub(crate) fn keypad(&self) -> Keypad {
        Arc::clone(&self.keypad)
    }

    pub(crate) fn join(self) {
        // The payment has ended, so the result of the thread does not matter.
        let _ = self.thread.join();
    }
}

/// Types whatever is asked for, until the call ends.
fn answer(call: &Call, keypad: &Keypad) {
    let mut mistyped = false;
    while let Some(asking) = call.wait_until_asked(Duration::from_secs(60)) {
        let keys = match &asking {
            Asking::Capture(Capture::PaymentCardNumber) if !mistyped => {
                mistyped = true;
                "4242424242424241#"
            }
            Asking::Capture(Capture::PaymentCardNumber) => numbers::VISA,
            Asking::Capture(Capture::ExpirationDate) => "1234",
            Asking::Capture(Capture::SecurityCode) => "123",
            Asking::Capture(Capture::PostalCode) => "94109#",
            _ => "1",
        };
        // The last key ends the entry, and the next question has a new one.
        keypad.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for key in keys.chars() {
            thread::sleep(Duration::from_millis(60));
            keypad.lock().unwrap_or_else(PoisonError::into_inner).push(key);
            call.press(key.encode_utf8(&mut [0; 4]));
        }
    }
}
