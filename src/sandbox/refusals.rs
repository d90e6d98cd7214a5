//! Refusals: the service's error responses.

use serde_json::json;

use crate::server::Response;

/// A reason to refuse a request. The table in the sandbox's documentation has the same rows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) status: u16,
    pub(crate) code: u32,
    /// What is refused.
    #[cfg_attr(not(test), allow(dead_code, reason = "a test compares it with the documentation"))]
    pub(crate) request: &'static str,
}

macro_rules! rules {
    ($($name:ident = $status:literal, $code:literal, $request:literal;)+) => {
        $(pub(crate) static $name: Rule = Rule { status: $status, code: $code, request: $request };)+

        #[cfg(test)]
        static ALL: &[&Rule] = &[$(&$name),+];
    };
}

// The service does not document the status of its codes from 64000 on, nor of 20409 and 21220: they have 400.
rules! {
    CREDENTIALS = 401, 20003, "wrong credentials, or none";
    NOT_FOUND = 404, 20404, "another path; an account, call or session that it does not know";
    METHOD = 405, 20004, "a method other than POST";
    CONTENT_TYPE = 415, 20415, "a content type other than that of a form";
    CALL_OVER = 400, 21220, "a call that has ended";
    VALUE = 400, 64020, "a missing, repeated or invalid parameter, which the message names";
    AMOUNT = 400, 64003, "an amount that is negative, too large, or has more decimals than its currency";
    CONNECTOR = 400, 64004, "a payment connector that it does not know";
    NO_TOKENS = 400, 64005, "a token from a connector that makes none";
    TOKEN_TYPE = 400, 64006, "a type of token that the connector does not make";
    NO_CHARGES = 400, 64007, "a charge by a connector that makes none";
    CURRENCY = 400, 64011, "a currency that the connector does not accept";
    PAYMENT_METHOD = 400, 64013, "a payment method that the connector does not accept";
    AVS_NAME = 400, 64014, "`ach-debit` without the `AVSName` in `Parameter` that the connector needs";
    PARAMETER = 400, 64015, "`ach-debit` without `Parameter`, or without another value that the connector needs";
    BANK_ACCOUNT_TYPE = 400, 64017, "a `BankAccountType` for a card";
    ONE_STEP = 400, 64018, "neither or both of `Capture` and `Status`";
    INCOMPLETE = 400, 64019, "a completion while something is still required; the session goes on";
    SESSION_OPEN = 400, 64021, "a second session while one is open on the call";
    CONFLICT = 400, 20409, "an update of a session that is over; an idempotency key that was used for another request";
    TOO_MANY_REQUESTS = 429, 20429, "a request that [`Fault::TooManyRequests`] hits";
    SERVER_ERROR = 500, 20500, "a request that [`Fault::ServerError`] or [`Fault::ServerErrorAfter`] hits";
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) rule: &'static Rule,
    pub(crate) message: String,
}

/// The longest text from a request that a message repeats.
const REPEATED: usize = 100;

impl Refusal {
    pub(crate) fn new(rule: &'static Rule, message: impl Into<String>) -> Self {
        Self { rule, message: message.into() }
    }

    pub(crate) fn not_found(path: &str) -> Self {
        let path: String = path.chars().take(REPEATED).collect();
        Self::new(&NOT_FOUND, format!("The requested resource {path} was not found"))
    }

    pub(crate) fn invalid_parameter(name: &str, reason: &str) -> Self {
        let rule = if name == "ChargeAmount" { &AMOUNT } else { &VALUE };
        Self::new(rule, format!("Invalid parameter {name}: {reason}"))
    }

    /// Returns the error response.
    pub(crate) fn response(&self) -> Response {
        let Rule { status, code, .. } = self.rule;
        let body = json!({
            "code": code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
            "status": status,
        });
        let response = Response::json(*status, body.to_string());
        match status {
            401 => response.header("WWW-Authenticate", "Basic realm=\"Twilio API\""),
            405 => response.header("Allow", "POST"),
            _ => response,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table in the documentation has the same rows as this file.
    #[test]
    fn the_documentation_has_the_table() {
        let rows: Vec<_> = ALL
            .iter()
            .map(|Rule { status, code, request }| format!("//! | {request} | {status} | {code} |"))
            .collect();
        let documentation = include_str!("mod.rs");
        let table =
            documentation.split("//! | request | status | code |\n//! |---|---|---|\n").nth(1).unwrap();
        let documented: Vec<_> = table.lines().take_while(|line| line.starts_with("//! |")).collect();
        assert_eq!(documented, rows, "to be copied:\n{}", rows.join("\n"));
    }
}
