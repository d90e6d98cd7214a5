//! The clients that are compared: ours with its defaults, the one that a user would write with plain ureq,
//! and a bare socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use twilio_payments::{CardType, CreatePaymentsParams, Credentials, PaymentMethod, Payments, PaymentsApi};

use super::facts;

/// Our client with its defaults: validation, idempotency key, deadline, retry policy.
#[derive(Clone)]
pub(crate) struct Ours(PaymentsApi);

impl Ours {
    pub(crate) fn new(base_url: &str, pem: Option<&str>) -> Self {
        let credentials = Credentials::auth_token(facts::ACCOUNT, facts::TOKEN).unwrap();
        let mut builder = PaymentsApi::builder(credentials).base_url(base_url);
        if let Some(pem) = pem {
            builder = builder.root_certificate(pem);
        }
        Self(builder.build().unwrap())
    }

    /// Makes a call with a new params value.
    pub(crate) fn call(&self) -> Payments {
        self.send(&params())
    }

    /// Makes a call with an existing value.
    pub(crate) fn send(&self, params: &CreatePaymentsParams) -> Payments {
        self.0.create_payments(facts::CALL, params).unwrap()
    }
}

/// A new operation of twelve fields, with a new key.
pub(crate) fn params() -> CreatePaymentsParams {
    CreatePaymentsParams::new(facts::CALLBACK)
        .charge_amount("19.99".parse().unwrap())
        .currency("USD")
        .description(facts::DESCRIPTION)
        .min_postal_code_length(5)
        .payment_connector("Default")
        .payment_method(PaymentMethod::CreditCard)
        .postal_code(true)
        .security_code(true)
        .timeout(10)
        .valid_card_types([CardType::Visa, CardType::Mastercard, CardType::Amex])
}

/// What a user would write with ureq and `serde_json`.
#[derive(Clone)]
pub(crate) struct Plain {
    agent: ureq::Agent,
    base_url: String,
    authorization: String,
    orders: u64,
}

/// The response, as a user would declare it.
#[derive(Deserialize)]
pub(crate) struct Resource {
    pub(crate) sid: String,
    pub(crate) account_sid: Option<String>,
    pub(crate) call_sid: Option<String>,
    pub(crate) date_created: Option<String>,
    pub(crate) date_updated: Option<String>,
    pub(crate) uri: Option<String>,
}

impl Plain {
    pub(crate) fn new(base_url: &str, pem: Option<&str>, timeouts: bool) -> Self {
        let mut config = ureq::Agent::config_builder();
        if timeouts {
            config =
                config.timeout_global(Some(facts::TIMEOUT)).timeout_connect(Some(facts::CONNECT_TIMEOUT));
        }
        if let Some(pem) = pem {
            config = config.tls_config(trusting(pem));
        }
        Self::of(config.build(), base_url)
    }

    /// Makes a client with TLS that keeps an idle connection for this time.
    pub(crate) fn with_idle_age(base_url: &str, pem: &str, age: std::time::Duration) -> Self {
        let config = ureq::Agent::config_builder().tls_config(trusting(pem)).max_idle_age(age);
        Self::of(config.build(), base_url)
    }

    fn of(config: ureq::config::Config, base_url: &str) -> Self {
        let user = BASE64_STANDARD.encode(format!("{}:{}", facts::ACCOUNT, facts::TOKEN));
        Self {
            agent: config.into(),
            base_url: base_url.to_owned(),
            authorization: format!("Basic {user}"),
            orders: 0,
        }
    }

    pub(crate) fn call(&mut self) -> Resource {
        self.orders += 1;
        let key = format!("order-{}", self.orders);
        let (account, call) = (facts::ACCOUNT, facts::CALL);
        let url = format!("{}/2010-04-01/Accounts/{account}/Calls/{call}/Payments.json", self.base_url);
        let fields = std::iter::once(("IdempotencyKey", key.as_str())).chain(facts::FIELDS);
        let mut response = self
            .agent
            .post(&url)
            .header("authorization", &self.authorization)
            // With its default features, ureq sends this itself.
            .header("accept-encoding", "gzip")
            .send_form(fields)
            .unwrap();
        let body = response.body_mut().read_to_vec().unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

/// A configuration that trusts one certificate.
fn trusting(pem: &str) -> ureq::tls::TlsConfig {
    let certificate = ureq::tls::Certificate::from_pem(pem.as_bytes()).unwrap();
    let roots = ureq::tls::RootCerts::new_with_certs(&[certificate]);
    ureq::tls::TlsConfig::builder().root_certs(roots).build()
}

/// The lower limit: a socket, a request that was made once, and a response that is not parsed.
pub(crate) struct Raw<S> {
    stream: S,
    request: Vec<u8>,
    response: Vec<u8>,
}

impl Raw<TcpStream> {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream, address)
    }
}

impl Raw<rustls::StreamOwned<rustls::ClientConnection, TcpStream>> {
    pub(crate) fn tls(address: SocketAddr, pem: &str) -> Self {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session =
            rustls::ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(rustls::StreamOwned::new(session, stream), address)
    }
}

impl<S: Read + Write> Raw<S> {
    fn over(stream: S, address: SocketAddr) -> Self {
        let body = params().to_form().unwrap();
        let user = BASE64_STANDARD.encode(format!("{}:{}", facts::ACCOUNT, facts::TOKEN));
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {address}\r\naccept: */*\r\nauthorization: Basic {user}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            facts::path(),
            body.len()
        );
        Self { stream, request: request.into_bytes(), response: facts::response() }
    }

    pub(crate) fn call(&mut self) {
        self.stream.write_all(&self.request).and_then(|()| self.stream.flush()).unwrap();
        self.stream.read_exact(&mut self.response).unwrap();
    }
}

/// Makes calls in a process of its own: the arguments name the client, the number of calls and the URL. The
/// environment names the file of the certificate to trust.
pub(crate) fn run_alone(args: &[String]) {
    let [who, calls, base_url] = args else { panic!("who, how often, where") };
    let calls: usize = calls.parse().unwrap();
    let pem = std::env::var("BENCH_PEM").ok().map(|file| std::fs::read_to_string(file).unwrap());
    let pem = pem.as_deref().filter(|_| base_url.starts_with("https"));
    match who.as_str() {
        "ours" => {
            let client = Ours::new(base_url, pem);
            (0..calls).for_each(|_| drop(client.call()));
        }
        "plain" | "timeouts" => {
            let mut client = Plain::new(base_url, pem, who == "timeouts");
            (0..calls).for_each(|_| drop(client.call()));
        }
        "raw" => {
            let mut client = Raw::new(base_url.trim_start_matches("http://").parse().unwrap());
            (0..calls).for_each(|_| client.call());
        }
        other => panic!("no client is called {other}"),
    }
}
