//! The smallest program that takes a payment: create, ask for what is required, complete. `cargo run --example script`
//! runs it in the sandbox; for the real service give it a call's SID and the public URL that leads to port 8080 here.
use std::time::Duration;

use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    CallbackListener, Capture, CreatePaymentsParams, Event, Outcome, PaymentsApi, SessionCallbacks,
    SignatureValidator, UpdatePaymentsParams,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [call_sid, public_url] = arguments.as_slice() {
        let validator = SignatureValidator::new(std::env::var("TWILIO_AUTH_TOKEN")?)?;
        let listener = CallbackListener::bind("127.0.0.1:8080", public_url, validator)?;
        return take(&PaymentsApi::from_env()?, call_sid, &listener);
    } else if !arguments.is_empty() {
        return Err("give a call's SID and a public URL, or nothing for the sandbox".into());
    }
    let sandbox = Sandbox::start()?;
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;
    take(&sandbox.client(), sandbox.call().obliging().sid(), &listener)
}

fn take(api: &PaymentsApi, call_sid: &str, listener: &CallbackListener) -> Result<(), Failure> {
    let url = listener.public_url();
    let start = CreatePaymentsParams::new(url).charge_amount("19.99".parse()?);
    let session = listener.session(&api.create_payments(call_sid, &start)?.sid)?;
    match ask(api, call_sid, &session, url) {
        Ok(()) => println!("paid, confirmation code {}", complete(api, call_sid, &session, url)?),
        Err(error) => {
            // Leave no session open. If it is over already, this is refused.
            let _ = api.update_payments(call_sid, session.sid(), &UpdatePaymentsParams::new_cancel(url));
            return Err(error);
        }
    }
    Ok(())
}

/// Asks for one capture after another, until nothing is required any more.
fn ask(api: &PaymentsApi, call_sid: &str, session: &SessionCallbacks, url: &str) -> Result<(), Failure> {
    let mut next = Capture::PaymentCardNumber;
    loop {
        let step = UpdatePaymentsParams::new_capture(url, next);
        api.update_payments(call_sid, session.sid(), &step)?;
        next = loop {
            let callback = session.recv_timeout(Duration::from_secs(120))?;
            match (callback.event(), callback.required()) {
                (Event::Captured { .. }, Some([])) => return Ok(()),
                (Event::Captured { .. }, Some([next, ..])) => break next.clone(),
                (Event::Started | Event::Typing { .. }, _) => {}
                (event, _) => return Err(format!("not paid: {event:?}").into()),
            }
        };
    }
}

/// Charges, and returns the confirmation code. After an error in here the caller may have been charged: look for the
/// payment at the payment processor before you charge again.
fn complete(
    api: &PaymentsApi,
    call_sid: &str,
    session: &SessionCallbacks,
    url: &str,
) -> Result<String, Failure> {
    let step = UpdatePaymentsParams::new_complete(url);
    match api.update_payments(call_sid, session.sid(), &step) {
        // It may have been carried out: the same value is the same operation.
        Err(first) if first.outcome() == Outcome::Unknown => {
            api.update_payments(call_sid, session.sid(), &step).map_err(|second| second.after_earlier(&first))
        }
        result => result,
    }?;
    loop {
        let callback = session.recv_timeout(Duration::from_secs(120))?;
        match callback.event() {
            Event::Succeeded { confirmation_code, .. } => {
                return Ok(confirmation_code.unwrap_or_default().to_owned());
            }
            Event::Captured { .. } | Event::Typing { .. } => {}
            event => return Err(format!("not paid: {event:?}").into()),
        }
    }
}
