//! Stores a card without charging it, in the sandbox: without an amount, the payment connector returns a token.
//!
//! ```text
//! cargo run --example tokenize
//! ```

#[path = "common/mod.rs"]
mod common;

use std::process::ExitCode;

use common::{Failure, say};
use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    CallbackListener, CardType, CreatePaymentsParams, GuidedPayment, PaymentEnding, PaymentFlow,
    SignatureValidator, TokenType,
};

const HELP: &str = "\
Stores a card as a token in the sandbox. Nothing is charged.

Usage: cargo run --example tokenize
";

fn main() -> ExitCode {
    common::main("tokenize", HELP, |arguments| common::no_arguments(arguments).and_then(|()| store()))
}

fn store() -> Result<(), Failure> {
    let sandbox = Sandbox::start()?;
    let call = sandbox.call().obliging();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;

    let params = CreatePaymentsParams::new(listener.status_callback_url())
        .token_type(TokenType::Reusable)
        .valid_card_types([CardType::Amex])
        .postal_code(false);

    let flow = PaymentFlow::new(call.sid(), params)?;
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow).on_callback(common::show).run()?;
    match ending.payment {
        PaymentEnding::Tokenized { token: Some(token), .. } => {
            // Whoever has the token and access to the account can charge the card: store it, do not print it.
            say!("stored as a token of {} characters", token.len());
            Ok(())
        }
        _ => Err(ending.to_string().into()),
    }
}
