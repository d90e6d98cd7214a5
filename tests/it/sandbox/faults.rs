//! The faults of the sandbox.

use super::*;

#[test]
fn each_fault_on_the_wire() {
    let sandbox = Sandbox::start().unwrap();
    let authorization = basic(sandbox.account_sid(), sandbox.auth_token());
    for fault in [
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Truncate,
        Fault::Garbage,
        Fault::Delay(Duration::from_millis(200)),
        Fault::TooManyRequests { retry_after: Duration::from_millis(1500) },
        Fault::ServerError,
        Fault::ServerErrorAfter,
        Fault::Unavailable,
    ] {
        let call = sandbox.call().obliging();
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", FORM)];
        let request = request("POST", &path(sandbox.account_sid(), &call), &headers, &form(call.sid(), ""));
        let (sessions, begun) = (sandbox.sessions().len(), Instant::now());
        sandbox.faults().once(fault);
        assert_eq!(sandbox.faults().waiting(), 1);
        let got = responses_to(&sandbox, &request);
        assert_eq!(sandbox.faults().waiting(), 0);
        let carried_out = sandbox.sessions().len() == sessions + 1;
        assert_eq!(carried_out, fault.is_carried_out(), "{fault:?}");
        if matches!(fault, Fault::ResetBefore | Fault::ResetAfter) {
            assert_eq!(got.unwrap_err().kind(), ErrorKind::ConnectionReset, "{fault:?}");
            continue;
        }
        let bytes = got.unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        match fault {
            Fault::DropBefore | Fault::DropAfter => assert!(bytes.is_empty()),
            Fault::Truncate => {
                assert!(head.starts_with("HTTP/1.1 201 "));
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
                assert!(!body.is_empty() && body.len() < length.parse().unwrap(), "{text}");
            }
            Fault::Garbage => assert!(!bytes.is_empty() && !bytes.starts_with(b"HTTP")),
            Fault::Delay(delay) => {
                assert!(head.starts_with("HTTP/1.1 201 "));
                assert!(begun.elapsed() >= delay);
            }
            Fault::TooManyRequests { .. } => {
                assert!(
                    head.starts_with("HTTP/1.1 429 ") && head.contains("\r\nRetry-After: 2\r\n"),
                    "{head}"
                );
                assert_eq!(serde_json::from_str::<Value>(body).unwrap()["code"], 20429);
            }
            Fault::ServerError | Fault::ServerErrorAfter => {
                assert!(head.starts_with("HTTP/1.1 500 ") && head.contains("\r\nTwilio-Request-Id: RQ"));
                assert_eq!(serde_json::from_str::<Value>(body).unwrap()["code"], 20500);
            }
            _ => assert!(head.starts_with("HTTP/1.1 503 ") && body.starts_with("<html>")),
        }
        // The same request, sent again, takes effect once.
        let again = String::from_utf8(responses_to(&sandbox, &request).unwrap()).unwrap();
        assert!(again.starts_with("HTTP/1.1 201 "), "{fault:?}: {again}");
        assert_eq!(sandbox.sessions().len(), sessions + 1);
    }
    assert_eq!(sandbox.faults().injected(), 11);
}

#[test]
fn a_client_reports_faults_truthfully() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
    for (fault, kind) in [
        (Fault::DropAfter, Kind::ConnectionLost),
        (Fault::ResetAfter, Kind::ConnectionLost),
        (Fault::Truncate, Kind::ConnectionLost),
        (Fault::Garbage, Kind::UnexpectedResponse),
        (Fault::ServerErrorAfter, Kind::Api),
        (Fault::Unavailable, Kind::Api),
        (Fault::TooManyRequests { retry_after: Duration::ZERO }, Kind::Api),
    ] {
        let call = sandbox.call().obliging();
        sandbox.faults().once(fault);
        let error = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}: {error}");
        if fault.is_carried_out() {
            assert_eq!(error.outcome(), Outcome::Unknown, "{fault:?}");
        }
    }
    let hasty = api.with_timeout(Duration::from_millis(100));
    sandbox.faults().once(Fault::Delay(Duration::from_secs(30)));
    let error = hasty.create_payments(sandbox.call().sid(), &CreatePaymentsParams::new(URL)).unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[test]
fn faults_by_chance_are_survived_and_the_same_in_every_run() {
    let run = |threads: usize| {
        let sandbox = Sandbox::start().unwrap();
        sandbox.faults().at_random(RandomFaults::new(20_211_122, 0.4));
        let policy = RetryPolicy::new().max_retries(8).base_delay(Duration::from_millis(1));
        let api = sandbox.client_builder().retry_policy(policy).build().unwrap();
        thread::scope(|scope| {
            for thread in 0..threads {
                let (sandbox, api) = (&sandbox, &api);
                scope.spawn(move || {
                    for n in (0..60).filter(|n| n % threads == thread) {
                        take_payment(api, sandbox.call().obliging().sid(), &n.to_string()).unwrap();
                    }
                });
            }
        });
        assert_eq!((sandbox.transaction_count(), sandbox.sessions().len()), (60, 60));
        let (requests, injected) = (sandbox.request_count(), sandbox.faults().injected());
        sandbox.faults().clear();
        take_payment(&api, sandbox.call().obliging().sid(), "calm").unwrap();
        assert_eq!((sandbox.request_count(), sandbox.faults().injected()), (requests + 6, injected));
        (requests, injected)
    };
    let (requests, injected) = run(8);
    assert!(injected > 120, "{injected} of {requests}");
    assert_eq!(run(3), (requests, injected));
}

#[test]
fn a_fault_can_be_aimed_at_an_operation() {
    for keys in [IdempotencyKeys::Replayed, IdempotencyKeys::Ignored] {
        let sandbox = Sandbox::builder().idempotency_keys(keys).start().unwrap();
        let api = sandbox.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
        let call = sandbox.call().obliging();
        let faults = sandbox.faults();
        faults.aim(FaultTarget::Complete, Fault::DropAfter);
        faults.aim(FaultTarget::Capture(2), Fault::Unavailable);
        assert_eq!(faults.waiting(), 2);
        let sid = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap().sid;
        let update = |params: &UpdatePaymentsParams| api.update_payments(call.sid(), &sid, params);
        update(&UpdatePaymentsParams::new_capture(URL, Capture::PaymentCardNumber)).unwrap();
        let second = UpdatePaymentsParams::new_capture(URL, Capture::ExpirationDate);
        assert_eq!(update(&second).unwrap_err().status(), Some(503));
        update(&second).unwrap();
        update(&UpdatePaymentsParams::new_capture(URL, Capture::SecurityCode)).unwrap();
        update(&UpdatePaymentsParams::new_capture(URL, Capture::PostalCode)).unwrap();
        let complete = UpdatePaymentsParams::new_complete(URL);
        // On a new connection, because a kept one that is lost is replaced without an error.
        let fresh = sandbox.client_builder().retry_policy(RetryPolicy::none()).build().unwrap();
        let lost = fresh.update_payments(call.sid(), &sid, &complete).unwrap_err();
        assert_eq!(lost.outcome(), Outcome::Unknown);
        assert_eq!(sandbox.transaction_count(), 1, "{keys:?}: carried out, and the response lost");
        assert_eq!(update(&complete).is_ok(), keys == IdempotencyKeys::Replayed);
        assert_eq!((sandbox.transaction_count(), faults.injected(), faults.waiting()), (1, 2, 0));
    }
}
