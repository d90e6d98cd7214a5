//! Stores a card without charging it, in the sandbox: no amount, so the payment connector gives a token.
//!
//! ```text
//! cargo run --example tokenize
//! ```

use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    CallbackListener, CardType, CreatePaymentsParams, Event, GuidedPayment, PaymentEnding, PaymentFlow,
    SignatureValidator, TokenType,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start()?;
    let call = sandbox.call().obliging();
    let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;

    let params = CreatePaymentsParams::new(listener.status_callback_url())
        .token_type(TokenType::Reusable)
        .valid_card_types([CardType::Amex])
        .postal_code(false);

    let flow = PaymentFlow::new(call.sid(), params)?;
    let ending = GuidedPayment::new(&sandbox.client(), &listener, flow)
        .on_callback(|callback| match callback.event() {
            Event::Captured { capture, shown, .. } => println!("{capture}: {}", shown.unwrap_or_default()),
            Event::CaptureFailed { reason, .. } => println!("asking again: {reason}"),
            _ => {}
        })
        .run()?;
    match ending.payment {
        PaymentEnding::Tokenized { token: Some(token), .. } => {
            // The token is as good as the card to whoever has your account: store it, do not print it.
            println!("stored as a token of {} characters", token.len());
            Ok(())
        }
        other => Err(format!("not stored: {other:?}").into()),
    }
}
