//! TLS with test servers: which ones the client trusts, and what the others receive.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::faults::hold;
use crate::support::tls::{
    Authority, Identity, TlsStream, Validity, read_request, send, serve_tls, with_each_library,
};
use crate::support::{ACCOUNT, CALL, CALLBACK, SESSION, TOKEN, created, serve};
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use twilio_payments::*;

with_each_library! {
    a_further_root_is_trusted
    an_untrusted_server_sees_nothing
    the_usual_roots_do_not_include_ours
    a_port_without_tls_sees_nothing
    deadline_and_shutdown_hold_in_a_handshake
}

const LOOPBACK: [&str; 2] = ["localhost", "127.0.0.1"];

/// A builder that reaches a server by its name and trusts an authority.
fn builder(tls: Tls, address: SocketAddr, authority: &Authority) -> PaymentsApiBuilder {
    crate::support::builder(address)
        .tls(tls)
        .base_url(format!("https://localhost:{}", address.port()))
        .root_certificate(authority.pem.clone())
        .retry_policy(RetryPolicy::new().base_delay(Duration::from_millis(1)))
}

fn create(api: &PaymentsApi) -> Result<PaymentsResponse, Error> {
    api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK))
}

fn good(authority: &Authority) -> Arc<ServerConfig> {
    authority.issue(&LOOPBACK, Validity::Now).config(&[&TLS13, &TLS12])
}

/// Responds to every request.
fn respond(mut stream: TlsStream) {
    while read_request(&mut stream).is_some() {
        if !send(&mut stream, &created()) {
            break;
        }
    }
}

fn a_further_root_is_trusted(tls: Tls) {
    let authority = Authority::new();
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let config = authority.issue(&LOOPBACK, Validity::Now).config(versions);
        let (sender, streams) = mpsc::channel();
        let address = serve_tls(config, move |stream, _| {
            let _ = sender.send(());
            respond(stream);
        });
        let other = Authority::new().pem;
        for (base_url, roots) in [
            (format!("https://localhost:{}", address.port()), vec![authority.pem.clone()]),
            (format!("https://{address}"), vec![authority.pem.clone()]),
            (format!("https://{address}"), vec![other.clone(), authority.pem.clone()]),
            (format!("https://{address}"), vec![format!("{other}{}", authority.pem)]),
        ] {
            let mut builder = crate::support::builder(address).tls(tls).base_url(&base_url);
            for root in roots {
                builder = builder.root_certificate(root);
            }
            let api = builder.build().unwrap();
            for _ in 0..5 {
                let response = create(&api).unwrap_or_else(|error| panic!("{base_url}: {error:?}"));
                assert_eq!((response.payments.sid.as_str(), response.metadata.attempts), (SESSION, 1));
            }
            assert_eq!(streams.try_iter().count(), 1, "the connection is kept");
        }
    }
}

/// A server that reports how much it received after each handshake.
fn reading(config: Arc<ServerConfig>) -> (SocketAddr, Receiver<usize>) {
    let (sender, amounts) = mpsc::channel();
    let address = serve_tls(config, move |mut stream, _| {
        let amount = stream.read(&mut [0; 4096]).unwrap_or(0);
        let _ = sender.send(amount);
    });
    (address, amounts)
}

fn an_untrusted_server_sees_nothing(tls: Tls) {
    let (authority, other) = (Authority::new(), Authority::new());
    let cases = [
        ("unknown to the client", other.issue(&LOOPBACK, Validity::Now), "localhost"),
        ("self-signed", Identity::self_signed(&LOOPBACK), "localhost"),
        ("expired", authority.issue(&LOOPBACK, Validity::Past), "localhost"),
        ("not valid yet", authority.issue(&LOOPBACK, Validity::Future), "localhost"),
        ("for another name", authority.issue(&["api.twilio.com"], Validity::Now), "localhost"),
        ("for a name below", authority.issue(&["a.localhost"], Validity::Now), "localhost"),
        ("for the address only", authority.issue(&["127.0.0.1"], Validity::Now), "localhost"),
        ("for the name only", authority.issue(&["localhost"], Validity::Now), "127.0.0.1"),
        ("for another address", authority.issue(&["127.0.0.2"], Validity::Now), "127.0.0.1"),
    ];
    for (name, identity, host) in cases {
        for versions in [&[&TLS13][..], &[&TLS12]] {
            let (address, amounts) = reading(identity.config(versions));
            let base_url = format!("https://{host}:{}", address.port());
            let api = builder(tls, address, &authority).base_url(base_url).build().unwrap();
            let error = create(&api).unwrap_err();
            assert_eq!(
                (error.kind(), error.outcome()),
                (ErrorKind::Tls, Outcome::NotSent),
                "{name}: {error:?}"
            );
            assert_eq!((error.attempts(), error.is_retryable()), (1, false), "{name}: not retried");
            assert!(!error.is_timeout() && error.status().is_none());
            assert!(error.to_string().starts_with("no secure connection to "), "{name}: {error}");
            assert!(std::error::Error::source(&error).is_some(), "{name}: {error:?}");
            assert!(!format!("{error:?}").contains(TOKEN));
            assert_eq!(
                amounts.recv_timeout(Duration::from_secs(10)),
                Ok(0),
                "{name}: the server read something"
            );
            assert!(amounts.try_recv().is_err(), "{name}: one connection only");
        }
    }
    // The first server's certificate is valid for a client that trusts its authority.
    let (address, amounts) = reading(good(&other));
    let api = builder(tls, address, &other).retry_policy(RetryPolicy::none()).build().unwrap();
    assert_eq!(create(&api).unwrap_err().kind(), ErrorKind::ConnectionLost);
    assert!(amounts.recv_timeout(Duration::from_secs(10)).unwrap() > 100);
}

fn the_usual_roots_do_not_include_ours(tls: Tls) {
    let authority = Authority::new();
    let (address, amounts) = reading(good(&authority));
    let api =
        crate::support::builder(address).tls(tls).base_url(format!("https://{address}")).build().unwrap();
    let error = create(&api).unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Tls, Outcome::NotSent, 1));
    assert_eq!(amounts.recv_timeout(Duration::from_secs(10)), Ok(0));
}

/// A server that sends something to every client, closes when it has read something, and reports what it read.
fn plain(says: &'static [u8]) -> (SocketAddr, Receiver<Vec<u8>>) {
    let (sender, received) = mpsc::channel();
    let address = serve(move |mut stream, _| {
        let mut bytes = vec![0; 4096];
        let amount = stream.read(&mut bytes).unwrap_or(0);
        let _ = stream.write_all(says);
        bytes.truncate(amount);
        // It also reports what arrives after that.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    (address, received)
}

fn a_port_without_tls_sees_nothing(tls: Tls) {
    let authority = Authority::new();
    for (name, says, kind, attempts) in [
        ("plain HTTP", &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], ErrorKind::Tls, 1),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", ErrorKind::Tls, 1),
        ("an alert: handshake failure", b"\x15\x03\x03\0\x02\x02\x28", ErrorKind::Tls, 1),
        ("an alert: protocol version", b"\x15\x03\x01\0\x02\x02\x46", ErrorKind::Tls, 1),
        ("a record of nonsense", b"\x16\x03\x03\0\x04abcd", ErrorKind::Tls, 1),
        // A connection that just ends may be a passing failure.
        ("nothing", b"", ErrorKind::Connect, 3),
        ("half a record", b"\x16\x03\x03\x10", ErrorKind::Connect, 3),
    ] {
        let (address, received) = plain(says);
        let error = create(&builder(tls, address, &authority).build().unwrap()).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotSent), "{name}: {error:?}");
        assert_eq!((error.attempts(), error.is_retryable()), (attempts, attempts > 1), "{name}");
        assert!(!error.is_timeout(), "{name}: {error:?}");
        for _ in 0..attempts {
            let received = received.recv_timeout(Duration::from_secs(10)).unwrap();
            let text = String::from_utf8_lossy(&received).to_lowercase();
            for secret in ["authorization", TOKEN, "qum", &ACCOUNT.to_lowercase()] {
                assert!(!text.contains(secret), "{name}: {text}");
            }
        }
        assert!(received.try_recv().is_err(), "{name}");
    }
}

fn deadline_and_shutdown_hold_in_a_handshake(tls: Tls) {
    let authority = Authority::new();
    let silent = serve(|mut stream, _| hold(&mut stream));
    let deadline = Duration::from_millis(400);
    let api = builder(tls, silent, &authority).timeout(deadline).build().unwrap();
    let started = Instant::now();
    let error = create(&api).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Connect, Outcome::NotSent), "{error:?}");
    assert!(error.is_timeout());

    let api = builder(tls, silent, &authority).build().unwrap();
    let call = {
        let api = api.clone();
        thread::spawn(move || (create(&api), Instant::now()))
    };
    thread::sleep(Duration::from_millis(200));
    let down = Instant::now();
    api.shutdown();
    let (result, ended) = call.join().unwrap();
    assert!(ended.duration_since(down) < Duration::from_secs(15));
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Shutdown, Outcome::NotSent), "{error:?}");
}
