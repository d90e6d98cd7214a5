//! The stored form of a flow.

use super::*;
use crate::flow::ReferencePlace;

#[track_caller]
fn stored_and_read(flow: &PaymentFlow) -> PaymentFlow {
    let text = serde_json::to_string(flow).unwrap();
    let read: PaymentFlow = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, flow, "{text}");
    assert_eq!(read.ending(), flow.ending());
    assert_eq!(read.due(), flow.due());
    read
}

/// Takes two flows through the same steps, and stores and reads one of them after each change.
#[test]
fn a_flow_goes_on_as_it_was_stored() {
    let endings: [&[&str]; 4] = [
        &["Result=success&PaymentConfirmationCode=ch_1"],
        &["Capture=payment-card-number&ErrorType=new-error", "Result=caller-hung-up"],
        &["Capture=payment-card-number&PartialResult=false&Required=&DateUpdated=2021-08-10T03:58:00Z"],
        &["Result=something-new&PayErrorCode=64012&PaymentError=a&ConnectorError=b"],
    ];
    for callbacks in endings {
        let mut driver = Driver::with(params());
        driver.flow = driver.flow.max_asks(2).unwrap();
        driver.flow = driver.flow.reference_place(ReferencePlace::Parameter("order".to_owned())).unwrap();
        let mut responses = [lost(), api(503, 20503)].into_iter();
        let mut callbacks = callbacks.iter();
        loop {
            driver.flow = stored_and_read(&driver.flow);
            let step = driver.next();
            driver.flow = stored_and_read(&driver.flow);
            match step {
                Step::Create(_) | Step::Update { .. } => match responses.next() {
                    Some(error) => driver.fails(error),
                    None => driver.ok(),
                },
                Step::WaitUntil(time) => match callbacks.next() {
                    Some(fields) => driver.receives(fields),
                    None => driver.now = time,
                },
                Step::Ended(_) => break,
            }
        }
    }
}

/// What version 1 wrote. All later versions must read it, so do not change this text.
const VERSION_1: &str = r#"{
  "version": 1,
  "revision": 9,
  "call_sid": "CA00000000000000000000000000000001",
  "params": {"IdempotencyKey": "order-7", "StatusCallback": "https://example.com/status", "ChargeAmount": "19.99",
    "PostalCode": false, "SecurityCode": false},
  "reference_place": "Description",
  "limits": {"max_asks": 3, "capture_timeout": 120000, "result_timeout": 60000},
  "state": {
    "session": "PK00000000000000000000000000000001",
    "in_flight": "Complete",
    "begun_at": 1700000000000,
    "create": {"begun": 2, "accepted": true, "doubtful": true},
    "capture": {"begun": 1, "accepted": true, "doubtful": false},
    "complete": {"begun": 1, "accepted": false, "doubtful": false,
      "response": {"outcome": "Refused", "kind": "Api", "status": 429, "code": 20429, "request_id": "RQ1"}},
    "cancel": {"begun": 0, "accepted": false, "doubtful": false},
    "rounds": 0,
    "ask": {"capture": "expiration-date", "number": 1, "deadline": 1700000120000, "seen": true, "done": true},
    "asked": [["payment-card-number", 2], ["expiration-date", 1]],
    "left": [],
    "required": [],
    "failed": ["payment-card-number", "invalid-card-number"],
    "failed_at": 1628567753408,
    "newest": 1628567753409,
    "ended": false
  }
}"#;

#[test]
fn the_place_of_the_reference_is_stored() {
    for place in [
        ReferencePlace::Description,
        ReferencePlace::Nowhere,
        ReferencePlace::Parameter("Nowhere".to_owned()),
    ] {
        let flow = PaymentFlow::new(CALL, params()).unwrap().reference_place(place).unwrap();
        let read = stored_and_read(&flow);
        assert_eq!((read.reference(), read.create_params()), (flow.reference(), flow.create_params()));
    }
}

#[test]
fn a_flow_of_version_1_is_read() {
    let flow: PaymentFlow = serde_json::from_str(VERSION_1).unwrap();
    assert_eq!((flow.key(), flow.call_sid(), flow.session_sid()), ("order-7", CALL, Some(SID)));
    assert_eq!((flow.revision(), flow.ending()), (9, None));
    assert_eq!(flow.awaited_key().as_deref(), Some("order-7-complete"));
    assert_eq!(flow.due(), Some(UNIX_EPOCH + Duration::from_secs(1_700_000_060)));
    let written = serde_json::to_value(stored_and_read(&flow)).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(VERSION_1).unwrap());
    // Its process died while the request to complete was under way.
    let mut driver = driver();
    driver.flow = flow;
    driver.expect("order-7-complete");
    driver.receives("Result=success");
    driver.expect_payment("paid", SessionEnding::Over);
    stored_and_read(&driver.flow);
}

#[test]
fn values_that_are_not_flows_are_refused() {
    for (text, replaced, reason) in [
        (
            "\"version\": 1",
            "\"version\": 2",
            "a payment flow of version 2, which this version of the crate cannot read",
        ),
        ("\"version\": 1", "\"version\": \"1\"", "version: missing or invalid"),
        ("\"revision\": 9,", "", "not a payment flow: revision: missing or invalid"),
        (
            "\"session\": \"PK00000000000000000000000000000001\",",
            "",
            "not a payment flow: a request of a session that it does not name",
        ),
        ("\"Complete\"", "\"Refund\"", "not a payment flow: state: missing or invalid"),
        ("19.99", "4242424242424242", "not a payment flow: params: "),
    ] {
        let stored = VERSION_1.replace(text, replaced);
        let error = serde_json::from_str::<PaymentFlow>(&stored).unwrap_err().to_string();
        assert!(error.contains(reason) && !error.contains("4242"), "{error}");
    }
    assert!(serde_json::from_str::<PaymentFlow>("[]").is_err());
}

#[test]
fn the_stored_size_is_bounded_and_what_was_typed_is_not_in_it() {
    let mut driver = Driver::completing();
    driver.ok();
    let typed = "ExpirationDate=0829&PaymentCardPostalCode=94109&PaymentCardNumber=xxxxxxxxxxxx4242";
    driver.receives(&format!("Capture=expiration-date&PartialResult=false&{typed}"));
    driver.receives(&format!("Result=payment-connector-error&PaymentError=declined&{typed}"));
    let text = serde_json::to_string(&driver.flow).unwrap();
    assert!(text.len() < 2048, "{} bytes", text.len());
    for typed in ["0829", "94109", "4242"] {
        assert!(!text.contains(typed), "{text}");
    }
    // The service sends as much as it can, in characters that JSON escapes with six.
    let mut largest = 0;
    for length in [62, 64, 512, 4096, 20_000] {
        let long = "%01".repeat(length);
        let list = |from: usize| {
            let names = (from..from + 32).map(|n| format!("{}{n:02}", "%01".repeat(length.min(62))));
            names.collect::<Vec<_>>().join(",")
        };
        let mut driver = Driver::completing();
        driver.receives(&format!("Required={}", list(0)));
        driver.fails(api(400, 64019));
        for n in 0..60 {
            driver.next();
            driver.receives(&format!("Required={}", list(n)));
        }
        driver.receives(&format!("Capture={long}&ErrorType={long}&Required={}", list(0)));
        let words = format!("PaymentError={long}&ConnectorError={long}&PaymentConfirmationCode={long}");
        driver.receives(&format!("Result={long}&{words}"));
        driver.receives(&format!("Result=success&PaymentToken={long}&ProfileId={long}&{words}"));
        let text = serde_json::to_string(&driver.flow).unwrap();
        assert!(text.len() < 80 * 1024, "{} bytes", text.len());
        largest = largest.max(text.len());
    }
    assert!(largest > 75 * 1024, "{largest} bytes: the service can send more");
}
