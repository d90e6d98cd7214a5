//! The smallest program that may be killed at any time: run it again with the same order, and it goes on.
//!
//! ```text
//! cargo run --example crash_safe                                             shows it in the sandbox
//! cargo run --example crash_safe -- FOLDER ORDER AMOUNT CALL_SID LISTEN URL  takes a payment
//! ```
//!
//! Nothing is needed beside the folder: the flow of each order is in a file there, which is looked for before a
//! new flow is made. `LISTEN` is the address to listen on, such as `127.0.0.1:8080`, for what the service POSTs
//! to the public `URL`. Credentials are read from the environment.

mod demo;
mod store;

use std::path::Path;

use store::FlowFile;
use twilio_payments::{
    CallbackListener, CreatePaymentsParams, GuidedPayment, PaymentFlow, PaymentsApiBuilder,
    SignatureValidator,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => demo::run(),
        [folder, order, amount, call_sid, listen, url] => {
            take_payment(Path::new(folder), order, amount, call_sid, listen, url)
        }
        _ => Err("usage: crash_safe FOLDER ORDER AMOUNT CALL_SID LISTEN URL".into()),
    }
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
    println!("{order}: {ending}");
    Ok(())
}
