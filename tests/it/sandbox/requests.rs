//! Which requests are accepted, and the responses to them.

use super::*;

#[test]
fn the_responses_on_the_wire() {
    let sandbox = Sandbox::start().unwrap();
    let call = sandbox.call().obliging();
    let create = path(sandbox.account_sid(), &call);
    let created = post(&sandbox, &create, &form("k1", "&ChargeAmount=12.5"));
    assert_eq!(created.status, 201);
    assert_eq!(created.headers["Content-Type"], "application/json");
    let id = &created.headers["Twilio-Request-Id"];
    assert!(id.len() == 34 && id.starts_with("RQ") && id[2..].bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    let json = created.json();
    let sid = json["sid"].as_str().unwrap();
    assert!(
        sid.len() == 34 && sid.starts_with("PK") && sid[2..].bytes().all(|b| b.is_ascii_hexdigit()),
        "{sid}"
    );
    assert_eq!(json["account_sid"], sandbox.account_sid());
    assert_eq!(json["call_sid"], call.sid());
    assert_eq!(json["uri"], of_session(&create, sid));
    assert_eq!(json["date_created"], json["date_updated"]);
    assert_eq!(json.as_object().unwrap().len(), 6);
    let date = json["date_created"].as_str().unwrap();
    // Wed, 18 Dec 2019 20:02:01 +0000
    let shape: String = date
        .chars()
        .map(|c| {
            if c.is_ascii_digit() {
                '0'
            } else if c.is_alphabetic() {
                'a'
            } else {
                c
            }
        })
        .collect();
    assert_eq!(shape, "aaa, 00 aaa 0000 00:00:00 +0000", "{date}");

    let updated = post(&sandbox, &of_session(&create, sid), &form("k2", "&Capture=payment-card-number"));
    assert_eq!(updated.status, 202);
    assert_ne!(&updated.headers["Twilio-Request-Id"], id);
    assert_eq!(updated.json()["date_created"], json["date_created"]);
    assert_eq!(updated.json()["sid"], sid);

    let session = sandbox.session(sid).unwrap();
    assert_eq!(session.parameter("ChargeAmount"), Some("12.5"));
    assert_eq!(session.parameter("StatusCallback"), Some("https://example.com/s"));
    assert_eq!(session.captures, [Capture::PaymentCardNumber]);
    assert_eq!(session.idempotency_keys, ["k1", "k2"]);
    assert!(session.is_open());
    assert_eq!(sandbox.request_count(), 2);
}

#[test]
fn credentials_are_checked() {
    let sandbox = Sandbox::builder().auth_token("to:ken").start().unwrap();
    let (sid, token) = (sandbox.account_sid(), sandbox.auth_token());
    let good = basic(sid, token);
    for authorization in [
        good.clone(),
        good.replace("Basic", "bAsIc"),
        basic(sandbox.api_key_sid(), sandbox.api_key_secret()),
        format!("Bearer {}", sandbox.access_token()),
    ] {
        let create = path(sid, &sandbox.call());
        let key = form(&sandbox.request_count().to_string(), "");
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", FORM)];
        assert_eq!(send(&sandbox, "POST", &create, &headers, &key).status, 201, "{authorization}");
    }
    let create = path(sid, &sandbox.call());
    for authorization in [
        "",
        "Basic",
        "Basic ",
        "Basic ???",
        "Bearer ",
        "Bearer wrong",
        &format!("Basic {WRONG}"),
        &basic(sid, ""),
        &basic(sid, "token"),
        &basic(sid, sandbox.api_key_secret()),
        &basic(sandbox.subaccount_sid(), token),
        &basic(sandbox.api_key_sid(), token),
        &basic("", sandbox.access_token()),
        &good.replace("Basic", "Digest"),
        &format!("Bearer {token}"),
    ] {
        let headers = [("Authorization", authorization), ("Content-Type", FORM)];
        let response = send(&sandbox, "POST", &create, &headers, &form("k", ""));
        assert_eq!(response.refusal(), (401, 20003, "Authenticate".to_owned()), "{authorization}");
        assert!(response.headers["WWW-Authenticate"].starts_with("Basic "));
        assert!(response.headers.contains_key("Twilio-Request-Id"));
    }
    let twice = [("Authorization", good.as_str()), ("Authorization", &good), ("Content-Type", FORM)];
    assert_eq!(send(&sandbox, "POST", &create, &twice, &form("k", "")).status, 401);
    assert_eq!(send(&sandbox, "POST", &create, &[("Content-Type", FORM)], &form("k", "")).status, 401);
    assert_eq!(sandbox.sessions().len(), 4);
}

#[test]
fn accounts_calls_and_sessions_must_exist() {
    let sandbox = Sandbox::start().unwrap();
    let call = sandbox.call().obliging();
    let create = path(sandbox.account_sid(), &call);
    let sid = post(&sandbox, &create, &form("k", "")).json()["sid"].as_str().unwrap().to_owned();
    let update = of_session(&create, &sid);
    let other_call = sandbox.call();
    for (body, target) in [
        ("", "/".to_owned()),
        ("", create.replace(".json", "")),
        ("", create.replace(".json", ".xml")),
        ("", create.replace(".json", "/.json")),
        ("", create.replace("2010", "2011")),
        ("", create.to_lowercase()),
        ("", format!("{create}/")),
        ("", format!("{create}/?x=y")),
        ("", format!("{create}#x")),
        ("", create.replace("/Payments.json", ".json")),
        ("", create.replace("/Calls", "//Calls")),
        ("", create.replace(sandbox.account_sid(), &format!("AC{:032}", 7))),
        ("", create.replace(sandbox.account_sid(), sandbox.subaccount_sid())),
        ("", create.replace(call.sid(), &format!("CA{:032}", 7))),
        ("", create.replace(call.sid(), "..")),
        ("", create.replace(call.sid(), "CA%30")),
        ("&Status=cancel", update.replace(&sid, &format!("PK{:032}", 7))),
        ("&Status=cancel", update.replace(call.sid(), other_call.sid())),
        ("&Status=cancel", update.replace("PK", "pk")),
        ("&Status=cancel", update.replace(".json", "/x.json")),
    ] {
        let response = post(&sandbox, &target, &form("new", body));
        let (status, code, message) = response.refusal();
        assert_eq!((status, code), (404, 20404), "{target}");
        let named = target.split('#').next().unwrap();
        assert!(message.contains(&named.chars().take(100).collect::<String>()), "{message}");
    }
    assert!(sandbox.session(&sid).unwrap().is_open());
}

#[test]
fn methods_and_content_types() {
    let sandbox = Sandbox::start().unwrap();
    let create = path(sandbox.account_sid(), &sandbox.call());
    let authorization = basic(sandbox.account_sid(), sandbox.auth_token());
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "post"] {
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", FORM)];
        let response = send(&sandbox, method, &create, &headers, &form("k", ""));
        assert_eq!(response.refusal(), (405, 20004, "Method not allowed".to_owned()), "{method}");
        assert_eq!(response.headers["Allow"], "POST");
    }
    for content_type in [None, Some("application/json"), Some("multipart/form-data; boundary=x"), Some("")] {
        let mut headers = vec![("Authorization", authorization.as_str())];
        headers.extend(content_type.map(|value| ("Content-Type", value)));
        let (status, code, _) = send(&sandbox, "POST", &create, &headers, &form("k", "")).refusal();
        assert_eq!((status, code), (415, 20415), "{content_type:?}");
    }
    let with_charset = format!("{}; charset=UTF-8", FORM.to_uppercase());
    let headers = [("authorization", authorization.as_str()), ("content-type", &with_charset)];
    assert_eq!(send(&sandbox, "POST", &create, &headers, &form("k", "")).status, 201);
    assert_eq!(sandbox.sessions().len(), 1);
}

#[test]
fn parameters_are_checked() {
    let sandbox = Sandbox::start().unwrap();
    let create = path(sandbox.account_sid(), &sandbox.call());
    for (body, code, message) in [
        ("", 64020, "Invalid parameter IdempotencyKey: required"),
        ("IdempotencyKey=k", 64020, "Invalid parameter StatusCallback: required"),
        ("IdempotencyKey=k&StatusCallback=ftp%3A%2F%2Fx", 64020, "Invalid parameter StatusCallback: "),
        (&form("k", "&ChargeAmount=1e%2B06"), 64003, "Invalid parameter ChargeAmount: not a decimal"),
        (&form("k", "&ChargeAmount=1000000"), 64003, "Invalid parameter ChargeAmount: not a decimal"),
        (&form("k", "&Timeout=601"), 64020, "Invalid parameter Timeout: not an integer from 1 to 600"),
        (
            &form("k", "&Parameter=%7B%27name%27%3A%27foobar%27%7D"),
            64020,
            "Invalid parameter Parameter: not a JSON object",
        ),
        (&form("k", "&Timeout=5&Timeout=5"), 64020, "Invalid parameter Timeout: sent more than once"),
    ] {
        let (status, refused, text) = post(&sandbox, &create, body).refusal();
        assert_eq!((status, refused), (400, code), "{body}");
        assert!(text.starts_with(message), "{text}");
    }
    assert_eq!((sandbox.sessions().len(), sandbox.ignored_parameters().len()), (0, 0));
    // A refused request does not use its key up, and unknown parameters are ignored.
    let created = post(&sandbox, &create, &form("k", "&Timeout=600&Capture=x&%3Cscript%3E%22=1"));
    assert_eq!(created.status, 201);
    let update = of_session(&create, created.json()["sid"].as_str().unwrap());
    for (body, code, message) in [
        (form("k2", ""), 64018, "One of Capture and Status is required"),
        (form("k2", "&Status=done"), 64020, "Invalid parameter Status: not one of its values"),
        (form("k2", "&Capture=pin"), 64020, "Invalid parameter Capture: not one of its values"),
    ] {
        assert_eq!(post(&sandbox, &update, &body).refusal(), (400, code, message.to_owned()));
    }
    assert_eq!(post(&sandbox, &update, &form("k2", "&Capture=postal-code&Timeout=5&Capture2=")).status, 202);
    assert_eq!(sandbox.ignored_parameters(), ["Capture", "<script>\"", "Timeout", "Capture2"]);
}
