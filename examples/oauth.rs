//! Access tokens from OAuth client credentials, renewed before they expire.
//!
//! ```text
//! cargo run --example oauth                              in the sandbox, with a token endpoint of its own
//! cargo run --example oauth -- CALL_SID CALLBACK_URL     with the real service
//! ```

#[path = "common/mod.rs"]
mod common;

use std::env::var;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use common::{Failure, say};
use twilio_payments::sandbox::Sandbox;
use twilio_payments::{
    AccessToken, CreatePaymentsParams, Credentials, Error, PaymentsApi, UpdatePaymentsParams,
};

const HELP: &str = "\
Starts a session with an OAuth access token, and cancels it. The token is renewed before it expires.

Usage: cargo run --example oauth                            in the sandbox, with a token endpoint of its own
       cargo run --example oauth -- CALL_SID CALLBACK_URL   with the real service

Environment, for the real service: TWILIO_ACCOUNT_SID, TWILIO_CLIENT_ID and TWILIO_CLIENT_SECRET.
";

const ENDPOINT: &str = "https://oauth.twilio.com/v2/token";

/// Credentials with a source that asks the token endpoint. The client asks it when it needs a new token.
fn credentials(account_sid: &str, endpoint: &str, id: &str, secret: &str) -> Result<Credentials, Error> {
    let (endpoint, id, secret) = (endpoint.to_owned(), id.to_owned(), secret.to_owned());
    // The client does not interrupt the source, so the source needs a timeout of its own.
    let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10)));
    let agent = ureq::Agent::new_with_config(config.max_redirects(0).build());
    Credentials::bearer_source(account_sid, move || -> Result<AccessToken, Failure> {
        let form = [("client_id", &*id), ("client_secret", &secret), ("grant_type", "client_credentials")];
        let body = agent.post(&endpoint).send_form(form)?.into_body().read_to_string()?;
        let body: serde_json::Value = serde_json::from_str(&body)?;
        let token = body["access_token"].as_str().ok_or("the response has no access_token")?;
        let lifetime = body["expires_in"].as_u64().ok_or("the response has no expires_in")?;
        Ok(AccessToken::new(token, Duration::from_secs(lifetime))?)
    })
}

fn main() -> ExitCode {
    common::main("oauth", HELP, |arguments| match arguments {
        [] => in_sandbox(),
        [call_sid, callback_url] => for_real(call_sid, callback_url),
        _ => Err(common::usage("expected CALL_SID and CALLBACK_URL, or nothing")),
    })
}

fn for_real(call_sid: &str, callback_url: &str) -> Result<(), Failure> {
    let variable = |name| var(name).map_err(|error| format!("{name}: {error}"));
    let (account_sid, id) = (variable("TWILIO_ACCOUNT_SID")?, variable("TWILIO_CLIENT_ID")?);
    let credentials = credentials(&account_sid, ENDPOINT, &id, &variable("TWILIO_CLIENT_SECRET")?)?;
    start_and_cancel(&PaymentsApi::builder(credentials).build()?, call_sid, callback_url)
}

fn in_sandbox() -> Result<(), Failure> {
    let sandbox = Sandbox::start()?;
    let endpoint = token_endpoint(sandbox.access_token().to_owned())?;
    let credentials = credentials(sandbox.account_sid(), &endpoint, "OQ1", "client-secret")?;
    let api = PaymentsApi::builder(credentials).base_url(sandbox.base_url()).build()?;
    start_and_cancel(&api, sandbox.call().sid(), "https://example.com/status")
}

fn start_and_cancel(api: &PaymentsApi, call_sid: &str, callback_url: &str) -> Result<(), Failure> {
    let session = api.create_payments(call_sid, &CreatePaymentsParams::new(callback_url))?;
    say!("started {}", session.sid);
    api.update_payments(call_sid, &session.sid, &UpdatePaymentsParams::new_cancel(callback_url))?;
    say!("cancelled");
    Ok(())
}

/// Stands in for the service's token endpoint, and returns the sandbox's token to every client.
fn token_endpoint(token: String) -> std::io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/v2/token", listener.local_addr()?);
    std::thread::spawn(move || -> std::io::Result<()> {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream?);
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line)? > 2 {
                let lower = line.to_ascii_lowercase();
                let value = lower.strip_prefix("content-length:").and_then(|value| value.trim().parse().ok());
                length = value.unwrap_or(length);
                line.clear();
            }
            reader.read_exact(&mut vec![0; length])?;
            say!("the token endpoint was asked");
            let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            reader.get_mut().write_all((head + &body).as_bytes())?;
        }
        Ok(())
    });
    Ok(url)
}
