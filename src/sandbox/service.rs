//! Turns a request into the service's response.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::parameters::{Form, RequestPath};
use super::refusals::{self, Refusal, Rule};
use super::store::Store;
use super::{Faults, mint};
use crate::server::{Reply, Request, Response};
use crate::text::Escaped;

/// The accounts and their credentials.
pub(super) struct Accounts {
    pub(super) account_sid: String,
    pub(super) auth_token: String,
    pub(super) api_key_sid: String,
    pub(super) api_key_secret: String,
    pub(super) access_token: String,
    pub(super) subaccount_sid: String,
}

/// The state that all requests share.
pub(super) struct Service {
    pub(super) accounts: Accounts,
    pub(super) store: Store,
    pub(super) faults: Faults,
    pub(super) requests: AtomicUsize,
}

/// The content type of a request.
const FORM: &str = "application/x-www-form-urlencoded";

impl Service {
    /// Returns the reply to a request, including faults.
    pub(super) fn reply(&self, request: &Request) -> Reply {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match self.faults.next(request) {
            None => Reply::Response(self.respond(request)),
            Some(fault) => {
                let carried_out = if fault.is_carried_out() { "carried out" } else { "not carried out" };
                log_failure(request, &format!("{fault:?}, {carried_out}, as asked for"));
                fault.reply(|| self.respond(request), mint::sid("RQ"))
            }
        }
    }

    fn respond(&self, request: &Request) -> Response {
        let response = match self.carry_out(request) {
            Ok(success) => success,
            Err(refusal) => {
                let Rule { status, code, .. } = refusal.rule;
                log_failure(request, &format!("{status}, {code}: {}", refusal.message));
                refusal.response()
            }
        };
        response.header("Twilio-Request-Id", mint::sid("RQ"))
    }

    fn carry_out(&self, request: &Request) -> Result<Response, Refusal> {
        if !self.accounts.know(request) {
            return Err(Refusal::new(&refusals::CREDENTIALS, "Authenticate"));
        }
        let Accounts { account_sid, subaccount_sid, .. } = &self.accounts;
        let path = RequestPath::parse(&request.target)
            .filter(|path| path.account_sid == account_sid || path.account_sid == subaccount_sid)
            .ok_or_else(|| Refusal::not_found(&request.target))?;
        if request.method != "POST" {
            return Err(Refusal::new(&refusals::METHOD, "Method not allowed"));
        }
        let media_type = request.only_header("Content-Type").and_then(|value| value.split(';').next());
        if media_type.is_none_or(|value| !value.trim().eq_ignore_ascii_case(FORM)) {
            return Err(Refusal::new(&refusals::CONTENT_TYPE, format!("Content-Type must be {FORM}")));
        }
        let form = Form::parse(&request.body);
        match path.sid {
            None => self.store.create(path, form),
            Some(sid) => self.store.update(path, sid, &form),
        }
    }
}

/// Writes the log record of a request that is refused, or that a fault hits.
fn log_failure(request: &Request, what: &str) {
    let (method, target) = (Escaped(&request.method), Escaped(&request.target));
    log::info!(target: "twilio_payments::sandbox", "{method} {target}: {}", Escaped(what));
}

impl Accounts {
    /// Returns whether a request has valid credentials.
    fn know(&self, request: &Request) -> bool {
        let credentials = request.only_header("Authorization").and_then(|value| value.split_once(' '));
        let Some((scheme, given)) = credentials else { return false };
        if scheme.eq_ignore_ascii_case("Bearer") {
            return given == self.access_token;
        }
        let basic = |user: &str, password: &str| BASE64_STANDARD.encode(format!("{user}:{password}"));
        scheme.eq_ignore_ascii_case("Basic")
            && [basic(&self.account_sid, &self.auth_token), basic(&self.api_key_sid, &self.api_key_secret)]
                .contains(&given.trim().to_owned())
    }
}
