//! Anything that can be sent to the port of a listener, in pieces of any size.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    twilio_payments::check_requests(bytes, usize::from(size));
});
