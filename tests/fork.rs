//! A process and its forked child share no connection. This is a binary of its own because it forks the whole process.

#![cfg(all(unix, any(feature = "rustls", feature = "native-tls")))]

#[path = "it/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fork::{Fork, fork, waitpid};
use rustls::version::{TLS12, TLS13};
use support::tls::{Authority, Validity, send, serve_tls};
use support::*;
use twilio_payments::*;

/// The keys of the requests on each connection.
type Seen = Arc<Mutex<BTreeMap<usize, Vec<String>>>>;

fn create(api: &PaymentsApi, key: &str) -> Result<PaymentsResponse, Error> {
    let params = CreatePaymentsParams::new(CALLBACK).idempotency_key(key);
    api.create_payments_with_metadata(CALL, &params)
}

fn note(seen: &Seen, connection: usize, request: &[u8]) {
    let text = String::from_utf8_lossy(request).into_owned();
    let key = text.split("IdempotencyKey=").nth(1).and_then(|rest| rest.split('&').next()).unwrap();
    seen.lock().unwrap().entry(connection).or_default().push(key.to_owned());
}

/// Calls, forks, calls in the child and then in the parent again, and returns what the server has seen.
#[track_caller]
fn calls_in_both(api: &PaymentsApi, seen: &Seen) -> Vec<Vec<String>> {
    create(api, "parent-1").unwrap();
    match fork().unwrap() {
        Fork::Child => {
            // After a panic, the child must not continue with the parent's tests.
            let good = ["child-1", "child-2"].map(|key| create(api, key)).iter().all(Result::is_ok);
            // This closes only the child's connections.
            api.shutdown();
            exit(i32::from(!good));
        }
        Fork::Parent(child) => {
            assert_eq!(waitpid(child).unwrap(), 0, "the child's calls failed");
            let response = create(api, "parent-2").unwrap();
            assert_eq!(response.metadata.attempts, 1, "the parent's connection still stands");
        }
    }
    std::mem::take(&mut *seen.lock().unwrap()).into_values().collect()
}

#[test]
fn a_child_process_opens_its_own_connections() {
    let expected = [["parent-1", "parent-2"], ["child-1", "child-2"]];

    let seen = Seen::default();
    let to_note = Arc::clone(&seen);
    let address = serve(move |mut stream, connection| {
        while let Some(request) = read_request(&mut stream) {
            note(&to_note, connection, &request);
            stream.write_all(created().as_bytes()).unwrap();
        }
    });
    assert_eq!(calls_in_both(&client(address), &seen), expected, "plain");

    let authority = Authority::new();
    for version in [&TLS13, &TLS12] {
        let seen = Seen::default();
        let to_note = Arc::clone(&seen);
        let identity = authority.issue(&["localhost", "127.0.0.1"], Validity::Now);
        let address = serve_tls(identity.config(&[version]), move |mut session, connection| {
            while let Some(request) = tls::read_request(&mut session) {
                note(&to_note, connection, &request);
                send(&mut session, &created());
            }
        });
        let api = builder(address)
            .base_url(format!("https://localhost:{}", address.port()))
            .root_certificate(authority.pem.clone())
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        assert_eq!(calls_in_both(&api, &seen), expected, "{version:?}");
    }
}
