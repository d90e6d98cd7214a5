//! What the service refuses, with the codes that it documents, and what it does not refuse.

use super::*;
use crate::support::records::logged_about;

/// A running sandbox, a live call, and an open session on it.
struct Desk {
    sandbox: Sandbox,
    call: Call,
    create: String,
    update: String,
}

impl Desk {
    fn new(parameters: &str) -> Self {
        let sandbox = Sandbox::start().unwrap();
        let call = sandbox.call();
        let create = path(sandbox.account_sid(), &call);
        let created = post(&sandbox, &create, &form("first", parameters));
        assert_eq!(created.status, 201, "{}", created.body);
        let update = of_session(&create, created.json()["sid"].as_str().unwrap());
        Self { sandbox, call, create, update }
    }

    /// Status and code of a refused update.
    #[track_caller]
    fn refused(&self, parameters: &str) -> (u16, i64) {
        let (status, code, _) = post(&self.sandbox, &self.update, &form("refused", parameters)).refusal();
        (status, code)
    }
}

/// Status and code of a creation on a new call; the code is 0 if it succeeds.
#[track_caller]
fn creation(sandbox: &Sandbox, parameters: &str) -> (u16, i64) {
    let call = sandbox.call();
    let created = post(sandbox, &path(sandbox.account_sid(), &call), &form(call.sid(), parameters));
    if created.status == 201 {
        return (201, 0);
    }
    let (status, code, _) = created.refusal();
    (status, code)
}

#[test]
fn code_64021_a_second_start() {
    let desk = Desk::new("");
    let (status, code, _) = post(&desk.sandbox, &desk.create, &form("second", "")).refusal();
    assert_eq!((status, code), (400, 64021));
    assert_eq!(desk.sandbox.sessions().len(), 1);
}

#[test]
fn code_64019_an_early_complete_and_the_session_goes_on() {
    let desk = Desk::new("&PostalCode=false&SecurityCode=false");
    assert_eq!(desk.refused("&Status=complete"), (400, 64019));
    post(&desk.sandbox, &desk.update, &form("1", "&Capture=payment-card-number"));
    desk.call.press("4242");
    // Nothing has changed: the caller continues to type.
    assert_eq!(desk.refused("&Status=complete"), (400, 64019));
    desk.call.press("424242424242");
    assert_eq!(desk.refused("&Status=complete"), (400, 64019));
    post(&desk.sandbox, &desk.update, &form("2", "&Capture=expiration-date"));
    desk.call.press("1299");
    assert!(desk.sandbox.sessions()[0].is_open());
    assert_eq!(post(&desk.sandbox, &desk.update, &form("3", "&Status=complete")).status, 202);
    assert_eq!(desk.sandbox.sessions()[0].result, Some(PayResult::Success));
}

#[test]
fn code_20409_an_update_of_an_ended_session() {
    let desk = Desk::new("");
    assert_eq!(post(&desk.sandbox, &desk.update, &form("1", "&Status=cancel")).status, 202);
    for late in ["&Status=complete", "&Status=cancel", "&Capture=postal-code"] {
        assert_eq!(desk.refused(late), (400, 20409), "{late}");
    }
}

#[test]
fn code_21220_an_ended_call() {
    let desk = Desk::new("");
    desk.call.hang_up();
    assert_eq!(desk.refused("&Status=complete"), (400, 21220));
    let (status, code, _) = post(&desk.sandbox, &desk.create, &form("second", "")).refusal();
    assert_eq!((status, code), (400, 21220));
}

#[test]
fn code_64018_neither_or_both_of_capture_and_status() {
    let desk = Desk::new("");
    assert_eq!(desk.refused(""), (400, 64018));
    assert_eq!(desk.refused("&Capture=postal-code&Status=cancel"), (400, 64018));
}

#[test]
fn code_64020_an_invalid_value() {
    let desk = Desk::new("");
    for wrong in
        ["&Status=done", "&Capture=pin", "&Capture=bank-account-number", "&Capture=postal-code-matcher"]
    {
        assert_eq!(desk.refused(wrong), (400, 64020), "{wrong}");
    }
    // Empty is not a value of an enum, an integer or a boolean.
    for wrong in
        ["Timeout=", "MinPostalCodeLength=", "PostalCode=", "SecurityCode=", "TokenType=", "Timeout=0"]
    {
        assert_eq!(creation(&desk.sandbox, &format!("&{wrong}")), (400, 64020), "{wrong}");
    }
    assert_eq!(desk.refused("&Status="), (400, 64020));
    assert_eq!(desk.refused("&Capture="), (400, 64020));
}

#[test]
fn code_64003_an_invalid_amount() {
    let sandbox = Sandbox::start().unwrap();
    for (amount, currency) in [
        ("-1", "USD"),
        ("1000000", "USD"),
        ("1.005", "USD"),
        ("1.005", ""),
        ("1.0", "JPY"),
        ("1.0005", "BHD"),
        ("", "USD"),
        ("lots", "USD"),
    ] {
        let parameters = format!("&ChargeAmount={amount}&Currency={currency}");
        assert_eq!(creation(&sandbox, &parameters), (400, 64003), "{parameters}");
    }
    for (amount, currency) in
        [("1.99", ""), ("500", "JPY"), ("1.005", "BHD"), ("0.00", "USD"), ("1.0005", "XYZ")]
    {
        let parameters = format!("&ChargeAmount={amount}&Currency={currency}");
        assert_eq!(creation(&sandbox, &parameters), (201, 0), "{parameters}");
    }
}

#[test]
fn code_64017_a_bank_account_type_for_a_card() {
    let sandbox = Sandbox::start().unwrap();
    assert_eq!(creation(&sandbox, "&BankAccountType=consumer-savings"), (400, 64017));
    let ach =
        "&BankAccountType=consumer-savings&PaymentMethod=ach-debit&Parameter=%7B%22name%22%3A%22x%22%7D";
    assert_eq!(creation(&sandbox, ach), (201, 0));
}

#[test]
fn code_64004_an_unknown_connector() {
    let sandbox = Sandbox::start().unwrap();
    assert_eq!(creation(&sandbox, "&PaymentConnector=Elsewhere"), (400, 64004));
    assert_eq!(creation(&sandbox, "&PaymentConnector=Default"), (201, 0));
}

/// The service's 20001 is a warning, not a refusal.
#[test]
fn unknown_parameters_are_ignored() {
    let desk = Desk::new("&Capture=postal-code&timeout=0&%3Cscript%3E=1");
    assert_eq!(post(&desk.sandbox, &desk.update, &form("1", "&Status=cancel&Timeout=0")).status, 202);
}

#[test]
fn a_query_is_ignored() {
    let desk = Desk::new("");
    let update = format!("{}?Status=complete&x", desk.update);
    assert_eq!(post(&desk.sandbox, &update, &form("1", "&Capture=postal-code")).status, 202);
}

/// Recorded last bodies lack `DateCreated`, `PaymentConnector` and `ChargeAmount`; `Attempt` is `<Pay>`'s.
#[test]
fn last_callbacks_have_the_recorded_names() {
    for (amount, token) in [("&ChargeAmount=9.99", false), ("", true)] {
        let sandbox = Sandbox::start().unwrap();
        let call = sandbox.call();
        let sid = {
            let create = path(sandbox.account_sid(), &call);
            let created = post(&sandbox, &create, &form("0", &format!("{amount}&PostalCode=false")));
            let sid = created.json()["sid"].as_str().unwrap().to_owned();
            let update = of_session(&create, &sid);
            for (capture, keys) in [
                ("payment-card-number", "1#"),
                ("payment-card-number", numbers::VISA),
                ("expiration-date", "1299"),
                ("security-code", "123"),
            ] {
                post(&sandbox, &update, &form(keys, &format!("&Capture={capture}")));
                call.press(keys);
            }
            post(&sandbox, &update, &form("complete", "&Status=complete"));
            sid
        };
        let callbacks = sandbox.callbacks(&sid);
        assert!(callbacks.iter().all(|callback| callback.get("Attempt").is_none()));
        let names: Vec<_> = callbacks.last().unwrap().fields().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(
            names,
            [
                "SecurityCode",
                "PaymentCardType",
                "Sid",
                "PaymentConfirmationCode",
                "CallSid",
                "Result",
                "AccountSid",
                "ProfileId",
                "DateUpdated",
                "PaymentToken",
                "PaymentMethod",
                "PaymentCardNumber",
                "ExpirationDate"
            ]
        );
        let last = callbacks.last().unwrap();
        assert_eq!(last.get("PaymentConfirmationCode") == Some(""), token);
        assert_eq!(last.get("PaymentToken") == Some(""), !token);
    }
}

#[test]
fn values_of_the_pay_verb_are_off() {
    let desk = Desk::new("");
    for key in 0..9 {
        let body = form(&key.to_string(), "&Capture=payment-card-number");
        assert_eq!(post(&desk.sandbox, &desk.update, &body).status, 202, "no limit to the attempts");
        desk.call.press("1#");
    }
    assert_eq!(post(&desk.sandbox, &desk.update, &form("end", "&Status=cancel")).status, 202);
    let session = desk.sandbox.sessions().pop().unwrap();
    let last = desk.sandbox.callbacks(&session.sid).pop().unwrap();
    assert_eq!(last.get("Result"), None, "no word is documented for it");
    assert_eq!(session.result, Some(PayResult::Cancelled));
}

#[test]
fn diners_club_numbers_have_their_lengths() {
    for (number, good) in [
        ("36227206271667", true),
        ("38520000023237", false),
        ("3852000000000003", true),
        ("30569309025904", false),
    ] {
        let desk = Desk::new("&ValidCardTypes=diners-club");
        post(&desk.sandbox, &desk.update, &form("1", "&Capture=payment-card-number"));
        desk.call.press(number);
        desk.call.press("#");
        let sid = desk.sandbox.sessions().pop().unwrap().sid;
        let last = desk.sandbox.callbacks(&sid).pop().unwrap();
        assert_eq!(last.get("ErrorType").is_none(), good, "{number}");
    }
}

#[test]
fn refusals_and_faults_are_logged() {
    let sandbox = Sandbox::start().unwrap();
    let (call, account) = (sandbox.call(), sandbox.account_sid());
    let path = path(account, &call);
    let ((), lines) = logged_about(&[call.sid()], || {
        let wrong = Credentials::auth_token(account, "wrong").unwrap();
        let api = PaymentsApi::builder(wrong).base_url(sandbox.base_url()).build().unwrap();
        let params = CreatePaymentsParams::new("https://example.com/status").idempotency_key("k");
        assert_eq!(api.create_payments(call.sid(), &params).unwrap_err().status(), Some(401));
        post(&sandbox, &path, "IdempotencyKey=k");
        sandbox.faults().once(Fault::Unavailable);
        post(&sandbox, &path, "");
    });
    let ours = |line: &&String| line.contains("twilio_payments::sandbox");
    assert_eq!(
        lines.iter().filter(ours).collect::<Vec<_>>(),
        [
            "401, 20003: Authenticate",
            "400, 64020: Invalid parameter StatusCallback: required",
            "Unavailable, not carried out, as asked for",
        ]
        .map(|what| format!("INFO twilio_payments::sandbox POST {path}: {what}"))
        .iter()
        .collect::<Vec<_>>()
    );
}
