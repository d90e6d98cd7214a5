//! The smallest program with this crate: one call, with what the arguments say in place of the service.

use twilio_payments::{CardType, CreatePaymentsParams, Credentials, PaymentsApi};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let credentials = Credentials::auth_token("AC00000000000000000000000000000001", "auth-token")?;
    let mut builder = PaymentsApi::builder(credentials).base_url(args[1].as_str());
    if let Some(pem) = args.get(2) {
        builder = builder.root_certificate(std::fs::read(pem)?);
    }
    let params = CreatePaymentsParams::new("https://example.com/pay/status")
        .charge_amount("19.99".parse()?)
        .valid_card_types([CardType::Visa, CardType::Amex]);
    let session = builder.build()?.create_payments("CA00000000000000000000000000000002", &params)?;
    println!("{}", session.sid);
    Ok(())
}
