//! What the observer of a program sees of each attempt.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::faults::{Script, Step, nobody};
use crate::support::*;
use twilio_payments::*;

/// One attempt, as a line: operation, number, status, request id, kind.
type Lines = Arc<Mutex<Vec<String>>>;

fn observed(builder: PaymentsApiBuilder) -> (PaymentsApi, Lines) {
    let lines = Lines::default();
    let seen = Arc::clone(&lines);
    let policy = RetryPolicy::new().base_delay(Duration::from_millis(1));
    let builder = builder.retry_policy(policy).on_attempt(move |attempt: &Attempt<'_>| {
        assert!(attempt.elapsed < Duration::from_secs(30));
        let Attempt { operation, number, status, request_id, error_kind, .. } = attempt;
        let line = format!("{operation} {number} {status:?} {request_id:?} {error_kind:?}");
        seen.lock().unwrap().push(line);
    });
    (builder.build().unwrap(), lines)
}

#[test]
fn every_attempt_is_seen() {
    let id = "Twilio-Request-Id: RQ1\r\n";
    let busy = Step::Respond(response("503 Busy", id, "{}"));
    let created = Step::Respond(response("201 Created", id, &payments_json()));
    let script = Script::new([busy, Step::CloseRead, created, Step::status(404)]);
    let (api, lines) = observed(builder(script.address));
    api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
    let cancel = UpdatePaymentsParams::new_cancel(CALLBACK);
    api.clone().update_payments(CALL, SESSION, &cancel).unwrap_err();
    let expected = [
        r#"CreatePayments 1 Some(503) Some("RQ1") Some(Api)"#,
        "CreatePayments 2 None None Some(ConnectionLost)",
        r#"CreatePayments 3 Some(201) Some("RQ1") None"#,
        "UpdatePayments 1 Some(404) None Some(Api)",
    ];
    assert_eq!(*lines.lock().unwrap(), expected);

    let (api, lines) = observed(builder(nobody()));
    api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
    api.create_payments("no SID", &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
    let expected = [1, 2, 3].map(|number| format!("CreatePayments {number} None None Some(Connect)"));
    assert_eq!(*lines.lock().unwrap(), expected, "nothing was attempted with a malformed SID");
}

#[test]
fn a_panic_of_the_observer_does_not_hurt_a_payment() {
    let script = Script::new([Step::status(503), Step::created()]);
    let policy = RetryPolicy::new().base_delay(Duration::from_millis(1));
    let api = builder(script.address)
        .retry_policy(policy)
        .on_attempt(|attempt| panic!("the observer of attempt {}", attempt.number))
        .build()
        .unwrap();
    for _ in 0..2 {
        api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
    }
    assert_eq!(script.connections(), 1, "nor a connection");
}
