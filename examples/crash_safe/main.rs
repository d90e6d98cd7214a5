//! The smallest program that may be killed at any time. Run it again with the same order, and it continues.
//!
//! ```text
//! cargo run --example crash_safe                                             shows it in the sandbox
//! cargo run --example crash_safe -- FOLDER ORDER AMOUNT CALL_SID LISTEN URL  takes a payment
//! ```

#[path = "../common/mod.rs"]
mod common;
mod demo;
mod store;

use std::path::Path;
use std::process::ExitCode;

use common::{Failure, say};
use store::FlowFile;
use twilio_payments::{
    CallbackListener, CreatePaymentsParams, GuidedPayment, PaymentFlow, PaymentsApiBuilder,
    SignatureValidator,
};

const HELP: &str = "\
Takes a payment, and may be killed at any time. Run it again with the same order, and it continues.

Usage: cargo run --example crash_safe                     shows it in the sandbox
       cargo run --example crash_safe -- FOLDER ORDER AMOUNT CALL_SID LISTEN URL
                                                          takes a payment: the card IS charged

  FOLDER    where the flow of each order is stored; it must exist
  ORDER     names the payment: letters, digits and hyphens
  AMOUNT    what to charge, in US dollars
  CALL_SID  the live call whose caller pays, CA and 32 hex digits
  LISTEN    the address to listen on, such as 127.0.0.1:8080
  URL       the public URL whose requests are forwarded to that address

Environment: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN. SANDBOX_URL is the base URL of a sandbox.
";

fn main() -> ExitCode {
    common::main("crash_safe", HELP, |arguments| {
        match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            [] => demo::run(),
            [_, order, ..] if !order.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                Err(common::usage("ORDER must be letters, digits and hyphens"))
            }
            [folder, order, amount, call_sid, listen, url] => {
                take_payment(common::folder(folder)?, order, amount, call_sid, listen, url)
            }
            _ => Err(common::usage("expected FOLDER ORDER AMOUNT CALL_SID LISTEN URL, or nothing")),
        }
    })
}

fn take_payment(
    folder: &Path,
    order: &str,
    amount: &str,
    call_sid: &str,
    listen: &str,
    url: &str,
) -> Result<(), Failure> {
    let mut builder = PaymentsApiBuilder::from_env()?;
    if let Ok(sandbox) = std::env::var("SANDBOX_URL") {
        builder = builder.base_url(sandbox);
    }
    let api = builder.build()?;
    let listener = CallbackListener::bind(listen, url, SignatureValidator::from_env()?)?;

    let mut file = FlowFile::new(folder, order);
    let flow = if let Some(stored) = file.load()? {
        stored
    } else {
        let params = CreatePaymentsParams::new(listener.status_callback_url())
            .idempotency_key(order)
            .charge_amount(amount.parse()?);
        PaymentFlow::new(call_sid, params)?
    };
    let ending = GuidedPayment::new(&api, &listener, flow).store(move |flow| file.store(flow)).run()?;
    say!("{order}: {ending}");
    Ok(())
}
