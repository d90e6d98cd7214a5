//! Takes a bank payment (ACH debit) in the sandbox, guided: routing number, account number, result.
//!
//! ```text
//! cargo run --example ach_payment
//! ```

use serde_json::json;
use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    BankAccountType, CallbackListener, CreatePaymentsParams, Ending, Event, GuidedPayment, PaymentMethod,
    SignatureValidator,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start()?;
    let call = sandbox.call().obliging();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;

    let params = CreatePaymentsParams::new(listener.public_url())
        .payment_method(PaymentMethod::AchDebit)
        .bank_account_type(BankAccountType::ConsumerChecking)
        .charge_amount("120.00".parse()?)
        // What has to be here depends on the payment connector.
        .parameter(json!({"name": "A. Customer"}));

    let ending = GuidedPayment::new(&sandbox.client(), &listener, params)
        .on_callback(|callback| match callback.event() {
            Event::Captured { capture, shown, .. } => println!("{capture}: {}", shown.unwrap_or_default()),
            Event::CaptureFailed { reason, .. } => println!("asking again: {reason}"),
            _ => {}
        })
        .run(call.sid())?;
    match ending {
        Ending::Succeeded(callback) => {
            let (code, account) = (callback.payment_confirmation_code, callback.bank_account_number);
            println!("paid from account {}: {}", account.unwrap_or_default(), code.unwrap_or_default());
            Ok(())
        }
        other => Err(format!("not paid: {other:?}").into()),
    }
}
