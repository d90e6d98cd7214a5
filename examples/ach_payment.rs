//! Takes a bank payment (ACH debit) in the sandbox, guided: routing number, account number, result.
//!
//! ```text
//! cargo run --example ach_payment
//! ```

use serde_json::json;
use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    BankAccountType, CallbackListener, CreatePaymentsParams, Event, GuidedPayment, PaymentEnding,
    PaymentFlow, PaymentMethod, SignatureValidator,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start()?;
    let call = sandbox.call().obliging();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;

    let params = CreatePaymentsParams::new(listener.status_callback_url())
        .payment_method(PaymentMethod::AchDebit)
        .bank_account_type(BankAccountType::ConsumerChecking)
        .charge_amount("120.00".parse()?)
        // E-check connectors need this one; others need others.
        .parameter(json!({"AVSName": "A. Customer"}));

    let flow = PaymentFlow::new(call.sid(), params)?;
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow)
        .on_callback(|callback| match callback.event() {
            Event::Captured { capture, shown, .. } => println!("{capture}: {}", shown.unwrap_or_default()),
            Event::CaptureFailed { reason, .. } => println!("asking again: {reason}"),
            _ => {}
        })
        .run()?;
    match ending.payment {
        PaymentEnding::Paid { confirmation_code, .. } => {
            println!("paid: {}", confirmation_code.unwrap_or_default());
            Ok(())
        }
        other => Err(format!("not paid: {other:?}").into()),
    }
}
