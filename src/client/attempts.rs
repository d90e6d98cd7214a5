//! One call: attempts at an exchange until there is an answer, the time is up, or no more are due.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::client::retry::{self, RetryPolicy};
use crate::client::retry_after;
use crate::error::{ApiError, Error, ErrorKind, Outcome};
use crate::model::ResponseHeaders;
use crate::model::sid;
use crate::model::{Payments, PaymentsResponse, ResponseMetadata};
use crate::text::random::random;
use crate::text::{Escaped, Redactor, Withheld, cut};
use crate::transport::{Failure, Response, Transport};

/// How much of an answer's body an error keeps.
const KEPT_BODY: usize = 4 * 1024;

/// The longest body of a refusal that is taken apart. The API's own are a few hundred bytes, and as a tree
/// of values JSON may take thirty times its length.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// The least time that another attempt is worth beginning with. In less there is no answer to be had, only
/// the doubt whether the request was carried out.
const LEAST_TIME: Duration = Duration::from_millis(10);

/// What is called, as logs and answers name it.
pub(crate) struct Operation<'a> {
    pub(crate) name: &'static str,
    pub(crate) account_sid: &'a str,
    pub(crate) call_sid: &'a str,
    pub(crate) payments_sid: Option<&'a str>,
}

/// Makes calls: the transport with the rules for trying again.
pub(crate) struct Caller {
    transport: Transport,
    policy: RetryPolicy,
    redactor: Redactor,
}

impl Caller {
    pub(crate) fn new(transport: Transport, policy: RetryPolicy, redactor: Redactor) -> Self {
        Self { transport, policy, redactor }
    }

    /// Makes sure that there is an idle connection.
    pub(crate) fn connect(&self, timeout: Duration) -> Result<(), Error> {
        self.transport.connect(timeout).map_err(|failure| self.failed(failure))
    }

    pub(crate) fn shutdown(&self) {
        self.transport.shutdown();
    }

    /// Sends a form until it is answered, within `timeout`. Every attempt sends the same bytes.
    pub(crate) fn call(
        &self,
        operation: &Operation<'_>,
        form: &str,
        idempotency_key: &str,
        timeout: Duration,
    ) -> Result<PaymentsResponse, Error> {
        let started = Instant::now();
        let mut so_far = SoFar::default();
        let mut last_error = None;
        loop {
            let left = timeout.saturating_sub(started.elapsed());
            if self.transport.shutdown_signal().is_down() {
                return Err(so_far.ends(shut_down(), idempotency_key));
            }
            match last_error.take() {
                // The wait took longer than was asked of the system.
                Some(error) if left < LEAST_TIME => return Err(so_far.ends(error, idempotency_key)),
                None if left.is_zero() => return Err(so_far.ends(out_of_time(), idempotency_key)),
                _ => {}
            }
            let attempt_started = Instant::now();
            let time = self.policy.attempt_time(left);
            let path = operation.path(self.transport.base_path());
            let result = self.transport.post(path, form.as_bytes(), time, so_far.fresh);
            so_far.attempts = so_far.attempts.saturating_add(1);
            let attempt = Attempt {
                operation: operation.name,
                number: so_far.attempts,
                elapsed: attempt_started.elapsed(),
            };

            let stale = matches!(result, Err(Failure::Stale(_)));
            let error = match result {
                Ok(answer) => match self.judge(operation, answer, &attempt) {
                    Ok((payments, status, headers, request_id)) => {
                        let (attempts, elapsed) = (so_far.attempts, started.elapsed());
                        let metadata = ResponseMetadata { status, headers, request_id, attempts, elapsed };
                        return Ok(PaymentsResponse { payments, metadata });
                    }
                    Err(error) => error,
                },
                Err(failure) => {
                    so_far.fresh = true;
                    let error = self.failed(failure);
                    attempt.log(&error);
                    error
                }
            };

            so_far.outcome = Some(match so_far.outcome {
                Some(before) => before.combine(error.outcome()),
                None => error.outcome(),
            });
            let wait = if stale && !so_far.replaced {
                so_far.replaced = true;
                Duration::ZERO
            } else {
                let left = timeout.saturating_sub(started.elapsed()).saturating_sub(LEAST_TIME);
                let retry_after = error.retry_after();
                let wait = error
                    .is_retryable()
                    .then(|| self.policy.wait(so_far.retries, retry_after, left, random()));
                let Some(wait) = wait.flatten() else {
                    return Err(so_far.ends(error, idempotency_key));
                };
                so_far.retries = so_far.retries.saturating_add(1);
                wait
            };
            log::warn!("{}: attempt {} failed; trying again in {wait:?}", operation.name, so_far.attempts);
            if !wait.is_zero() {
                self.transport.shutdown_signal().sleep(wait);
            }
            last_error = Some(error);
        }
    }

    /// Reads an answer: a payment, or why it is none.
    fn judge(
        &self,
        operation: &Operation<'_>,
        answer: Response,
        attempt: &Attempt,
    ) -> Result<(Payments, u16, ResponseHeaders, Option<String>), Error> {
        let Response { status, headers, body, timed_out } = answer;
        let request_id = self.request_id(&headers);
        attempt.log(&Answered { status, request_id: request_id.as_deref() });
        let reason = match status {
            200..=299 => match Payments::from_json(&body) {
                Ok(payments) if operation.is_about(&payments) => {
                    return Ok((payments, status, headers, request_id));
                }
                Ok(_) => "it names another call or session".to_owned(),
                Err(error) => self.redactor.mask(&error.to_string()),
            },
            300..=399 => {
                let location = headers.get("location").map(|location| self.redactor.mask(location));
                let target = location.as_deref().map(crate::text::url_without_secrets);
                let message = format!(
                    "the API answered HTTP {status}, a redirect to {}, which is not followed",
                    target.as_deref().unwrap_or("nowhere")
                );
                return Err(Error::new(ErrorKind::Redirect, Outcome::Unknown, message)
                    .with_answer(status, Some(self.kept(&body)), request_id)
                    .with_location(location));
            }
            400..=599 => {
                let retry_after = headers.get("retry-after");
                let retry_after = retry_after.and_then(|value| retry_after::parse(value, SystemTime::now()));
                let outcome = Outcome::of_status(status);
                let api = self.api_error(status, &body, request_id, retry_after);
                let error = Error::api(api, outcome, retry::is_retryable(status));
                return Err(if timed_out { error.timed_out() } else { error });
            }
            _ => "no such status is expected".to_owned(),
        };
        let message = format!("the answer (HTTP {status}, {} bytes) is not a payment: {reason}", body.len());
        Err(Error::new(ErrorKind::UnexpectedAnswer, Outcome::Unknown, message).with_answer(
            status,
            Some(self.kept(&body)),
            request_id,
        ))
    }

    fn api_error(
        &self,
        status: u16,
        body: &[u8],
        request_id: Option<String>,
        retry_after: Option<Duration>,
    ) -> ApiError {
        let json = Some(body).filter(|body| body.len() <= LONGEST_REFUSAL).map(String::from_utf8_lossy);
        let mut json = json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or(Value::Null);
        self.redactor.mask_json(&mut json);
        let details = ["details", "params"].iter().find_map(|name| json.get_mut(name).map(Value::take));
        let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
        let code = json.get("code").and_then(|code| match code {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        });
        ApiError {
            status,
            code,
            message: text("message"),
            more_info: text("more_info"),
            details: details.filter(|details| !details.is_null()),
            request_id,
            retry_after,
            body: Withheld::new(self.kept(body)),
        }
    }

    fn request_id(&self, headers: &ResponseHeaders) -> Option<String> {
        headers.get("twilio-request-id").map(|id| cut(self.redactor.mask(id), 100))
    }

    /// What an error keeps of a body.
    fn kept(&self, body: &[u8]) -> String {
        cut(self.redactor.mask_body(body), KEPT_BODY)
    }

    /// What a failed exchange means to the caller.
    fn failed(&self, failure: Failure) -> Error {
        use Outcome::{NotSent, Unknown};
        match failure {
            Failure::NotConnected { to, timeout, retry, source } => {
                let message = format!("no connection to {to}: {source}");
                let error = Error::new(ErrorKind::Connect, NotSent, message);
                let error = error.with_source(source).retryable(retry);
                if timeout { error.timed_out() } else { error }
            }
            Failure::Tls { to, source } => {
                let message = format!("no secure connection to {to}: {source}");
                Error::new(ErrorKind::Tls, NotSent, message).with_source(source)
            }
            Failure::Stale(source) => {
                let message = format!("the connection was lost: {source}");
                Error::new(ErrorKind::ConnectionLost, Unknown, message).with_source(source).retryable(true)
            }
            Failure::Lost { partial, source } => {
                let message = match &partial {
                    Some(part) => format!("the answer (HTTP {}) was cut off: {source}", part.status),
                    None => format!("the connection was lost: {source}"),
                };
                let error = Error::new(ErrorKind::ConnectionLost, Unknown, message);
                self.with_part(error, partial).with_source(source).retryable(true)
            }
            Failure::Timeout { partial, source } => {
                let message = match &partial {
                    Some(part) => format!("the answer (HTTP {}) did not end in time", part.status).into(),
                    None => Cow::Borrowed("no answer in time"),
                };
                let error = Error::new(ErrorKind::Timeout, Unknown, message);
                self.with_part(error, partial).with_source(source).retryable(true).timed_out()
            }
            Failure::NotHttp { partial, source } => {
                let message = "the answer is not HTTP that can be read";
                let error = Error::new(ErrorKind::UnexpectedAnswer, Unknown, message);
                self.with_part(error, partial).with_source(source).retryable(true)
            }
            Failure::Unreadable { reason, partial, source } => {
                let error = self.with_part(Error::new(ErrorKind::UnexpectedAnswer, Unknown, reason), partial);
                match source {
                    Some(source) => error.with_source(source),
                    None => error,
                }
            }
            Failure::Shutdown { sent } => {
                let outcome = if sent { Unknown } else { NotSent };
                Error::new(ErrorKind::Shutdown, outcome, "the client is shut down")
            }
        }
    }

    /// Keeps what came of an answer.
    fn with_part(&self, error: Error, partial: Option<Box<Response>>) -> Error {
        match partial {
            Some(part) => {
                let request_id = self.request_id(&part.headers);
                error.with_answer(part.status, Some(self.kept(&part.body)), request_id)
            }
            None => error,
        }
    }
}

impl Operation<'_> {
    /// # Errors
    /// Where a SID is none, naming it.
    pub(crate) fn check(&self) -> Result<(), Error> {
        sid::check("AccountSid", "AC", self.account_sid)?;
        sid::check("CallSid", "CA", self.call_sid)?;
        self.payments_sid.map_or(Ok(()), |sid| sid::check("Sid", "PK", sid))
    }

    /// The path of a checked operation: SIDs only, so no character that would mean something in a URL.
    fn path(&self, base_path: &str) -> String {
        let session = self.payments_sid.map_or(["", ""], |sid| ["/", sid]);
        let (account_sid, call_sid) = (self.account_sid, self.call_sid);
        [
            base_path,
            "/2010-04-01/Accounts/",
            account_sid,
            "/Calls/",
            call_sid,
            "/Payments",
            session[0],
            session[1],
            ".json",
        ]
        .concat()
    }

    /// Whether an answer, as far as it says, is about the call and session that were asked about.
    fn is_about(&self, payments: &Payments) -> bool {
        let same = |given: &str, asked: &str| given.eq_ignore_ascii_case(asked);
        self.payments_sid.is_none_or(|sid| same(&payments.sid, sid))
            && payments
                .call_sid
                .as_deref()
                .is_none_or(|call_sid| !sid::is("CA", call_sid) || same(call_sid, self.call_sid))
    }
}

/// What has become of a call up to now.
#[derive(Default)]
struct SoFar {
    attempts: u32,
    /// The attempts that the policy counts.
    retries: u32,
    /// Whether the next attempt must not use a kept connection.
    fresh: bool,
    /// Whether a stale connection has been replaced already.
    replaced: bool,
    /// What is known of all attempts together; what one may have done, no later answer takes back.
    outcome: Option<Outcome>,
}

impl SoFar {
    fn ends(&self, error: Error, idempotency_key: &str) -> Error {
        error.after(self.attempts, self.outcome.unwrap_or(Outcome::NotSent), idempotency_key)
    }
}

/// One attempt, for the log. Of an answer it shows status and request id, and never more.
struct Attempt {
    operation: &'static str,
    number: u32,
    elapsed: Duration,
}

impl Attempt {
    fn log(&self, result: &dyn fmt::Display) {
        log::debug!("{}: attempt {} took {:?}: {result}", self.operation, self.number, self.elapsed);
    }
}

struct Answered<'a> {
    status: u16,
    request_id: Option<&'a str>,
}

impl fmt::Display for Answered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        match self.request_id {
            Some(id) => write!(f, ", request {}", Escaped(id)),
            None => Ok(()),
        }
    }
}

fn shut_down() -> Error {
    Error::new(ErrorKind::Shutdown, Outcome::NotSent, "the client is shut down")
}

fn out_of_time() -> Error {
    Error::new(ErrorKind::Timeout, Outcome::NotSent, "the time for the call is up").timed_out()
}
