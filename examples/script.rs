//! The smallest program that takes a payment: create, ask for what is required, complete. `cargo run --example script`
//! runs it in the sandbox; for the real service give it a call's SID and the public URL that leads to port 8080 here.
use std::time::Duration;

use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    CallbackListener, Capture, CreatePaymentsParams, Event, PaymentsApi, SessionCallbacks,
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
    let code = pay(api, call_sid, &session, url).inspect_err(|_| {
        // Leave no session open. Where it is over already, this is refused.
        let _ = api.update_payments(call_sid, session.sid(), &UpdatePaymentsParams::new_cancel(url));
    })?;
    println!("paid, confirmation code {code}");
    Ok(())
}

fn pay(api: &PaymentsApi, call_sid: &str, session: &SessionCallbacks, url: &str) -> Result<String, Failure> {
    let mut step = UpdatePaymentsParams::new_capture(url, Capture::PaymentCardNumber);
    loop {
        api.update_payments(call_sid, session.sid(), &step)?;
        step = loop {
            let callback = session.recv_timeout(Duration::from_secs(120))?;
            match (callback.event(), callback.required()) {
                (Event::Captured { .. }, Some([])) => break UpdatePaymentsParams::new_complete(url),
                (Event::Captured { .. }, Some([next, ..])) => {
                    break UpdatePaymentsParams::new_capture(url, next.clone());
                }
                (Event::Succeeded { confirmation_code, .. }, _) => {
                    return Ok(confirmation_code.unwrap_or_default().to_owned());
                }
                (Event::Started | Event::Typing { .. }, _) => {}
                (event, _) => return Err(format!("not paid: {event:?}").into()),
            }
        };
    }
}
