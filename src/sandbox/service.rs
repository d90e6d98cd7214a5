//! The HTTP half: from a request to the service's answer.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::parameters::{Create, Fields, Update};
use super::refusals::Refusal;
use super::store::{Place, State, Success};
use crate::model::sid;
use crate::server::{Request, Response};

/// Who may call.
#[derive(Default)]
pub(super) struct Accounts {
    pub(super) account_sid: String,
    pub(super) auth_token: String,
    pub(super) api_key_sid: String,
    pub(super) api_key_secret: String,
    pub(super) access_token: String,
    pub(super) subaccount_sid: String,
}

/// The service's answer to a request.
pub(super) fn answer(accounts: &Accounts, state: &State, request: &Request) -> Response {
    let answer = match carry_out(accounts, state, request) {
        Ok(Success { status, body }) => {
            Response::new(status, body.into_bytes()).header("Content-Type", "application/json")
        }
        Err(refusal) => refusal.answer(),
    };
    answer.header("Twilio-Request-Id", state.mint().sid("RQ"))
}

fn carry_out(accounts: &Accounts, state: &State, request: &Request) -> Result<Success, Refusal> {
    if !is_known(accounts, request) {
        return Err(Refusal::unauthenticated());
    }
    let place = place(request.target())
        .filter(|place| {
            [&accounts.account_sid, &accounts.subaccount_sid].iter().any(|sid| *sid == place.account_sid)
        })
        .ok_or_else(|| Refusal::not_found(request.target()))?;
    if request.method() != "POST" {
        return Err(Refusal::method_not_allowed());
    }
    if !is_form(request) {
        return Err(Refusal::media_type());
    }
    let body = request.body();
    if let Some(success) = state.repeated(place, body) {
        return Ok(success);
    }
    let fields = Fields::parse(body);
    match place.sid {
        None => state.create(place, body, Create::read(&fields)),
        Some(sid) => state.update(place, sid, body, Update::read(&fields)),
    }
}

fn is_known(accounts: &Accounts, request: &Request) -> bool {
    if request.header_count("Authorization") != 1 {
        return false;
    }
    let Some((scheme, value)) = request.header("Authorization").and_then(|value| value.split_once(' '))
    else {
        return false;
    };
    if scheme.eq_ignore_ascii_case("Bearer") {
        return value == accounts.access_token;
    }
    let decoded = BASE64_STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let user_and_password = decoded.as_deref().and_then(|text| text.split_once(':'));
    scheme.eq_ignore_ascii_case("Basic")
        && user_and_password.is_some_and(|pair| {
            pair == (accounts.account_sid.as_str(), accounts.auth_token.as_str())
                || pair == (accounts.api_key_sid.as_str(), accounts.api_key_secret.as_str())
        })
}

fn is_form(request: &Request) -> bool {
    let media_type = request.header("Content-Type").and_then(|value| value.split(';').next());
    request.header_count("Content-Type") == 1
        && media_type
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Takes a target apart, where it is one of the two operations'.
fn place(path: &str) -> Option<Place<'_>> {
    let rest = path.strip_prefix("/2010-04-01/Accounts/")?.strip_suffix(".json")?;
    let (account_sid, rest) = rest.split_once("/Calls/")?;
    let (call_sid, rest) = rest.split_once("/Payments")?;
    let sid = match rest {
        "" => None,
        _ => Some(rest.strip_prefix('/')?),
    };
    let sound =
        sid::is("AC", account_sid) && sid::is("CA", call_sid) && sid.is_none_or(|sid| sid::is("PK", sid));
    sound.then_some(Place { path, account_sid, call_sid, sid })
}
