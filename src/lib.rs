//! Take card and bank payments over live phone calls, from a synchronous program, through Twilio's Payments API.
//!
//! ```
//! # #[cfg(all(feature = "sandbox", feature = "listener"))]
//! # mod program {
//! use std::error::Error;
//! use twilio_payments::{
//!     CallbackListener, CreatePaymentsParams, Ending, GuidedPayment, PaymentFlow, PaymentsApi, SignatureValidator,
//! };
//!
//! /// Charges 19.99 US dollars to the card of whoever is on the call.
//! fn take_payment(
//!     api: &PaymentsApi,
//!     listener: &CallbackListener,
//!     call_sid: &str,
//! ) -> Result<Ending, Box<dyn Error>> {
//!     let params = CreatePaymentsParams::new(listener.status_callback_url())
//!         .charge_amount("19.99".parse()?);
//!     // Each of the flow's requests has an idempotency key, and is repeated with the same one. To continue after a
//!     // crash, store the flow: see "If the program dies".
//!     let flow = PaymentFlow::new(call_sid, params)?;
//!     Ok(GuidedPayment::new(api, listener, flow).run()?)
//! }
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     // TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN from the environment.
//!     let (api, validator) = (PaymentsApi::from_env()?, SignatureValidator::from_env()?);
//!     // A proxy or tunnel forwards requests to the public URL to this port.
//!     let listener = CallbackListener::bind("127.0.0.1:8080", "https://pay.example.com/status", validator)?;
//!
//!     let call_sid = "CA00000000000000000000000000000000"; // a live call
//!     let ending = take_payment(&api, &listener, call_sid)?;
//!     println!("{ending}"); // "paid, confirmation code …", or why it was not paid and whether that is certain
//!     Ok(())
//! }
//! #
//! # pub fn in_sandbox() -> Result<(), Box<dyn Error>> {
//! #     let sandbox = twilio_payments::sandbox::Sandbox::start()?;
//! #     let listener = CallbackListener::local(SignatureValidator::new(sandbox.auth_token())?)?;
//! #     let ending = take_payment(&sandbox.client(), &listener, sandbox.call().obliging().sid())?;
//! #     assert!(ending.is_success(), "{ending}");
//! #     assert_eq!(sandbox.transaction_count(), 1);
//! #     Ok(())
//! # }
//! # }
//! #
//! # #[cfg(all(feature = "sandbox", feature = "listener"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #     program::in_sandbox()
//! # }
//! # #[cfg(not(all(feature = "sandbox", feature = "listener")))]
//! # fn main() {}
//! ```
//!
//! This crate is an independent project. It is neither made nor endorsed by Twilio.
//!
//! # How a payment goes
//! ```text
//!  your program                      Twilio                    the caller
//!       │                               │                           │
//!       ├─ create_payments ────────────▶│                           │
//!       │◀──────────── session PK… ─────┤                           │
//!       ├─ update_payments: card number▶│                           │
//!       │                               │◀─ 4242… on the keypad ────┤
//!       │◀─ callback: xxxx…, Required ──┤                           │
//!       ┆   the same for expiry date, security code, postal code    ┆
//!       ├─ update_payments: complete ──▶│                           │
//!       │                               ├─ the payment connector charges the card
//!       │◀─ callback: Result, code ─────┤                           │
//! ```
//!
//! An agent and a caller are on a call. The agent's program starts a *session* on it
//! ([`create_payments`](PaymentsApi::create_payments)), then asks for one [`Capture`] after another
//! ([`update_payments`](PaymentsApi::update_payments)). The caller types on the keypad; neither the agent nor the
//! program sees the digits. At the end the program either [completes](UpdatePaymentsParams::new_complete) the session,
//! and the payment connector charges or tokenizes, or [cancels](UpdatePaymentsParams::new_cancel) it.
//!
//! The responses to these requests are only bookkeeping. The service POSTs what the caller typed, what failed and how
//! the payment ended to the `StatusCallback` URL. [`StatusCallback`] reads these callbacks, and [`SignatureValidator`]
//! checks that the service sent them. By default the service does not repeat a callback that got a 5xx response. To ask
//! for that, use [`CallbackRetries`]; the URL of a [`CallbackListener`] asks for it already.
//!
//! The account must be in PCI mode. Start the session on the caller's own leg of the call: no digits arrive from
//! another leg. For regions, see [`PaymentsApiBuilder::region`].
//!
//! # What it promises
//! * **One payment, one charge.** A [`PaymentFlow`] charges at most once, in spite of lost responses, repeated
//!   callbacks, crashes and several machines. It ends as not paid only if that is certain. It assumes that a session
//!   charges at most once, which the service does not document.
//! * **One value, one operation.** A params value has one idempotency key, which is sent with every request that is
//!   made with the value. It is not documented how the service treats a repeated key.
//! * **Certain or unknown.** [`Error::outcome`] reports whether nothing was sent, the service refused the request, or
//!   the operation may have been carried out.
//! * **Exact money.** [`Amount`] is a decimal. A value that it cannot hold exactly is refused.
//! * **Every call ends.** One deadline, 30 s by default, covers name look-up, connection, TLS, every attempt, every
//!   wait and the response.
//! * **Secrets stay in.** Credentials and tokens never appear in `Debug`, `Display`, logs or errors. They go to https
//!   hosts only, loopback excepted, and never across a redirect.
//! * **Bad input is refused before it is sent**, with the name of the field.
//! * **Open world.** A new enum value or field does not break decoding, and is never taken for a certainty.
//!
//! # Cookbook
//! ## Continue after a crash
//! Store the [`PaymentFlow`] of each order. [If the program dies](PaymentFlow#if-the-program-dies) explains how, and
//! [How it ends](PaymentFlow#how-it-ends) lists what to do after each ending.
//!
//! ## Stop a program
//! Call [`PaymentStopper::stop`], here on Ctrl-C. Each payment then cancels its session, or waits for the result if the
//! session may have been completed.
//!
//! ```
//! # #[cfg(feature = "listener")] {
//! use twilio_payments::{CallbackListener, Ending, GuidedPayment, PaymentFlow, PaymentStopper, PaymentsApi};
//!
//! fn take_all(api: &PaymentsApi, listener: &CallbackListener, flows: Vec<PaymentFlow>) -> Vec<Ending> {
//!     let stopper = PaymentStopper::new();
//!     let on_signal = stopper.clone();
//!     ctrlc::set_handler(move || on_signal.stop()).expect("the only handler");
//!     std::thread::scope(|scope| {
//!         let payment = |flow| GuidedPayment::new(api, listener, flow).stopper(&stopper);
//!         let threads: Vec<_> = flows.into_iter().map(|flow| scope.spawn(move || payment(flow).run())).collect();
//!         threads.into_iter().flat_map(|thread| thread.join()).flatten().collect()
//!     })
//! }
//! # }
//! ```
//!
//! ## Choose a key
//! | situation | idempotency key |
//! |---|---|
//! | a new payment whose flow is stored | one that names it, such as `order-1066` |
//! | a new payment whose flow is not stored | the random one that [`new`](CreatePaymentsParams::new) makes. With a key that names the order, a program that is started again could find the session of its first run |
//! | the program restarted, or another process continues | the one in the stored flow |
//! | an error whose outcome is `Unknown` | the same one: use the same params value again |
//! | another try after an ending `NotPaid` or `Declined` | a new one, such as `order-1066-2`, in a new flow |
//! | an ending `Unknown` | none: settle the payment first |
//! | the next order, from a template | a new one: call [`with_new_key`](CreatePaymentsParams::with_new_key), or a setter on a clone; a flow made of a clone has one by itself |
//!
//! ## Send the requests yourself
//! Without a flow, keep the params of a request in a variable. If the outcome is `Unknown`, send the same value again,
//! and combine the two errors with [`after_earlier`](Error::after_earlier): the second error alone is only about the
//! second call.
//!
//! ```
//! # #[cfg(feature = "sandbox")] {
//! use twilio_payments::{Error, Outcome, PaymentsApi, UpdatePaymentsParams};
//! # use twilio_payments::{Capture, CreatePaymentsParams, sandbox::{Fault, FaultTarget, Sandbox}};
//!
//! fn complete(api: &PaymentsApi, call_sid: &str, session_sid: &str, url: &str) -> Result<(), Error> {
//!     let complete = UpdatePaymentsParams::new_complete(url);
//!     match api.update_payments(call_sid, session_sid, &complete) {
//!         Err(first) if first.outcome() == Outcome::Unknown => api
//!             .update_payments(call_sid, session_sid, &complete)
//!             .map_err(|second| second.after_earlier(&first)),
//!         result => result,
//!     }?;
//!     Ok(()) // Now wait for the callback with the result.
//! }
//! # let sandbox = Sandbox::start()?;
//! # let (api, call) = (sandbox.client(), sandbox.call().obliging());
//! # let url = "https://example.com/status";
//! # let start = CreatePaymentsParams::new(url).charge_amount("19.99".parse()?);
//! # let session = api.create_payments(call.sid(), &start)?;
//! # for capture in [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode] {
//! #     api.update_payments(call.sid(), &session.sid, &UpdatePaymentsParams::new_capture(url, capture))?;
//! # }
//! # for _ in 0..4 {
//! #     sandbox.faults().aim(FaultTarget::Complete, Fault::DropAfter);
//! # }
//! # complete(&api, call.sid(), &session.sid, url)?;
//! # assert_eq!(sandbox.transaction_count(), 1);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## Take a bank payment
//! ACH payments need [`parameter`](CreatePaymentsParams::parameter).
//!
//! ```
//! use serde_json::json;
//! use twilio_payments::{BankAccountType, CreatePaymentsParams, PaymentMethod};
//!
//! # fn main() -> Result<(), twilio_payments::Error> {
//! let params = CreatePaymentsParams::new("https://example.com/pay/status")
//!     .payment_method(PaymentMethod::AchDebit)
//!     .bank_account_type(BankAccountType::ConsumerChecking)
//!     .charge_amount("120.00".parse()?)
//!     .parameter(json!({"AVSName": "A. Customer"}));
//! # params.to_form()?;
//! # Ok(())
//! # }
//! ```
//!
//! ## Store a card
//! Without an amount, the payment connector returns a token instead of charging.
//!
//! ```
//! use twilio_payments::{CreatePaymentsParams, TokenType};
//!
//! let params = CreatePaymentsParams::new("https://example.com/pay/status").token_type(TokenType::OneTime);
//! # params.to_form().unwrap();
//! ```
//!
//! ## Other tasks
//! * **Act for a subaccount**: set [`account_sid`](CreatePaymentsParams::account_sid). Its callbacks are signed with
//!   the subaccount's token: see [`SignatureValidator`].
//! * **Share a client between threads**: clone or borrow it; all clones share their connections.
//!   [`shutdown`](PaymentsApi::shutdown) ends calls that block in other threads.
//! * **Receive callbacks in a web server**: [`SignatureValidator::receive`] verifies and reads them, and
//!   [`StatusCallback::tag`] finds their flow.
//! * **Log**: the crate uses the [`log`] facade. It writes one record for each attempt at level debug and one for each
//!   retry at level warn, with operation, status, request id and times, but never a body or another header. A listener
//!   also logs each callback at level debug and, at most 10 times a minute, what it refuses or discards or its handler
//!   fails to store at level warn. Do not turn on the levels `debug` and `trace` for ureq in production: its
//!   own records are not all redacted.
//! * **Measure**: [`on_attempt`](PaymentsApiBuilder::on_attempt) calls a closure after each attempt.
#![cfg_attr(
    feature = "sandbox",
    doc = "* **Test without an account**: the [`sandbox`] is the service on loopback, with faults on demand."
)]
//!
//! # What a fault looks like
//! | fault | what a call returns once retries are used up | outcome |
//! |---|---|---|
//! | refused input | `InvalidInput` at once; [`field`](Error::field) names it | `NotSent` |
//! | nothing listens, the name is unknown, the proxy is unreachable or busy | `Connect`, retried | `NotSent` |
//! | the proxy refuses, as with 407 | `Connect` at once | `NotSent` |
//! | connecting or the TLS handshake takes too long | `Connect`, [`is_timeout`](Error::is_timeout), retried | `NotSent` |
//! | the certificate is not trusted, has expired or is for another name; the port does not speak TLS | `Tls` at once; no credentials were sent | `NotSent` |
//! | a kept connection was closed while idle | no error: a new one is used | – |
//! | a kept connection is closed after the request | no error: it is replaced once, even with [`RetryPolicy::none`] | – |
//! | the connection is lost before the end of the response | `ConnectionLost`, retried | `Unknown` |
//! | no response, one byte per second, endless `100 Continue` | `Timeout`, [`is_timeout`](Error::is_timeout); retried while the deadline leaves time | `Unknown` |
//! | the response is not HTTP | `UnexpectedResponse`, retried | `Unknown` |
//! | 429 | `Api`, retried after `Retry-After`; at once if the deadline does not leave that time | `Refused` |
//! | 408 | `Api`, retried | `Unknown` |
//! | 409, 425, 499 | `Api` at once | `Unknown` |
//! | 401 with a source of access tokens | no error: retried at once with a new token, once | – |
//! | another 4xx | `Api` at once | `Refused` |
//! | 500, 502, 503, 504 | `Api`, retried as after 429 | `Unknown` |
//! | another 5xx | `Api` at once | `Unknown` |
//! | a redirect | `Redirect` at once; it is not followed, and [`location`](Error::location) names the target | `Unknown` |
//! | a 2xx without a session, too large, or compressed | `UnexpectedResponse` at once, with [`status`](Error::status) and [`body`](Error::body) | `Unknown` |
//! | a response without a request | no error: its connection is not used again | – |
//! | the source of access tokens fails | `TokenSource` at once | `NotSent` |
//! | [`shutdown`](PaymentsApi::shutdown) in another thread | `Shutdown` at once | `NotSent` if nothing had been sent, else `Unknown` |
//!
//! If an earlier attempt of the same call may have been carried out, the outcome is `Unknown`, whatever the last
//! attempt returned. The outcome is about its own call only: see [`Outcome::combine`].
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `rustls` | yes | TLS by rustls, with Mozilla's root certificates compiled in |
//! | `signature` | yes | [`SignatureValidator`]; it uses ring, as `rustls` does |
//! | `native-tls` | | TLS by the operating system's library |
//! | `platform-verifier` | | rustls with the operating system's root certificates |
//! | `listener` | | [`CallbackListener`] and [`GuidedPayment`] |
//! | `sandbox` | | the service on loopback, for tests |

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

#[macro_use]
mod macros;

mod callback;
mod client;
mod error;
mod flow;
#[cfg(feature = "listener")]
mod guide;
#[cfg(feature = "listener")]
mod listener;
mod model;
mod params;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(any(feature = "sandbox", feature = "listener"))]
mod server;
mod text;
mod transport;

#[cfg(feature = "signature")]
pub use callback::SignatureValidator;
pub use callback::{
    CallbackError, CallbackErrorKind, CallbackFailure, CallbackRetries, Event, StatusCallback,
};
pub use client::{AccessToken, Attempt, Credentials, PaymentsApi, PaymentsApiBuilder, RetryPolicy};
pub use error::{ApiError, Error, ErrorKind, Outcome, codes};
pub use flow::{
    Ending, NotPaidReason, PaymentEnding, PaymentFlow, ReferencePlace, ResponseDigest, SessionEnding, Step,
};
#[cfg(feature = "listener")]
pub use guide::{GuidedPayment, PaymentStopper};
#[cfg(feature = "listener")]
pub use listener::{CallbackListener, CallbackListenerBuilder, SessionCallbacks};
pub use model::{
    Amount, BankAccountType, Capture, CaptureError, CardType, PayResult, PaymentMethod, Payments,
    PaymentsInput, PaymentsResponse, PaymentsStatus, ResponseHeaders, ResponseMetadata, TokenType,
    UnknownValue,
};
pub use params::{CreatePaymentsParams, UpdatePaymentsParams};
pub use transport::Tls;

#[cfg(all(fuzzing, any(feature = "sandbox", feature = "listener")))]
#[doc(hidden)]
pub use server::check_requests;

#[cfg(all(doctest, feature = "sandbox", feature = "listener"))]
#[doc = include_str!("../README.md")]
struct Readme;
