//! Take card and bank payments over live phone calls, from a synchronous program, through Twilio's Payments
//! API.
//!
//! ```
//! use twilio_payments::{Capture, CreatePaymentsParams, UpdatePaymentsParams};
//! # use twilio_payments::sandbox::Sandbox;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // let api = PaymentsApi::from_env()?;  and the SID of a live call; here, the crate's own sandbox:
//! let sandbox = Sandbox::start()?;
//! let (api, call) = (sandbox.client(), sandbox.call());
//!
//! let url = "https://example.com/pay/status"; // hears how the payment goes
//! let start = CreatePaymentsParams::new(url).charge_amount("19.99".parse()?);
//! let session = api.create_payments(call.sid(), &start)?;
//!
//! for piece in [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode] {
//!     api.update_payments(call.sid(), &session.sid, &UpdatePaymentsParams::new_capture(url, piece))?;
//!     // …the caller types; the status callbacks say when the piece is in, and what is still required…
//! }
//! // Bound to a name: if it has to be sent again, this value sends the same idempotency key.
//! let complete = UpdatePaymentsParams::new_complete(url);
//! api.update_payments(call.sid(), &session.sid, &complete)?;
//! # Ok(())
//! # }
//! ```
//!
//! The crate is not the provider's own, and not endorsed by it.
//!
//! # How a payment goes
//! An agent and a customer are on a call. The agent's program starts a *payments session* on it
//! ([`create_payments`](PaymentsApi::create_payments)), then asks for one piece of information after another
//! ([`update_payments`](PaymentsApi::update_payments) with a [`Capture`]). The customer types on the
//! telephone's keypad; neither agent nor program ever sees the digits. At the end the program
//! [completes](UpdatePaymentsParams::new_complete) the session, and the payment connector charges or
//! tokenizes, or it [cancels](UpdatePaymentsParams::new_cancel).
//!
//! The responses to these calls carry bookkeeping only. What the caller typed, what failed, and how the payment
//! went is POSTed to the `StatusCallback` URL: [`StatusCallback`] reads that, and
//! [`SignatureValidator`] checks that it is genuine. By default the service does not repeat a callback that was
//! answered with 5xx: ask for retries with [`CallbackRetries`].
//!
//! The account must be in PCI mode. Start the session on the leg of the call that hears the keypad, which is the
//! customer's own: on another leg no digits arrive.
//!
//! # What it promises
//! * **One payment, one charge; and the truth about it.** A [`PaymentFlow`] is one payment as a value, which can be
//!   stored: over lost responses, repeated callbacks, crashes and several machines it charges at most once, and it
//!   ends as not paid only if that is certain.
//! * **One value, one operation.** A params value carries its idempotency key from the moment it is made.
//!   Every automatic retry, and every later call with the same value, sends the same key.
//! * **Exact money.** [`Amount`] is a decimal; what cannot be exact is refused.
//! * **You learn what is known.** [`Error::outcome`] says whether nothing was sent, the API refused, or
//!   the payment may have happened, and [`Error::idempotency_key`] gives what it takes to ask again.
//! * **Every call ends.** One deadline covers look-up, connection, TLS, every attempt, every wait, and the
//!   answer. The default is 30 s.
//! * **Secrets stay in.** Credentials and tokens never show in `Debug`, `Display`, logs or errors; they go to
//!   https hosts only, loopback excepted, and never across a redirect.
//! * **Bad input is refused before the wire**, with the field's name. Nothing that a caller passes can
//!   change the path or add a header or field.
//! * **Open world.** A new enum value or field neither breaks decoding nor needs a new release.
//!
//! # Cookbook
//! **Take a payment in one call**: [`GuidedPayment`] asks for what is required and waits for the result.
//!
//! **Survive a crash**: store the [`PaymentFlow`] of each order, and go on with it in any process. See
//! [If the program dies](PaymentFlow#if-the-program-dies).
//!
//! **Decide what to do after an error.**
//!
//! ```
//! # use twilio_payments::{CreatePaymentsParams, Error, Outcome, Payments, PaymentsApi};
//! fn start(api: &PaymentsApi, call_sid: &str, params: &CreatePaymentsParams) -> Result<Payments, Error> {
//!     match api.create_payments(call_sid, params) {
//!         // It may have been carried out. The same value sends the same key, and the second error does not hide
//!         // what the first call may have done.
//!         Err(first) if first.outcome() == Outcome::Unknown => {
//!             api.create_payments(call_sid, params).map_err(|second| second.after_earlier(&first))
//!         }
//!         result => result,
//!     }
//! }
//! ```
//!
//! **Take a bank payment.** ACH payments need [`parameter`](CreatePaymentsParams::parameter).
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
//! **Get a token instead of a charge**: leave the amount out.
//!
//! ```
//! use twilio_payments::{CreatePaymentsParams, TokenType};
//!
//! let params = CreatePaymentsParams::new("https://example.com/pay/status").token_type(TokenType::OneTime);
//! ```
//!
//! **Act for a subaccount**: [`account_sid`](CreatePaymentsParams::account_sid) replaces the account in the
//! path.
//!
//! **Share a client between threads**: clone it, or borrow it; every clone has the same connections. To end
//! calls that block in other threads, [`shutdown`](PaymentsApi::shutdown).
//!
//! **Log**: the crate writes through the [`log`] facade, one record an attempt at debug and one a retry at warn:
//! operation, status, request id, times. It never writes a body or a header's value. Do not turn on `trace` for ureq
//! in production: its own records are not redacted.
//!
//! **Test a program without an account**: the feature `sandbox` brings the service on loopback.
//!
//! # Features
//! | feature | default | what it brings |
//! |---|---|---|
//! | `rustls` | yes | TLS by rustls, with the Mozilla root certificates compiled in |
//! | `signature` | yes | [`SignatureValidator`]; adds no crate to the default tree |
//! | `native-tls` | | TLS by the operating system's library |
//! | `platform-verifier` | | rustls, with what the operating system trusts |
//! | `listener` | | a receiver of status callbacks for programs without a web server |
//! | `sandbox` | | the service on loopback, for tests |

#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

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

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
