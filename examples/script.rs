//! The smallest program that takes a payment: create, ask for what is required, complete.
//!
//! `cargo run --example script` runs it in the sandbox. With `TWILIO_ACCOUNT_SID` and `TWILIO_AUTH_TOKEN` set, give it a
//! live call's SID and the public URL that leads to port 8080 of this machine.

use std::time::Duration;

use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    CallbackListener, Capture, CreatePaymentsParams, Event, PaymentsApi, SignatureValidator,
    UpdatePaymentsParams,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start()?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (api, call_sid, listener) = match arguments.as_slice() {
        [call_sid, public_url] => {
            let validator = SignatureValidator::new(std::env::var("TWILIO_AUTH_TOKEN")?)?;
            let listener = CallbackListener::bind("127.0.0.1:8080", public_url, validator)?;
            (PaymentsApi::from_env()?, call_sid.clone(), listener)
        }
        _ => {
            let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;
            (sandbox.client(), sandbox.call().obliging().sid().to_owned(), listener)
        }
    };
    let url = listener.public_url();

    let start = CreatePaymentsParams::new(url).charge_amount("19.99".parse()?);
    let session = api.create_payments(&call_sid, &start)?;
    let callbacks = listener.session(&session.sid)?;

    let mut asked = Capture::PaymentCardNumber;
    api.update_payments(&call_sid, &session.sid, &UpdatePaymentsParams::capture(url, asked.clone()))?;
    loop {
        let callback = callbacks.recv_timeout(Duration::from_secs(120))?;
        let next = match callback.event() {
            Event::Captured { capture, .. } if *capture == asked => match callback.required().first() {
                Some(next) => UpdatePaymentsParams::capture(url, next.clone()),
                None => UpdatePaymentsParams::complete(url),
            },
            Event::CaptureFailed { .. } => UpdatePaymentsParams::capture(url, asked.clone()),
            Event::Succeeded { confirmation_code, .. } => {
                println!("paid, confirmation code {}", confirmation_code.unwrap_or("none"));
                return Ok(());
            }
            _ if callback.is_final() => return Err(format!("not paid: {:?}", callback.result).into()),
            _ => continue,
        };
        asked = next.capture.clone().unwrap_or(asked);
        api.update_payments(&call_sid, &session.sid, &next)?;
    }
}
