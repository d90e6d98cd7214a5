//! The same with plain ureq and serde_json, with neither checks, timeouts, retries nor an error's body.

use serde::Deserialize;

#[derive(Deserialize)]
struct Session {
    sid: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let mut config = ureq::Agent::config_builder();
    if let Some(pem) = args.get(2) {
        let certificate = ureq::tls::Certificate::from_pem(&std::fs::read(pem)?)?;
        let roots = ureq::tls::RootCerts::new_with_certs(&[certificate]);
        config = config.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
    }
    let agent: ureq::Agent = config.build().into();
    let url = format!(
        "{}/2010-04-01/Accounts/{}/Calls/{}/Payments.json",
        args[1], "AC00000000000000000000000000000001", "CA00000000000000000000000000000002"
    );
    let mut response = agent
        .post(&url)
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
