//! The same with plain ureq and serde_json. It has no checks, timeouts or retries, and only reports the status of
//! errors.

use serde::Deserialize;

#[derive(Deserialize)]
struct Session {
    sid: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base_url = std::env::args().nth(1).ok_or("no base URL")?;
    let url = format!(
        "{base_url}/2010-04-01/Accounts/{}/Calls/{}/Payments.json",
        "AC00000000000000000000000000000001", "CA00000000000000000000000000000002"
    );
    let mut response = ureq::post(&url)
        .header("authorization", "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTphdXRoLXRva2Vu")
        .send_form([
            ("IdempotencyKey", "order-1066"),
            ("StatusCallback", "https://example.com/pay/status"),
            ("ChargeAmount", "19.99"),
            ("ValidCardTypes", "visa amex"),
        ])?;
    let session: Session = serde_json::from_slice(&response.body_mut().read_to_vec()?)?;
    println!("{}", session.sid);
    Ok(())
}
