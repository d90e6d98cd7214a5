//! Starting, stopping and inspecting a sandbox.

use super::*;

#[test]
fn the_settings_of_the_builder_apply() {
    let sandbox =
        Sandbox::builder().account_sid(format!("AC{:032}", 5)).auth_token("secret").start().unwrap();
    assert_eq!((sandbox.account_sid(), sandbox.auth_token()), (format!("AC{:032}", 5).as_str(), "secret"));
    let port = sandbox.base_url().rsplit(':').next().unwrap().parse().unwrap();
    assert!(sandbox.base_url().starts_with("http://127.0.0.1:"));
    assert_eq!(Sandbox::builder().port(port).start().unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(sandbox);
    let again = Sandbox::builder().port(port).start().unwrap();
    assert!(again.base_url().ends_with(&format!(":{port}")));
    for (builder, named) in [
        (Sandbox::builder().account_sid("AC1"), "account_sid"),
        (Sandbox::builder().account_sid("../.."), "account_sid"),
        (Sandbox::builder().auth_token(""), "auth_token"),
        (Sandbox::builder().auth_token("a\nb"), "auth_token"),
    ] {
        let error = builder.start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(named), "{error}");
    }
    let key = Credentials::api_key(again.account_sid(), again.api_key_sid(), again.api_key_secret()).unwrap();
    let api = PaymentsApi::builder(key).base_url(again.base_url()).no_proxy().build().unwrap();
    api.create_payments(again.call().sid(), &CreatePaymentsParams::new(URL)).unwrap();
}

#[test]
fn dropping_it_ends_everything() {
    let sandbox = Sandbox::start().unwrap();
    let (call, api) =
        (sandbox.call(), sandbox.client_builder().retry_policy(RetryPolicy::none()).build().unwrap());
    sandbox.faults().once(Fault::Delay(Duration::from_secs(60)));
    let blocked = {
        let (api, sid) = (api.clone(), call.sid().to_owned());
        thread::spawn(move || api.create_payments(&sid, &CreatePaymentsParams::new(URL)))
    };
    while sandbox.sessions().is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    let begun = Instant::now();
    drop(sandbox);
    assert_eq!(blocked.join().unwrap().unwrap_err().outcome(), Outcome::Unknown);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let error = api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (Kind::Connect, Outcome::NotSent));
    assert!(call.is_live());
}

#[test]
fn debug_shows_no_secret() {
    let sandbox = Sandbox::start().unwrap();
    let call = sandbox.call().obliging();
    let url = "https://user:hush-1@example.com/?t=hush-2";
    let start =
        CreatePaymentsParams::new(url).description("hush-3").parameter(serde_json::json!({"a": "hush-4"}));
    sandbox.client().create_payments(call.sid(), &start).unwrap();
    let builder = Sandbox::builder().auth_token("hush-5");
    let shown = format!("{sandbox:#?} {call:?} {:?} {:?} {builder:?}", sandbox.sessions(), sandbox.faults());
    for secret in [sandbox.auth_token(), sandbox.api_key_secret(), sandbox.access_token(), "hush"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(call.sid()) && shown.contains("\"Description\""), "{shown}");
}

#[test]
fn old_sessions_are_forgotten() {
    let sandbox = Sandbox::builder().kept_sessions(3).start().unwrap();
    let api = sandbox.client();
    let open = api.create_payments(sandbox.call().sid(), &CreatePaymentsParams::new(URL)).unwrap();
    let calls: Vec<_> = (0..5).map(|_| sandbox.call().obliging()).collect();
    let sids: Vec<_> = calls.iter().map(|call| take_payment(&api, call.sid(), call.sid()).unwrap()).collect();
    // The open one and the three that ended last.
    let kept: Vec<_> = sandbox.sessions().into_iter().map(|session| session.sid).collect();
    assert_eq!(kept.iter().collect::<Vec<_>>(), [&open.sid, &sids[2], &sids[3], &sids[4]]);
    assert_eq!(sandbox.transactions().len(), 5, "what was charged stays");
    assert!(sandbox.session(&sids[1]).is_none() && sandbox.callbacks(&sids[1]).is_empty());
    assert!(!sandbox.callbacks(&sids[2]).is_empty());
    // Requests of those are still replayed; the others are no longer known.
    let complete = |index: usize| {
        let params =
            UpdatePaymentsParams::new_complete(URL).idempotency_key(format!("{}-5", calls[index].sid()));
        api.update_payments(calls[index].sid(), &sids[index], &params)
    };
    assert_eq!(complete(2).unwrap().sid, sids[2]);
    assert_eq!(complete(1).unwrap_err().status(), Some(404));
    let error = Sandbox::builder().kept_sessions(0).start().unwrap_err();
    assert!(
        error.kind() == ErrorKind::InvalidInput && error.to_string().contains("kept_sessions"),
        "{error}"
    );
}

#[test]
fn new_callbacks_are_waited_for() {
    let sandbox = Sandbox::start().unwrap();
    let mut seen = 0;
    assert!(sandbox.next_callbacks(&mut seen, Duration::ZERO).is_empty());
    let api = sandbox.client();
    let call = sandbox.call();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| sandbox.next_callbacks(&mut seen, Duration::from_secs(20)));
        api.create_payments(call.sid(), &CreatePaymentsParams::new(URL)).unwrap();
        assert_eq!(waiting.join().unwrap().len(), 1);
    });
    call.hang_up();
    let last = sandbox.next_callbacks(&mut seen, Duration::from_secs(20));
    assert_eq!((last.len(), last[0].get("Result")), (1, Some("caller-hung-up")));
    assert_eq!((sandbox.next_callbacks(&mut seen, Duration::ZERO).len(), seen), (0, 2));
}
