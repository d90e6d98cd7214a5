//! Turns a request into a response, on the threads of the connections.

use std::sync::{Arc, PoisonError, RwLock};

use super::handler::{OnCallback, call};
use super::public_url::PublicUrl;
use super::queue::{DeliveryId, Queue, Receipt};
use super::warnings::Warnings;
use crate::callback::signature::SignatureValidator;
use crate::callback::{CallbackErrorKind, StatusCallback};
use crate::server::{Request, Response};
use crate::text::url_without_secrets;

/// The service repeats a callback with the same token.
const TOKEN: &str = "I-Twilio-Idempotency-Token";

/// The response to a callback that was received before, and its name in the log.
const REPEATED: (u16, &str) = (204, "repeated");

pub(super) struct Receiver {
    pub(super) queue: Arc<Queue>,
    pub(super) url: PublicUrl,
    pub(super) on_callback: Option<OnCallback>,
    pub(super) validator: RwLock<SignatureValidator>,
    pub(super) warnings: Warnings,
}

impl Receiver {
    pub(super) fn respond(&self, request: &Request) -> Response {
        // A peer that does not send callbacks gets one response, however many requests it sends at once.
        let refusal = |status| Response::empty(status).last();
        if request.method != "POST" {
            return refusal(405).header("Allow", "POST");
        }
        let url = self.url.requested(&request.target);
        let signature = request.only_header(SignatureValidator::HEADER);
        let validator = self.validator.read().unwrap_or_else(PoisonError::into_inner);
        let received = validator.receive(&url, &request.body, signature);
        drop(validator);
        match received {
            Err(error) => {
                let (status, refused) = match error.kind() {
                    CallbackErrorKind::Signature => (403, "refused"),
                    _ => (400, "not understood"),
                };
                let shown = url_without_secrets(&url);
                self.warnings.warn(format_args!("callback to {shown} {refused}: {error}"));
                refusal(status)
            }
            Ok(callback) => {
                let token = request.header(TOKEN);
                let delivery = DeliveryId::new(token, signature.unwrap_or_default().to_owned());
                let (status, became) = self.receive(&callback, &delivery);
                log::debug!(target: "twilio_payments::listener", "callback of {}: {became}", callback.sid);
                let response = Response::empty(status);
                if status == 503 { response.header("Retry-After", "1") } else { response }
            }
        }
    }

    /// Passes a callback to its handlers, or queues it. Returns the status, and its name in the log.
    fn receive(&self, callback: &StatusCallback, delivery: &DeliveryId) -> (u16, &'static str) {
        if let Some(handler) = &self.on_callback {
            if lock!(self.queue.state).is_repeat(delivery) {
                return REPEATED;
            }
            if let Err(error) = call(|| handler(callback)) {
                return self.failed(callback, &error);
            }
        }
        self.put(callback, delivery)
    }

    pub(super) fn put(&self, callback: &StatusCallback, delivery: &DeliveryId) -> (u16, &'static str) {
        match self.queue.put(callback, delivery) {
            Receipt::Repeated => REPEATED,
            Receipt::NoRoom => (503, "no room"),
            Receipt::Registered(handler) => match call(|| handler.on_callback(callback)) {
                Ok(true) => {
                    lock!(self.queue.state).note(callback, delivery);
                    (204, "handled")
                }
                // The handler was unregistered meanwhile.
                Ok(false) => self.put(callback, delivery),
                Err(error) => self.failed(callback, &error),
            },
            Receipt::Queued { discarded } => {
                // With a handler, nothing is lost if nobody reads the callback.
                if discarded && self.on_callback.is_none() {
                    let count = self.queue.discarded();
                    self.warnings.warn(format_args!(
                        "an unread callback was discarded to make room for another, {count} so far"
                    ));
                }
                (204, "queued")
            }
        }
    }

    fn failed(&self, callback: &StatusCallback, error: &str) -> (u16, &'static str) {
        self.warnings.warn(format_args!("callback of {}: the handler failed: {error}", callback.sid));
        (500, "failed")
    }
}
