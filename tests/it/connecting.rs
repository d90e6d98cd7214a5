//! When a connection is opened, how long it is kept, and what errors say about it.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::faults::{Script, Step, done, hold, nobody};
use crate::support::tls::{Authority, Validity, send, serve_tls, with_each_library};
use crate::support::*;
use rustls::version::{TLS12, TLS13};
use twilio_payments::*;

with_each_library! {
    a_connection_ahead_serves_the_next_call
    a_connection_ahead_must_be_trusted
}

const TIME: Duration = Duration::from_secs(10);

fn create(api: &PaymentsApi) -> Result<PaymentsResponse, Error> {
    api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK))
}

fn a_connection_ahead_serves_the_next_call(tls: Tls) {
    let authority = Authority::new();
    for version in [&TLS13, &TLS12] {
        let (sender, connections) = mpsc::channel();
        let identity = authority.issue(&["localhost"], Validity::Now);
        let address = serve_tls(identity.config(&[version]), move |mut session, _| {
            // After the handshake the server sends first: the tickets of TLS 1.3.
            while session.conn.is_handshaking() {
                session.conn.complete_io(&mut session.sock).unwrap();
            }
            sender.send(()).unwrap();
            while tls::read_request(&mut session).is_some() {
                send(&mut session, &created());
            }
        });
        let api = builder(address)
            .base_url(format!("https://localhost:{}", address.port()))
            .root_certificate(authority.pem.clone())
            .tls(tls)
            .retry_policy(RetryPolicy::none())
            .build()
            .unwrap();
        api.connect(TIME).unwrap();
        done(&connections);
        for _ in 0..3 {
            assert_eq!(create(&api).unwrap().metadata.attempts, 1);
            api.connect(TIME).unwrap();
        }
        assert!(connections.try_recv().is_err(), "{version:?}: one connection");
    }
}

fn a_connection_ahead_must_be_trusted(tls: Tls) {
    let identity = Authority::new().issue(&["localhost"], Validity::Now);
    let address = serve_tls(identity.config(&[&TLS13]), |mut session, _| {
        tls::read_request(&mut session);
    });
    let url = format!("https://localhost:{}", address.port());
    let api = builder(address).base_url(url).tls(tls).build().unwrap();
    let error = api.connect(TIME).unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Tls, Outcome::NotSent));
    let start = format!("no secure connection to localhost:{}", address.port());
    assert!(error.to_string().starts_with(&start), "{error}");
}

#[test]
fn connecting_ahead_over_plain_http() {
    let script = Script::new([Step::created()]);
    let api = client(script.address);
    for _ in 0..3 {
        api.connect(TIME).unwrap();
    }
    assert_eq!(create(&api).unwrap().metadata.attempts, 1);
    assert_eq!((script.connections(), script.equal_requests()), (1, 1));
    // No connection is kept, so none can be opened ahead.
    let script = Script::new([Step::created()]);
    let api = builder(script.address).idle_connections(0).build().unwrap();
    api.connect(TIME).unwrap();
    create(&api).unwrap();
    assert_eq!(script.equal_requests(), 1);
}

#[test]
fn a_connection_ahead_that_dies_is_replaced() {
    // It is closed while it is idle, or when the request arrives.
    for attempts in [1, 2] {
        let (sender, closed) = mpsc::channel();
        let address = serve(move |mut stream, index| {
            if index == 0 {
                if attempts == 2 {
                    read_request(&mut stream);
                }
                drop(stream);
                let _ = sender.send(());
                return;
            }
            while read_request(&mut stream).is_some() {
                stream.write_all(created().as_bytes()).unwrap();
            }
        });
        let api = builder(address).retry_policy(RetryPolicy::none()).build().unwrap();
        api.connect(TIME).unwrap();
        if attempts == 1 {
            done(&closed);
        }
        assert_eq!(create(&api).unwrap().metadata.attempts, attempts);
    }
}

#[test]
fn connecting_ahead_fails_like_a_call_that_was_not_sent() {
    #[track_caller]
    fn fails(api: &PaymentsApi, time: Duration, kind: ErrorKind, timeout: bool, start: &str) {
        let error = api.connect(time).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotSent), "{error:?}");
        assert_eq!((error.is_timeout(), error.idempotency_key()), (timeout, None), "{error:?}");
        assert!(error.to_string().starts_with(start), "{error}");
    }
    let address = nobody();
    let api = client(address);
    fails(&api, TIME, ErrorKind::Connect, false, &format!("no connection to {address}"));
    fails(&api, Duration::ZERO, ErrorKind::InvalidInput, false, "invalid timeout: zero");

    let silent = serve(|mut stream, _| hold(&mut stream));
    let api = builder(silent).base_url(format!("https://{silent}")).build().unwrap();
    let started = Instant::now();
    let start = format!("no connection to {silent}");
    fails(&api, Duration::from_millis(200), ErrorKind::Connect, true, &start);
    assert!(started.elapsed() >= Duration::from_millis(195) && started.elapsed() < TIME);
    let blocked = {
        let api = api.clone();
        thread::spawn(move || api.connect(6 * TIME))
    };
    thread::sleep(Duration::from_millis(100));
    api.shutdown();
    assert_eq!(blocked.join().unwrap().unwrap_err().kind(), ErrorKind::Shutdown);
    fails(&api, TIME, ErrorKind::Shutdown, false, "the client is shut down");
}

#[test]
fn an_idle_connection_lives_as_long_as_configured() {
    let error = builder(nobody()).idle_lifetime(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.to_string(), "invalid idle_lifetime: zero");
    assert!(format!("{:?}", builder(nobody())).contains("idle_lifetime: 300s"));
    for (lifetime, connections) in [(Duration::from_millis(30), 3), (Duration::MAX, 1)] {
        let script = Script::new([Step::created()]);
        let api = builder(script.address).idle_lifetime(lifetime).build().unwrap();
        for _ in 0..3 {
            create(&api).unwrap();
            thread::sleep(Duration::from_millis(40));
        }
        assert_eq!(script.connections(), connections, "{lifetime:?}");
    }
}

/// Passes bytes on between clients and a server. When it is asked to, it stops forwarding for the clients that are
/// connected then.
fn relay(server: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let silent_below = Arc::new(AtomicUsize::new(0));
    let limit = Arc::clone(&silent_below);
    let address = serve(move |mut client, index| {
        let mut server = TcpStream::connect(server).unwrap();
        while let Some(request) = read_request(&mut client) {
            if index < limit.load(Ordering::SeqCst) {
                return hold(&mut client);
            }
            server.write_all(&request).unwrap();
            let mut response = vec![0; 4096];
            let amount = std::io::Read::read(&mut server, &mut response).unwrap();
            client.write_all(&response[..amount]).unwrap();
        }
    });
    (address, silent_below)
}

#[test]
fn a_connection_that_has_gone_silent_is_left() {
    let script = Script::new([Step::created()]);
    let (address, silent_below) = relay(script.address);
    let policy = RetryPolicy::new().base_delay(Duration::ZERO);
    let policy = policy.attempt_timeout(Some(Duration::from_secs(3)));
    let api = builder(address).retry_policy(policy).build().unwrap();
    assert_eq!(create(&api).unwrap().metadata.attempts, 1);
    silent_below.store(1, Ordering::SeqCst);
    assert_eq!(create(&api).unwrap().metadata.attempts, 2, "the second goes over a new connection");
    assert_eq!(create(&api).unwrap().metadata.attempts, 1);
    assert_eq!(script.connections(), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn a_request_that_nobody_acknowledges_is_sent_again_soon() {
    // The server stops reading, so that most of the request waits in this system. To the client, a router that has
    // forgotten the connection looks the same.
    let address = serve(move |mut stream, index| {
        if index == 0 {
            read_request(&mut stream).unwrap();
            stream.write_all(created().as_bytes()).unwrap();
            thread::sleep(6 * TIME);
        } else {
            stream.write_all(created().as_bytes()).unwrap();
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    let policy = RetryPolicy::none().attempt_timeout(Some(6 * TIME));
    let api = builder(address).retry_policy(policy).timeout(6 * TIME).build().unwrap();
    create(&api).unwrap();
    let huge = CreatePaymentsParams::new(CALLBACK).description("x".repeat(8 << 20));
    let response = api.create_payments_with_metadata(CALL, &huge).unwrap();
    assert_eq!(response.metadata.attempts, 2, "a stale connection is replaced, without a policy too");
    let elapsed = response.metadata.elapsed;
    println!("sent again and answered after {elapsed:?}");
    assert!(elapsed < 2 * TIME, "{elapsed:?}");
}
