//! The rules of calls and sessions, and what is charged.

use super::*;

#[test]
fn calls_must_be_live() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client();
    let call = sandbox.call().obliging();
    let sid = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap().sid;
    assert!(call.is_live());
    call.clone().hang_up();
    assert!(!call.is_live());
    assert_eq!(sandbox.session(&sid).unwrap().result, Some(PayResult::CallerHungUp));
    for error in [
        api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap_err(),
        api.update_payments(call.sid(), &sid, &UpdatePaymentsParams::new_complete(URL)).unwrap_err(),
    ] {
        let refusal = error.api_error().unwrap();
        assert_eq!((refusal.status, refusal.code), (400, Some(21220)));
        assert_eq!(error.outcome(), Outcome::Refused);
    }
    let unknown = api.create_payments(&format!("CA{:032}", 0), &CreatePaymentsParams::new(URL)).unwrap_err();
    assert_eq!(unknown.api_error().unwrap().code, Some(20404));
    assert_eq!((sandbox.transaction_count(), sandbox.sessions().len()), (0, 1));
}

#[test]
fn one_open_session_on_a_call() {
    let sandbox = Sandbox::start().unwrap();
    let (api, call) = (sandbox.client(), sandbox.call().obliging());
    let start = || {
        let params = CreatePaymentsParams::new(URL).security_code(false).postal_code(false);
        api.create_payments(call.sid(), &params)
    };
    for end in [UpdatePaymentsParams::new_complete, UpdatePaymentsParams::new_cancel] {
        // Only a number and a date are required, which the obliging caller types.
        let sid = start().unwrap().sid;
        for capture in [Capture::PaymentCardNumber, Capture::ExpirationDate] {
            api.update_payments(call.sid(), &sid, &UpdatePaymentsParams::new_capture(URL, capture)).unwrap();
        }
        assert_eq!(start().unwrap_err().api_error().unwrap().code, Some(64021));
        // Another call is not affected.
        api.create_payments(sandbox.call().sid(), &CreatePaymentsParams::new(URL)).unwrap();
        api.update_payments(call.sid(), &sid, &end(URL)).unwrap();
        for late in [
            UpdatePaymentsParams::new_complete(URL),
            UpdatePaymentsParams::new_cancel(URL),
            UpdatePaymentsParams::new_capture(URL, Capture::PostalCode),
        ] {
            let error = api.update_payments(call.sid(), &sid, &late).unwrap_err();
            assert_eq!(error.api_error().unwrap().code, Some(20409));
            assert_eq!(error.outcome(), Outcome::Refused);
        }
    }
}

#[test]
fn what_is_charged() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client();
    for (amount, currency, charged) in [
        (Some("19.99"), Some("eur"), Some(("19.99", "EUR"))),
        (Some("0.01"), None, Some(("0.01", "USD"))),
        (Some("0"), Some("EUR"), None),
        (None, None, None),
    ] {
        let call = sandbox.call().obliging();
        let mut start = CreatePaymentsParams::new(URL);
        start.charge_amount = amount.map(|amount| amount.parse().unwrap());
        start.currency = currency.map(str::to_owned);
        let sid = api.create_payments(call.sid(), &start).unwrap().sid;
        for capture in
            [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode]
        {
            api.update_payments(call.sid(), &sid, &UpdatePaymentsParams::new_capture(URL, capture)).unwrap();
        }
        let before = sandbox.transaction_count();
        api.update_payments(call.sid(), &sid, &UpdatePaymentsParams::new_complete(URL)).unwrap();
        call.hang_up();
        let transactions = sandbox.transactions();
        assert_eq!(transactions.len(), before + 1);
        let last = transactions.last().unwrap();
        assert_eq!((&last.session_sid, last.call_sid.as_str()), (&sid, call.sid()));
        assert_eq!(last.amount, charged.map(|(amount, _)| amount.parse::<Amount>().unwrap()));
        assert_eq!(last.currency.as_deref(), charged.map(|(_, currency)| currency));
        assert_eq!(sandbox.session(&sid).unwrap().result, Some(PayResult::Success));
    }
    let call = sandbox.call().obliging();
    let sid = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap().sid;
    api.update_payments(call.sid(), &sid, &UpdatePaymentsParams::new_cancel(URL)).unwrap();
    assert_eq!(sandbox.session(&sid).unwrap().result, Some(PayResult::Cancelled));
    assert_eq!(sandbox.transaction_count(), 4);
}

#[test]
fn subaccounts_have_their_own_calls_and_keys() {
    let sandbox = Sandbox::start().unwrap();
    let (own, other) = (sandbox.call(), sandbox.subaccount_call());
    let api = sandbox.client();
    let start = CreatePaymentsParams::new(URL).idempotency_key("same");
    let for_other = start.clone().account_sid(sandbox.subaccount_sid());
    let first = api.create_payments(own.sid(), &start).unwrap();
    let second = api.create_payments(other.sid(), &for_other).unwrap();
    assert_ne!(first.sid, second.sid);
    assert_eq!(second.account_sid.as_deref(), Some(sandbox.subaccount_sid()));
    for (call, params) in [(&other, &start), (&own, &for_other)] {
        assert_eq!(api.create_payments(call.sid(), params).unwrap_err().status(), Some(404));
    }
}

#[test]
fn sixty_four_threads() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client();
    thread::scope(|scope| {
        for thread in 0..64 {
            let (sandbox, api) = (&sandbox, &api);
            scope.spawn(move || {
                for n in 0..5 {
                    let call = sandbox.call().obliging();
                    let sid = take_payment(api, call.sid(), &format!("{thread}-{n}")).unwrap();
                    let session = sandbox.session(&sid).unwrap();
                    assert_eq!(session.call_sid, call.sid());
                    assert_eq!(session.idempotency_keys[0], format!("{thread}-{n}-0"));
                    assert_eq!(session.captures.len(), 4);
                }
            });
        }
    });
    assert_eq!((sandbox.transaction_count(), sandbox.sessions().len()), (320, 320));
    let charged: HashSet<String> = sandbox.transactions().into_iter().map(|t| t.session_sid).collect();
    assert_eq!(charged.len(), 320);
    assert_eq!(sandbox.request_count(), 320 * 6);
}

#[test]
fn a_call_can_have_a_given_sid() {
    let (one, other) = (Sandbox::start().unwrap(), Sandbox::start().unwrap());
    let sid = format!("CA{:032}", 9);
    for sandbox in [&one, &other] {
        let call = sandbox.call_with_sid(&sid).unwrap();
        assert_eq!(call.sid(), sid);
        sandbox.client().create_payments(&sid, &CreatePaymentsParams::new(URL)).unwrap();
        call.hang_up();
        assert!(!sandbox.call_with_sid(&sid).unwrap().is_live(), "it is the same call");
    }
    for bad in ["", "CA1", &format!("PK{:032}", 9), &format!("CA{:031}g", 9)] {
        assert_eq!(one.call_with_sid(bad).unwrap_err().field(), Some("call_sid"), "{bad}");
    }
}

#[test]
fn an_obliging_caller_can_be_given_answers() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client();
    let run = |answers: Vec<(Capture, &str)>| {
        let call = sandbox.call().obliging_with(answers);
        let sid = take_payment(&api, call.sid(), call.sid()).unwrap();
        sandbox.session(&sid).unwrap()
    };
    assert_eq!(run(vec![]).result, Some(PayResult::Success));
    let given = vec![(Capture::PaymentCardNumber, numbers::AMEX), (Capture::SecurityCode, "4321")];
    let session = run(given);
    assert_eq!(session.result, Some(PayResult::Success));
    let last = sandbox.callbacks(&session.sid).pop().unwrap();
    assert_eq!(last.get("PaymentCardNumber"), Some("xxxx-xxxxxx-x0005"));
    let declined = run(vec![(Capture::PaymentCardNumber, numbers::DECLINED)]);
    assert_eq!((declined.result, declined.transaction), (Some(PayResult::PaymentConnectorError), None));
    // Without an answer, the entry is empty.
    let call = sandbox.call().obliging_with([(Capture::PostalCode, "")]);
    let sid = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap().sid;
    let ask = UpdatePaymentsParams::new_capture(URL, Capture::PostalCode);
    api.update_payments(call.sid(), &sid, &ask).unwrap();
    assert_eq!(sandbox.callbacks(&sid).pop().unwrap().get("ErrorType"), Some("input-timeout"));
}

/// `CallSid` always refers to the parent leg of a two-leg call.
#[test]
fn responses_and_callbacks_name_the_parent_leg() {
    let sandbox = Sandbox::start().unwrap();
    let parent = sandbox.call();
    let leg = sandbox.leg_of(&parent).obliging();
    let create = path(sandbox.account_sid(), &leg);
    let created = post(&sandbox, &create, &form("0", "")).json();
    assert_eq!(created["call_sid"], parent.sid());
    let sid = created["sid"].as_str().unwrap();
    let update = of_session(&create, sid);
    assert_eq!(post(&sandbox, &update, &form("1", "&Capture=postal-code")).status, 202);
    assert_eq!(post(&sandbox, &update, &form("2", "&Status=cancel")).status, 202);
    let callbacks = sandbox.callbacks(sid);
    assert!(callbacks.iter().all(|callback| callback.get("CallSid") == Some(parent.sid())));
    assert_eq!(sandbox.session(sid).unwrap().call_sid, leg.sid());
    assert_eq!(post(&sandbox, &create, &form("3", "")).status, 201, "the leg is free again");
}

/// Connectors differ in what they support, and they fail.
#[test]
fn connectors_support_and_fail_as_configured() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client();
    sandbox.set_connector("e-check", PaymentConnector::new().ach_parameters(["AVSName"]).token_types([]));
    let code = |params: &CreatePaymentsParams| {
        let error = api.create_payments(sandbox.call().sid(), params).unwrap_err();
        (error.status(), error.api_error().and_then(|api| api.code))
    };
    let params = CreatePaymentsParams::new(URL).payment_connector("e-check");
    assert_eq!(code(&params), (Some(400), Some(64005)));
    let ach = params.clone().with_new_key().payment_method(PaymentMethod::AchDebit);
    let ach = ach.charge_amount("1.00".parse().unwrap()).parameter(serde_json::json!({"name": "x"}));
    assert_eq!(code(&ach), (Some(400), Some(64014)));
    let named = ach.with_new_key().parameter(serde_json::json!({"AVSName": "x"}));
    api.create_payments(sandbox.call().sid(), &named).unwrap();
    // It can be made to fail while sessions are open.
    for failure in [64002, 64008, 64012] {
        sandbox.set_connector("Default", PaymentConnector::new().fails_with(failure));
        let call = sandbox.call().obliging();
        let sid = take_payment(&api, call.sid(), call.sid()).unwrap();
        assert_eq!(sandbox.session(&sid).unwrap().result, Some(PayResult::PaymentConnectorError));
        let last = sandbox.callbacks(&sid).pop().unwrap();
        assert_eq!(last.get("PayErrorCode"), Some(failure.to_string().as_str()));
    }
    assert_eq!(sandbox.transaction_count(), 0);
}
