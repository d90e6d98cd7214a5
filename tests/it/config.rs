//! The builder: the settings that it refuses, and the effect of the others.

use std::io::{Read, Write};
use std::time::Duration;

use crate::support::*;
use twilio_payments::*;

fn credentials() -> Credentials {
    Credentials::auth_token(ACCOUNT, TOKEN).unwrap()
}

#[track_caller]
fn refused(builder: PaymentsApiBuilder, message: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::InvalidInput, Outcome::NotSent));
}

#[test]
fn unusable_settings_are_refused_by_name() {
    let new = || PaymentsApi::builder(credentials());
    let label = "not lower-case letters, digits and hyphens";
    refused(new().region("ie1.evil.example"), &format!("invalid region: {label}"));
    refused(new().edge("du blin"), &format!("invalid edge: {label}"));
    refused(new().region("jp1"), "invalid region: jp1 needs an edge: set edge");
    refused(new().region("us1").edge("roaming"), "invalid edge: the edge roaming does not exist");
    refused(
        new().base_url("http://example.com"),
        "invalid base_url: plain http would expose the credentials, except to a loopback host",
    );
    refused(new().timeout(Duration::ZERO), "invalid timeout: zero");
    refused(new().connect_timeout(Duration::ZERO), "invalid connect_timeout: zero");
    for suffix in ["a\r\nX-Evil: 1", "ä", "\0", &"x".repeat(201)] {
        refused(
            new().user_agent_suffix(suffix),
            "invalid user_agent_suffix: not at most 200 visible ASCII characters and spaces",
        );
    }
    refused(new().root_certificate("no PEM"), "invalid root_certificate: not a PEM certificate");
    refused(
        new().retry_policy(RetryPolicy::new().attempt_timeout(Some(Duration::ZERO))),
        "invalid attempt_timeout: zero",
    );
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    // The system's library does not say which of the two is wrong.
    let reason = if cfg!(feature = "rustls") { "not usable" } else { "not a PEM certificate" };
    refused(new().root_certificate(broken), &format!("invalid root_certificate: {reason}"));
    refused(new().proxy("http://user:hush@"), "invalid proxy: not the URL of a proxy");
    let socks =
        "a SOCKS proxy, which is not supported; if the environment sets it, call `no_proxy()` to ignore it";
    refused(new().proxy("socks5://127.0.0.1:1080"), &format!("invalid proxy: {socks}"));
    assert!(PaymentsApi::new("AC1", TOKEN).is_err());
}

#[test]
fn nothing_shows_a_secret() {
    let builder = PaymentsApi::builder(credentials()).proxy("http://user:hush@127.0.0.1:9");
    let shown = format!("{builder:?} {:?}", builder.clone().no_proxy().build().unwrap());
    assert!(!shown.contains(TOKEN) && !shown.contains("hush"), "{shown}");
}

#[test]
fn defaults_are_as_documented() {
    let shown = format!("{:?}", PaymentsApi::builder(credentials()));
    for part in [
        "region: None",
        "edge: None",
        "base_url: None",
        "timeout: 30s",
        "connect_timeout: 5s",
        "max_retries: 2",
        "base_delay: 500ms",
        "max_delay: 5s",
        "attempt_timeout: None",
        if cfg!(feature = "rustls") { "tls: Some(Rustls)" } else { "tls: Some(NativeTls)" },
        "idle_connections: 64",
        "user_agent_suffix: \"\"",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

/// Runs this test alone in another process, with an environment of its own.
fn in_environment(test: &str, variables: &[(&str, &str)]) -> bool {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    // The environment of the tests may name a proxy or an account.
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_uppercase();
        if upper.ends_with("_PROXY") || upper.starts_with("TWILIO_") {
            child.env_remove(name);
        }
    }
    child.args(["--exact", test]).env("IN_ENVIRONMENT", "yes").envs(variables.iter().copied());
    child.output().unwrap().status.success()
}

#[test]
fn region_and_edge_of_the_environment_are_never_ignored() {
    const TEST: &str = "config::region_and_edge_of_the_environment_are_never_ignored";
    if std::env::var_os("IN_ENVIRONMENT").is_some() {
        let expected = std::env::var("EXPECTED").ok();
        let is = |result: Result<PaymentsApiBuilder, Error>| match &expected {
            Some(expected) if expected.starts_with("invalid") => {
                assert_eq!(result.unwrap_err().to_string(), *expected);
            }
            expected => {
                let shown = format!("{:?}", result.unwrap());
                assert!(shown.contains(expected.as_deref().unwrap_or("region: None, edge: None")), "{shown}");
            }
        };
        is(PaymentsApiBuilder::from_env());
        is(Credentials::from_env().map(PaymentsApi::builder));
        // The setter wins over the environment.
        if let Ok(builder) = PaymentsApiBuilder::from_env() {
            let shown = format!("{:?}", builder.region("au1"));
            assert!(shown.contains("region: Some(\"au1\")"), "{shown}");
        }
        assert_eq!(PaymentsApi::from_env().is_ok(), PaymentsApiBuilder::from_env().is_ok());
        return;
    }
    let account = [("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN", TOKEN)];
    for (variables, expected) in [
        (&[][..], None),
        (&[("TWILIO_REGION", ""), ("TWILIO_EDGE", "")], None),
        (&[("TWILIO_REGION", "ie1")], Some(r#"region: Some("ie1"), edge: None"#)),
        (&[("TWILIO_EDGE", "ashburn")], Some(r#"region: None, edge: Some("ashburn")"#)),
        (
            &[("TWILIO_REGION", "jp1"), ("TWILIO_EDGE", "tokyo")],
            Some(r#"region: Some("jp1"), edge: Some("tokyo")"#),
        ),
        (&[("TWILIO_REGION", "jp1")], Some("invalid TWILIO_REGION: jp1 needs an edge: set TWILIO_EDGE")),
        (&[("TWILIO_EDGE", "roaming")], Some("invalid TWILIO_EDGE: the edge roaming does not exist")),
    ] {
        let expected = expected.map(|expected| ("EXPECTED", expected));
        let all: Vec<_> = account.iter().chain(variables).copied().chain(expected).collect();
        assert!(in_environment(TEST, &all), "{variables:?}");
    }
    let wrong = [account[0], account[1], ("EXPECTED", "region: Some(\"us1\")")];
    assert!(!in_environment(TEST, &wrong), "the child must see it");
}

#[test]
fn a_region_has_its_edge() {
    for (region, edge, target) in [
        (None, None, "api.twilio.com"),
        (Some("us1"), None, "api.us1.twilio.com"),
        (Some("ie1"), None, "api.dublin.ie1.twilio.com"),
        (Some("au1"), None, "api.sydney.au1.twilio.com"),
        (None, Some("ashburn"), "api.ashburn.us1.twilio.com"),
        (Some("ie1"), Some("frankfurt"), "api.frankfurt.ie1.twilio.com"),
    ] {
        let (proxy, heads) = refusing_proxy();
        let mut builder = PaymentsApi::builder(credentials()).proxy(format!("http://{proxy}"));
        builder = region.into_iter().fold(builder, PaymentsApiBuilder::region);
        builder = edge.into_iter().fold(builder, PaymentsApiBuilder::edge);
        builder.build().unwrap().create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
        let head = heads.recv().unwrap();
        assert!(head.starts_with(&format!("CONNECT {target}:443 HTTP/1.1\r\n")), "{head}");
    }
}

#[test]
fn the_environment_names_a_proxy() {
    const TEST: &str = "config::the_environment_names_a_proxy";
    let names = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    if std::env::var_os("IN_ENVIRONMENT").is_some() {
        let refused = PaymentsApi::builder(credentials()).build().err().map(|error| error.to_string());
        let expected = std::env::var("EXPECTED").ok();
        assert_eq!(refused, expected);
        assert!(PaymentsApi::builder(credentials()).no_proxy().build().is_ok());
        assert!(builder("127.0.0.1:1".parse().unwrap()).build().is_ok(), "loopback has no proxy");
        return;
    }
    for name in names {
        let message = "is not the URL of a proxy; call `no_proxy()` to ignore it";
        let expected = format!("invalid proxy: {name} in the environment {message}");
        assert!(in_environment(TEST, &[(name, "http://[bad"), ("EXPECTED", &expected)]), "{name}");
        assert!(in_environment(TEST, &[(name, "http://127.0.0.1:9")]), "{name}");
        assert!(!in_environment(TEST, &[(name, "http://[bad")]), "{name}: the child must see it");
    }
    let socks = "invalid proxy: a SOCKS proxy, which is not supported; if the environment sets it, \
                 call `no_proxy()` to ignore it";
    assert!(in_environment(TEST, &[("ALL_PROXY", "socks5://127.0.0.1:9"), ("EXPECTED", socks)]));
}

#[test]
fn clients_can_be_shared_by_threads() {
    use std::panic::{RefUnwindSafe, UnwindSafe};
    fn check<T: Clone + Send + Sync + UnwindSafe + RefUnwindSafe + 'static>() {}
    fn check_error<T: std::error::Error + Send + Sync + 'static>() {}
    check::<PaymentsApi>();
    check::<PaymentsApiBuilder>();
    check::<Credentials>();
    check::<AccessToken>();
    check::<Attempt<'static>>();
    check::<RetryPolicy>();
    check::<CreatePaymentsParams>();
    check::<UpdatePaymentsParams>();
    check::<Payments>();
    check::<ResponseMetadata>();
    check_error::<Error>();
}

/// A proxy that accepts one CONNECT, notes its head, and then refuses.
fn refusing_proxy() -> (std::net::SocketAddr, std::sync::mpsc::Receiver<String>) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let address = serve(move |mut stream, _| {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|amount| amount > 0) {
            head.push(byte[0]);
        }
        let _ = sender.send(String::from_utf8(head).unwrap());
        let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    });
    (address, receiver)
}

#[test]
fn a_proxy_tunnels_and_sees_no_credential() {
    let (address, heads) = refusing_proxy();
    let api =
        PaymentsApi::builder(credentials()).proxy(format!("http://user:pass@{address}")).build().unwrap();
    let error = api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotSent));
    assert_eq!(error.attempts(), 1, "a proxy's refusal is not retried");
    let head = heads.recv().unwrap();
    assert!(head.starts_with("CONNECT api.twilio.com:443 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"), "{head}");
    assert!(!head.to_lowercase().contains("\r\nauthorization"), "{head}");
    assert!(!format!("{error:?} {error}").contains("pass@"), "{error:?}");
}

#[test]
fn a_loopback_service_is_never_proxied() {
    let (proxy, heads) = refusing_proxy();
    let (address, _requests) = scripted([created()]);
    let api = builder(address).proxy(format!("http://{proxy}")).build().unwrap();
    api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
    let secure = builder(address).base_url(format!("https://localhost:{}", address.port()));
    let api = secure.proxy(format!("http://{proxy}")).timeout(Duration::from_secs(1)).build().unwrap();
    api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap_err();
    assert!(heads.try_recv().is_err());
}

#[test]
fn idle_connections_are_kept_and_bounded() {
    for (kept, expected) in [(64, 1), (0, 5)] {
        let connections = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = std::sync::Arc::clone(&connections);
        let address = serve(move |mut stream, _| {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            while read_request(&mut stream).is_some() {
                stream.write_all(created().as_bytes()).unwrap();
            }
        });
        let api = builder(address).idle_connections(kept).build().unwrap();
        for _ in 0..5 {
            api.create_payments(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
        }
        assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), expected);
    }
}

#[test]
fn thirty_two_threads_get_their_own_responses() {
    let address = serve(|mut stream, _| {
        while let Some(request) = read_request(&mut stream) {
            let text = String::from_utf8(request).unwrap();
            let call = text.split("/Calls/").nth(1).unwrap()[..34].to_owned();
            let sid = call.replace("CA", "PK");
            let body = format!(r#"{{"call_sid":"{call}","sid":"{sid}"}}"#);
            stream.write_all(response("201 Created", "", &body).as_bytes()).unwrap();
        }
    });
    let api = client(address);
    std::thread::scope(|scope| {
        for thread in 0..32u32 {
            let api = &api;
            scope.spawn(move || {
                for number in 0..50u32 {
                    let call = format!("CA{:032x}", thread << 16 | number);
                    let session = api.create_payments(&call, &CreatePaymentsParams::new(CALLBACK)).unwrap();
                    assert_eq!(session.sid, call.replace("CA", "PK"));
                }
            });
        }
    });
}
