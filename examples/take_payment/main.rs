//! Takes one card payment and shows both sides of it: what the agent's program sends and receives and, in the
//! sandbox, what the caller types.
//!
//! ```text
//! cargo run --example take_payment
//! ```

mod caller;
#[path = "../common/mod.rs"]
mod common;
mod options;
mod screen;

use std::process::ExitCode;
use std::sync::Arc;

use common::Failure;
use options::{Options, Service};
use screen::Screen;
use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    Amount, CallbackListener, CreatePaymentsParams, GuidedPayment, PaymentFlow, PaymentStopper, PaymentsApi,
    PaymentsApiBuilder, SignatureValidator,
};

fn main() -> ExitCode {
    let mut paid = true;
    let code = common::main("take_payment", options::HELP, |arguments| {
        let options = Options::read(arguments)?;
        paid = match &options.service {
            Service::Sandbox => in_sandbox(options.amount)?,
            Service::Real { call_sid, callback_url, listen } => {
                for_real(call_sid, callback_url, listen, options.amount)?
            }
        };
        Ok(())
    });
    // If it was not paid, the screen shows why.
    if paid { code } else { ExitCode::FAILURE }
}

/// Runs everything on this machine: the service, the caller, and the receiver of callbacks.
fn in_sandbox(amount: Amount) -> Result<bool, Failure> {
    let sandbox = Sandbox::start()?;
    let call = sandbox.call();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;
    let caller = caller::spawn(call.clone());
    let screen = Arc::new(Screen::new(Some(caller.keypad())));
    screen.line(&format!("This runs in the sandbox at {}.", sandbox.base_url()));
    screen.line("Nothing is charged. The caller is simulated, and mistypes the card number once.");
    screen.line("Shown for each entry: what the caller types → what your program receives.\n");
    let seen = Arc::clone(&screen);
    let api = sandbox.client_builder().on_attempt(move |attempt| seen.attempt(attempt)).build()?;
    let paid = take(&api, &listener, call.sid(), amount, &screen)?;
    let transactions = common::count(sandbox.transaction_count(), "transaction");
    screen.line(&format!("The sandbox counts {transactions}."));
    call.hang_up();
    caller.join();
    Ok(paid)
}

/// Uses the real service, on a live call.
fn for_real(call_sid: &str, callback_url: &str, listen: &str, amount: Amount) -> Result<bool, Failure> {
    let screen = Arc::new(Screen::new(None));
    let seen = Arc::clone(&screen);
    let api = PaymentsApiBuilder::from_env()?.on_attempt(move |attempt| seen.attempt(attempt)).build()?;
    // Callbacks are signed with the auth token, even if the client uses an API key.
    let listener = CallbackListener::bind(listen, callback_url, SignatureValidator::from_env()?)?;
    screen.line(&format!("Listening on {listen} for requests to {callback_url}.\n"));
    take(&api, &listener, call_sid, amount, &screen)
}

/// Takes the payment, and returns whether it was paid. Ctrl-C cancels it, unless it may already have been paid.
fn take(
    api: &PaymentsApi,
    listener: &CallbackListener,
    call_sid: &str,
    amount: Amount,
    screen: &Arc<Screen>,
) -> Result<bool, Failure> {
    let params = CreatePaymentsParams::new(listener.status_callback_url())
        .charge_amount(amount)
        .currency("USD")
        .description("an example's payment");
    let flow = PaymentFlow::new(call_sid, params)?;
    let stopper = PaymentStopper::new();
    let stopping = stopper.clone();
    ctrlc::set_handler(move || stopping.stop())?;
    let seen = Arc::clone(screen);
    let ending = GuidedPayment::new(api, listener, flow)
        .stopper(&stopper)
        .on_callback(move |callback| seen.callback(callback))
        .run()?;
    Ok(screen.ended(&ending))
}
