//! Idempotency keys, replayed and ignored.

use super::*;

#[test]
fn a_repeated_request_gets_the_stored_response() {
    let sandbox = Sandbox::start().unwrap();
    let call = sandbox.call().obliging();
    let create = path(sandbox.account_sid(), &call);
    let created = post(&sandbox, &create, &form("k1", "&ChargeAmount=1&Currency=USD"));
    let update = of_session(&create, created.json()["sid"].as_str().unwrap());
    for capture in ["payment-card-number", "expiration-date", "security-code", "postal-code"] {
        assert_eq!(post(&sandbox, &update, &form(capture, &format!("&Capture={capture}"))).status, 202);
    }
    let completed = post(&sandbox, &update, &form("k2", "&Status=complete"));
    call.hang_up();
    for _ in 0..3 {
        // With the fields in another order, on another connection, and after the session has ended.
        let again = post(&sandbox, &create, &format!("Currency=USD&{}", form("k1", "&ChargeAmount=1")));
        assert_eq!((again.status, &again.body), (201, &created.body));
        assert_ne!(again.headers["Twilio-Request-Id"], created.headers["Twilio-Request-Id"]);
        let again = post(&sandbox, &update, &form("k2", "&Status=complete"));
        assert_eq!((again.status, &again.body), (202, &completed.body));
    }
    // Another request with a used key is refused.
    for (path, body) in [
        (&create, form("k1", "&ChargeAmount=2&Currency=USD")),
        (&create, form("k1", "")),
        (&create, form("k2", "")),
        (&path(sandbox.account_sid(), &sandbox.call()), form("k1", "&ChargeAmount=1&Currency=USD")),
        (&update, form("k1", "&Status=complete")),
        (&update, form("k2", "&Status=cancel")),
    ] {
        let (status, code, message) = post(&sandbox, path, &body).refusal();
        assert_eq!((status, code), (400, 20409), "{path} {body}");
        assert!(message.contains("IdempotencyKey"), "{message}");
    }
    assert_eq!((sandbox.sessions().len(), sandbox.transaction_count()), (1, 1));
    assert_eq!(sandbox.sessions()[0].idempotency_keys.len(), 6);
}

#[test]
fn a_refused_key_can_be_tried_again() {
    let sandbox = Sandbox::start().unwrap();
    let (api, call) = (sandbox.client(), sandbox.call());
    let first = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap();
    let second = CreatePaymentsParams::new(URL);
    api.create_payments(call.sid(), &second).unwrap_err();
    api.update_payments(call.sid(), &first.sid, &UpdatePaymentsParams::new_cancel(URL)).unwrap();
    let created = api.create_payments(call.sid(), &second).unwrap();
    assert_eq!(api.create_payments(call.sid(), &second).unwrap(), created);
    assert_eq!(sandbox.sessions().len(), 2);
}

#[test]
fn requests_that_arrive_together_have_one_effect() {
    let sandbox = Sandbox::start().unwrap();
    for round in 0..20 {
        let call = sandbox.call().obliging();
        let barrier = Barrier::new(16);
        let start = CreatePaymentsParams::new(URL);
        let sids: HashSet<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let api = sandbox.client();
                        barrier.wait();
                        api.create_payments(call.sid(), &start).unwrap().sid
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(sids.len(), 1);
        assert_eq!(sandbox.sessions().len(), round + 1);
    }
}

#[test]
fn ignored_keys_make_new_requests() {
    let sandbox = Sandbox::builder().idempotency_keys(IdempotencyKeys::Ignored).start().unwrap();
    let call = sandbox.call().obliging();
    let create = path(sandbox.account_sid(), &call);
    let same = form("k", "");
    let created = post(&sandbox, &create, &same);
    // A repeated creation while the session is open.
    assert_eq!(post(&sandbox, &create, &same).refusal().1, 64021);
    let update = of_session(&create, created.json()["sid"].as_str().unwrap());
    for capture in ["payment-card-number", "expiration-date", "security-code", "postal-code"] {
        // One key for everything, as some programs send it.
        let body = form("k", &format!("&Capture={capture}"));
        assert_eq!(post(&sandbox, &update, &body).status, 202);
        assert_eq!(post(&sandbox, &update, &body).status, 202);
    }
    let complete = form("k", "&Status=complete");
    assert_eq!(post(&sandbox, &update, &complete).status, 202);
    // A repeated completion finds that the session is over, so it is charged once in this case too.
    let (_, code, message) = post(&sandbox, &update, &complete).refusal();
    assert!(code == 20409 && message.contains("is over: success"), "{code} {message}");
    assert_eq!(sandbox.transaction_count(), 1);
    assert_eq!(sandbox.sessions()[0].captures.len(), 8, "each capture was asked for twice");
    // A repeated creation after the end makes a new session.
    assert_eq!(post(&sandbox, &create, &same).status, 201);
    assert_eq!(sandbox.sessions().len(), 2);
}
