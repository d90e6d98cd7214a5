//! A shop's payment server, with a synchronous web framework. Flows are in files, and nothing about a payment is only
//! in memory. Any number of these processes can share a folder, and each can be killed at any time.
//!
//! ```text
//! cargo run --example web_server                                  two of them in the sandbox
//! cargo run --example web_server -- FOLDER LISTEN URL             one for the real service
//! ```
//!
//! `--help` lists the requests that it takes.

#[path = "../common/mod.rs"]
mod common;
mod demo;
#[path = "../crash_safe/store.rs"]
mod store;
mod worker;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use common::{Failure, complain};
use store::FlowFile;
use tiny_http::{Method, Request, Response, Server};
use twilio_payments::{
    CallbackErrorKind, CallbackRetries, CreatePaymentsParams, PaymentFlow, PaymentsApi, PaymentsApiBuilder,
    SignatureValidator, StatusCallback,
};

const HELP: &str = "\
A shop's payment server. Payments are stored in files, so any number of processes can share a folder.

Usage: cargo run --example web_server                         two of them in the sandbox
       cargo run --example web_server -- FOLDER LISTEN URL    one for the real service: cards ARE charged

  FOLDER  where the flows are stored; it must exist
  LISTEN  the address to listen on, such as 127.0.0.1:8080
  URL     the public URL whose requests reach any of the processes

Environment: TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN. SANDBOX_URL is the base URL of a sandbox.

  POST /orders/ORDER?call=CALL_SID&amount=19.99   begins a payment, unless the order has one
  GET  /orders/ORDER                              shows its state
  POST /callbacks?payment_flow=TAG                is for the service
";

/// What all threads of a process share.
struct Shop {
    folder: PathBuf,
    url: String,
    api: PaymentsApi,
    validator: SignatureValidator,
}

fn main() -> ExitCode {
    common::main("web_server", HELP, |arguments| match arguments {
        [] => demo::run(),
        [folder, listen, url] => serve(common::folder(folder)?, listen, url),
        _ => Err(common::usage("expected FOLDER LISTEN URL, or nothing")),
    })
}

fn serve(folder: &Path, listen: &str, url: &str) -> Result<(), Failure> {
    let mut builder = PaymentsApiBuilder::from_env()?;
    if let Ok(sandbox) = std::env::var("SANDBOX_URL") {
        builder = builder.base_url(sandbox);
    }
    let shop = Arc::new(Shop {
        folder: folder.to_owned(),
        url: url.trim_end_matches('/').to_owned(),
        api: builder.build()?,
        validator: SignatureValidator::from_env()?,
    });
    let server = Server::http(listen)?;
    worker::start(&shop);
    for mut request in server.incoming_requests() {
        let (status, text) = shop.respond(&mut request).unwrap_or_else(|error| {
            complain!("{} {}: {error}", request.method(), request.url());
            // The service repeats a callback that got a 500 response, since its URL asks for that.
            (500, String::new())
        });
        let _ = request.respond(Response::from_string(text).with_status_code(status));
    }
    Ok(())
}

impl Shop {
    fn respond(&self, request: &mut Request) -> Result<(u16, String), Failure> {
        let target = request.url().to_owned();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match (request.method(), path.strip_prefix("/orders/")) {
            (Method::Post, Some(order)) => self.begin(order, query),
            (Method::Get, Some(order)) => self.show(order),
            (Method::Post, None) if path == "/callbacks" => self.receive(request, &target),
            _ => Ok((404, String::new())),
        }
    }

    /// The file of a payment. It is named by the flow's tag, so that callbacks find it too.
    fn file(&self, tag: &str) -> FlowFile {
        FlowFile::new(&self.folder, tag)
    }

    fn flow(&self, order: &str, call_sid: &str, amount: &str) -> Result<PaymentFlow, Failure> {
        let callbacks = CallbackRetries::most().url(&format!("{}/callbacks", self.url))?;
        let params =
            CreatePaymentsParams::new(callbacks).idempotency_key(order).charge_amount(amount.parse()?);
        Ok(PaymentFlow::new(call_sid, params)?)
    }

    /// Stores a new flow. The worker of any process then continues it.
    fn begin(&self, order: &str, query: &str) -> Result<(u16, String), Failure> {
        let field = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(other, _)| other == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let flow = match self.flow(order, &field("call"), &field("amount")) {
            Ok(flow) => flow,
            Err(error) => return Ok((400, error.to_string())),
        };
        match self.file(&flow.tag()).store(&flow) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => self.show(order),
            stored => stored.map(|()| (201, "begun".to_owned())).map_err(Into::into),
        }
    }

    fn show(&self, order: &str) -> Result<(u16, String), Failure> {
        let tag = self.flow(order, &format!("CA{:032}", 0), "0")?.tag();
        Ok(match self.file(&tag).load()? {
            None => (404, String::new()),
            Some(flow) => match flow.ending() {
                None => (200, "under way".to_owned()),
                Some(ending) => (200, format!("ended: {ending}")),
            },
        })
    }

    /// Receives a callback: verifies it, and stores it with its flow before acknowledging it.
    fn receive(&self, request: &mut Request, target: &str) -> Result<(u16, String), Failure> {
        let mut body = Vec::new();
        request.as_reader().take(64 * 1024).read_to_end(&mut body)?;
        let header = |name: &str| {
            let found =
                request.headers().iter().find(|header| header.field.to_string().eq_ignore_ascii_case(name));
            found.map(|header| header.value.as_str())
        };
        let url = format!("{}{target}", self.url);
        let callback = match self.validator.receive_with(&url, &body, header) {
            Ok(callback) => callback,
            Err(error) if error.kind() == CallbackErrorKind::Signature => {
                return Ok((403, error.to_string()));
            }
            Err(error) => return Ok((400, error.to_string())),
        };
        self.pass_on(&callback)?;
        Ok((204, String::new()))
    }

    /// Passes a callback to its flow.
    fn pass_on(&self, callback: &StatusCallback) -> Result<(), Failure> {
        let is_tag = |tag: &&str| tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(tag) = callback.tag().filter(is_tag) else { return Ok(()) };
        worker::change(&mut self.file(tag), |flow| {
            flow.on_callback(callback);
        })
    }
}
