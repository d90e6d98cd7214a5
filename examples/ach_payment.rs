//! Takes a bank payment (ACH debit) in the sandbox: routing number, account number, result.
//!
//! ```text
//! cargo run --example ach_payment
//! ```

#[path = "common/mod.rs"]
mod common;

use std::process::ExitCode;

use common::{Failure, say};
use serde_json::json;
use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    BankAccountType, CallbackListener, CreatePaymentsParams, GuidedPayment, PaymentFlow, PaymentMethod,
    SignatureValidator,
};

const HELP: &str = "\
Takes a bank payment (ACH debit) in the sandbox. Nothing real is charged.

Usage: cargo run --example ach_payment
";

fn main() -> ExitCode {
    common::main("ach_payment", HELP, |arguments| common::no_arguments(arguments).and_then(|()| take()))
}

fn take() -> Result<(), Failure> {
    let sandbox = Sandbox::start()?;
    let call = sandbox.call().obliging();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;

    let params = CreatePaymentsParams::new(listener.status_callback_url())
        .payment_method(PaymentMethod::AchDebit)
        .bank_account_type(BankAccountType::ConsumerChecking)
        .charge_amount("120.00".parse()?)
        // Connectors for e-checks need this field; others need others.
        .parameter(json!({"AVSName": "A. Customer"}));

    let flow = PaymentFlow::new(call.sid(), params)?;
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow).on_callback(common::show).run()?;
    if !ending.is_success() {
        return Err(ending.to_string().into());
    }
    say!("{ending}");
    Ok(())
}
