//! Tests of a flow: `steps` and `asks` are about what it does, `endings` and `in_doubt` about how it ends.

mod asks;
mod endings;
mod in_doubt;
mod settings;
mod shown;
mod steps;
mod stored;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Ending, NotPaidReason, PaymentEnding, PaymentFlow, ResponseDigest, SessionEnding, Step};
use crate::callback::StatusCallback;
use crate::error::{ApiError, Error, ErrorKind, Outcome};
use crate::model::{Capture, Payments};
use crate::params::CreatePaymentsParams;

const CALL: &str = "CA00000000000000000000000000000001";
const SID: &str = "PK00000000000000000000000000000001";
const OTHER_SID: &str = "PK00000000000000000000000000000002";
const URL: &str = "https://example.com/status";
const DECLINES: [&str; 4] =
    ["payment-connector-error", "validation-error", "caller-hung-up", "caller-interrupted-with-star"];
const SETTLES_NOTHING: [&str; 6] =
    ["internal-error", "cancelled", "canceled", "too-many-failed-attempts", "Success", "approved"];

/// A flow, and its clock.
struct Driver {
    flow: PaymentFlow,
    now: SystemTime,
}

fn params() -> CreatePaymentsParams {
    CreatePaymentsParams::new(URL)
        .idempotency_key("order-7")
        .charge_amount("19.99".parse().unwrap())
        .security_code(false)
        .postal_code(false)
}

/// A payment whose session takes the card number and the expiry.
fn driver() -> Driver {
    Driver::with(params())
}

impl Driver {
    fn with(params: CreatePaymentsParams) -> Self {
        Self {
            flow: PaymentFlow::new(CALL, params).unwrap(),
            now: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        }
    }

    /// A flow whose session was created.
    #[track_caller]
    fn created() -> Self {
        let mut driver = driver();
        driver.expect("order-7");
        driver.ok();
        driver
    }

    /// A flow whose request to complete the session was begun.
    #[track_caller]
    fn completing() -> Self {
        let mut driver = Self::created();
        for capture in ["payment-card-number", "expiration-date"] {
            driver.expect(&format!("order-7-{capture}-1"));
            driver.ok();
            driver.receives(&format!("Capture={capture}&PartialResult=false"));
        }
        driver.expect("order-7-complete");
        driver
    }

    fn next(&mut self) -> Step {
        self.flow.next(self.now)
    }

    /// Checks that the next step is a request with this key.
    #[track_caller]
    fn expect(&mut self, key: &str) {
        let found = match self.next() {
            Step::Create(params) => params.idempotency_key,
            Step::Update { sid, params } => {
                assert_eq!(Some(sid.as_str()), self.flow.session_sid());
                params.idempotency_key
            }
            other => panic!("{key} was expected: {other:?}"),
        };
        assert_eq!(found, key);
        assert_eq!(self.flow.awaited_key().as_deref(), Some(key));
    }

    /// Checks that the next step is to wait this long.
    #[track_caller]
    fn expect_wait(&mut self, seconds: u64) {
        match self.next() {
            Step::WaitUntil(time) => {
                assert_eq!(time.duration_since(self.now).unwrap(), Duration::from_secs(seconds));
                assert_eq!(self.flow.due(), Some(time));
            }
            other => panic!("a wait was expected: {other:?}"),
        }
    }

    #[track_caller]
    fn expect_end(&mut self) -> Ending {
        match self.next() {
            Step::Ended(ending) => {
                assert_eq!(self.flow.ending().as_ref(), Some(&ending));
                assert_eq!(self.flow.due(), None);
                ending
            }
            other => panic!("an ending was expected: {other:?}"),
        }
    }

    #[track_caller]
    fn expect_payment(&mut self, payment: &str, session: SessionEnding) {
        let ending = self.expect_end();
        assert_eq!((word(&ending.payment), ending.session), (payment, session), "{ending:?}");
    }

    fn ok(&mut self) {
        self.flow.on_response(Ok(session(SID)));
    }

    fn fails(&mut self, error: Error) {
        self.flow.on_response(Err(error));
    }

    /// A callback about the session, without a tag.
    #[track_caller]
    fn receives(&mut self, fields: &str) {
        assert!(self.flow.on_callback(&callback(SID, fields)), "{fields}");
    }

    /// A callback that carries the flow's own tag.
    fn tagged(&mut self, sid: &str, fields: &str) -> bool {
        let url = format!("{URL}?payment_flow={}", self.flow.tag());
        self.flow.on_callback(&callback(sid, fields).received_at(&url))
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }
}

fn callback(sid: &str, fields: &str) -> StatusCallback {
    StatusCallback::parse(format!("Sid={sid}&{fields}").as_bytes()).unwrap()
}

fn session(sid: &str) -> Payments {
    serde_json::from_value(serde_json::json!({ "sid": sid })).unwrap()
}

/// An error response of the API.
fn api(status: u16, code: i64) -> Error {
    let outcome = if status >= 500 || matches!(status, 408 | 409 | 425 | 499) {
        Outcome::Unknown
    } else {
        Outcome::Refused
    };
    let api = ApiError::new(status, Some("RQ1".to_owned()), String::new());
    Error::api(ApiError { code: Some(code), ..api }, outcome, false)
}

fn not_sent() -> Error {
    Error::new(ErrorKind::Connect, Outcome::NotSent, "nobody listens")
}

fn lost() -> Error {
    Error::new(ErrorKind::ConnectionLost, Outcome::Unknown, "the connection ended")
}

fn word(payment: &PaymentEnding) -> &'static str {
    match payment {
        PaymentEnding::Paid { .. } => "paid",
        PaymentEnding::Tokenized { .. } => "tokenized",
        PaymentEnding::NotPaid(_) => "not paid",
        PaymentEnding::Declined { .. } => "declined",
        PaymentEnding::Unknown { .. } => "unknown",
    }
}

#[track_caller]
fn reason(ending: &Ending) -> NotPaidReason {
    match &ending.payment {
        PaymentEnding::NotPaid(reason) => reason.clone(),
        other => panic!("{other:?}"),
    }
}
