//! Takes a payment without a flow: create, ask for what is required, complete.
//!
//! ```text
//! cargo run --example script                           in the sandbox
//! cargo run --example script -- CALL_SID PUBLIC_URL    with the real service
//! ```

#[path = "common/mod.rs"]
mod common;

use std::process::ExitCode;
use std::time::Duration;

use common::{Failure, say};
use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    CallbackListener, Capture, CreatePaymentsParams, Event, Outcome, PaymentsApi, SessionCallbacks,
    SignatureValidator, UpdatePaymentsParams,
};

const HELP: &str = "\
Takes a card payment of 19.99 US dollars without a flow: create, ask for what is required, complete.

Usage: cargo run --example script                         in the sandbox
       cargo run --example script -- CALL_SID PUBLIC_URL  with the real service: the card IS charged

  CALL_SID    the live call whose caller pays, CA and 32 hex digits
  PUBLIC_URL  the public URL whose requests are forwarded to 127.0.0.1:8080, by a tunnel or a proxy

Environment: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN.
";

fn main() -> ExitCode {
    common::main("script", HELP, |arguments| match arguments {
        [] => in_sandbox(),
        [call_sid, public_url] => for_real(call_sid, public_url),
        _ => Err(common::usage("expected CALL_SID and PUBLIC_URL, or nothing")),
    })
}

fn in_sandbox() -> Result<(), Failure> {
    let sandbox = Sandbox::start()?;
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;
    take(&sandbox.client(), sandbox.call().obliging().sid(), &listener)
}

fn for_real(call_sid: &str, public_url: &str) -> Result<(), Failure> {
    let listener = CallbackListener::bind("127.0.0.1:8080", public_url, SignatureValidator::from_env()?)?;
    take(&PaymentsApi::from_env()?, call_sid, &listener)
}

fn take(api: &PaymentsApi, call_sid: &str, listener: &CallbackListener) -> Result<(), Failure> {
    let url = listener.status_callback_url();
    let start = CreatePaymentsParams::new(url).charge_amount("19.99".parse()?);
    let session = listener.session(&api.create_payments(call_sid, &start)?.sid)?;
    match ask(api, call_sid, &session, url) {
        Ok(()) => say!("paid, confirmation code {}", complete(api, call_sid, &session, url)?),
        Err(error) => {
            // Leave no session open. If it is already over, this is refused.
            let _ = api.update_payments(call_sid, session.sid(), &UpdatePaymentsParams::new_cancel(url));
            return Err(error);
        }
    }
    Ok(())
}

/// Asks for one capture after another until nothing is required any more.
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
                (event, _) => return Err(why(&event).into()),
            }
        };
    }
}

/// Charges, and returns the confirmation code. If this returns an error, the caller may have been charged: search for
/// the payment at the payment processor before you charge again.
fn complete(
    api: &PaymentsApi,
    call_sid: &str,
    session: &SessionCallbacks,
    url: &str,
) -> Result<String, Failure> {
    let step = UpdatePaymentsParams::new_complete(url);
    match api.update_payments(call_sid, session.sid(), &step) {
        // It may have been carried out. The same value sends the same key. The combined error says so even if the
        // second request is refused.
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
            event => return Err(why(&event).into()),
        }
    }
}

/// Describes what the service reported. Whether the payment certainly failed depends on the request to complete it.
fn why(event: &Event<'_>) -> String {
    match event {
        Event::CaptureFailed { reason, .. } => format!("the caller's entry failed: {reason}"),
        Event::Failed { result, .. } | Event::UnknownResult { result, .. } => {
            format!("the session ended: {result}")
        }
        Event::Cancelled => "the session was cancelled".to_owned(),
        _ => format!("an unexpected callback: {event:?}"),
    }
}
