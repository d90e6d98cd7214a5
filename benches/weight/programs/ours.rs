//! The smallest program with this crate: one call, to the service that the argument names.

use twilio_payments::{CardType, CreatePaymentsParams, Credentials, PaymentsApi};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base_url = std::env::args().nth(1).ok_or("no base URL")?;
    let credentials = Credentials::auth_token("AC00000000000000000000000000000001", "auth-token")?;
    let api = PaymentsApi::builder(credentials).base_url(base_url).build()?;
    let params = CreatePaymentsParams::new("https://example.com/pay/status")
        .charge_amount("19.99".parse()?)
        .valid_card_types([CardType::Visa, CardType::Amex]);
    let session = api.create_payments("CA00000000000000000000000000000002", &params)?;
    println!("{}", session.sid);
    Ok(())
}
