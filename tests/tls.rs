//! TLS with servers of our own: whom the client believes, and what others get to see.

mod support;

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use support::faults::hold;
use support::tls::{
    Authority, Identity, Session, Validity, close, counting_relay, read_request, send, serve_tls,
};
use support::{ACCOUNT, CALL, CALLBACK, SESSION, TOKEN, answer, created, serve};
use twilio_payments::*;

const LOOPBACK: [&str; 2] = ["localhost", "127.0.0.1"];

/// A builder for a server by name, that trusts an authority.
fn builder(address: SocketAddr, authority: &Authority) -> PaymentsApiBuilder {
    support::builder(address)
        .base_url(format!("https://localhost:{}", address.port()))
        .root_certificate(authority.pem.clone())
        .retry_policy(RetryPolicy::new().base_delay(Duration::from_millis(1)))
}

fn create(api: &PaymentsApi) -> Result<WithMetadata, Error> {
    api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK))
}

fn good(authority: &Authority) -> Arc<ServerConfig> {
    authority.issue(&LOOPBACK, Validity::Now).config(&[&TLS13, &TLS12])
}

/// Answers every request.
fn answers(mut session: Session) {
    while read_request(&mut session).is_some() {
        if !send(&mut session, &created()) {
            break;
        }
    }
}

#[test]
fn a_further_root_is_trusted() {
    let authority = Authority::new();
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let config = authority.issue(&LOOPBACK, Validity::Now).config(versions);
        let (sender, sessions) = mpsc::channel();
        let address = serve_tls(config, move |session, _| {
            let _ = sender.send(());
            answers(session);
        });
        let other = Authority::new().pem;
        for (base_url, roots) in [
            (format!("https://localhost:{}", address.port()), vec![authority.pem.clone()]),
            (format!("https://{address}"), vec![authority.pem.clone()]),
            (format!("https://{address}"), vec![other.clone(), authority.pem.clone()]),
            (format!("https://{address}"), vec![format!("{other}{}", authority.pem)]),
        ] {
            let mut builder = support::builder(address).base_url(&base_url);
            for root in roots {
                builder = builder.root_certificate(root);
            }
            let api = builder.build().unwrap();
            for _ in 0..5 {
                let answered = create(&api).unwrap_or_else(|error| panic!("{base_url}: {error:?}"));
                assert_eq!((answered.payments.sid.as_str(), answered.metadata.attempts), (SESSION, 1));
            }
            assert_eq!(sessions.try_iter().count(), 1, "the session is kept");
        }
    }
}

#[test]
fn a_request_is_one_record() {
    let authority = Authority::new();
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let config = authority.issue(&LOOPBACK, Validity::Now).config(versions);
        let (relay, records) = counting_relay(serve_tls(config, |session, _| answers(session)));
        let api = builder(relay, &authority).build().unwrap();
        create(&api).unwrap();
        assert!(records.try_iter().count() > 0, "the handshake may end with some");
        for _ in 0..3 {
            create(&api).unwrap();
            assert_eq!(records.try_iter().count(), 1);
        }
    }
}

/// A server that reports, of each connection, how much it got to read after the handshake.
fn reading(config: Arc<ServerConfig>) -> (SocketAddr, Receiver<usize>) {
    let (sender, amounts) = mpsc::channel();
    let address = serve_tls(config, move |mut session, _| {
        let amount = session.read(&mut [0; 4096]).unwrap_or(0);
        let _ = sender.send(amount);
    });
    (address, amounts)
}

#[test]
fn a_server_that_is_not_to_be_trusted_sees_nothing() {
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
            let api = builder(address, &authority).base_url(base_url).build().unwrap();
            let error = create(&api).unwrap_err();
            assert_eq!(
                (error.kind(), error.outcome()),
                (ErrorKind::Tls, Outcome::NotSent),
                "{name}: {error:?}"
            );
            assert_eq!((error.attempts(), error.is_retryable()), (1, false), "{name}: not tried again");
            assert!(!error.is_timeout() && error.status().is_none());
            assert!(error.to_string().starts_with("no secure connection: "), "{name}: {error}");
            assert!(!format!("{error:?}").contains(TOKEN));
            assert_eq!(
                amounts.recv_timeout(Duration::from_secs(10)),
                Ok(0),
                "{name}: the server read something"
            );
            assert!(amounts.try_recv().is_err(), "{name}: one connection only");
        }
    }
    // The certificate of the first is fine for whoever trusts its authority.
    let (address, amounts) = reading(good(&other));
    let api = builder(address, &other).retry_policy(RetryPolicy::none()).build().unwrap();
    assert_eq!(create(&api).unwrap_err().kind(), ErrorKind::ConnectionLost);
    assert!(amounts.recv_timeout(Duration::from_secs(10)).unwrap() > 100);
}

#[test]
fn the_usual_roots_do_not_include_ours() {
    let authority = Authority::new();
    let (address, amounts) = reading(good(&authority));
    let api = support::builder(address).base_url(format!("https://{address}")).build().unwrap();
    let error = create(&api).unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Tls, Outcome::NotSent, 1));
    assert_eq!(amounts.recv_timeout(Duration::from_secs(10)), Ok(0));
}

/// A server that says something to whoever connects and closes when it has read something; it reports what.
fn plain(says: &'static [u8]) -> (SocketAddr, Receiver<Vec<u8>>) {
    let (sender, heard) = mpsc::channel();
    let address = serve(move |mut stream, _| {
        let mut bytes = vec![0; 4096];
        let amount = stream.read(&mut bytes).unwrap_or(0);
        let _ = stream.write_all(says);
        bytes.truncate(amount);
        // What comes after that is heard as well.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    (address, heard)
}

#[test]
fn a_port_without_tls_sees_nothing() {
    let authority = Authority::new();
    for (name, says, kind, attempts) in [
        ("plain HTTP", &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..], ErrorKind::Tls, 1),
        ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", ErrorKind::Tls, 1),
        ("an alert: handshake failure", b"\x15\x03\x03\0\x02\x02\x28", ErrorKind::Tls, 1),
        ("an alert: protocol version", b"\x15\x03\x01\0\x02\x02\x46", ErrorKind::Tls, 1),
        ("a record of nonsense", b"\x16\x03\x03\0\x04abcd", ErrorKind::Tls, 1),
        // What ends without a word may be a passing fault.
        ("nothing", b"", ErrorKind::Connect, 3),
        ("half a record", b"\x16\x03\x03\x10", ErrorKind::Connect, 3),
    ] {
        let (address, heard) = plain(says);
        let error = create(&builder(address, &authority).build().unwrap()).unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotSent), "{name}: {error:?}");
        assert_eq!((error.attempts(), error.is_retryable()), (attempts, attempts > 1), "{name}");
        assert!(!error.is_timeout(), "{name}: {error:?}");
        for _ in 0..attempts {
            let heard = heard.recv_timeout(Duration::from_secs(10)).unwrap();
            let text = String::from_utf8_lossy(&heard).to_lowercase();
            for secret in ["authorization", TOKEN, "qum", &ACCOUNT.to_lowercase()] {
                assert!(!text.contains(secret), "{name}: {text}");
            }
        }
        assert!(heard.try_recv().is_err(), "{name}");
    }
}

#[test]
fn a_session_that_the_server_closed_is_replaced() {
    let authority = Authority::new();
    for policy in [RetryPolicy::new(), RetryPolicy::none()] {
        for (name, orderly, read_again, attempts) in [
            ("idle, orderly", true, false, 1),
            ("idle, without a word", false, false, 1),
            ("after the next request, orderly", true, true, 2),
            ("after the next request, without a word", false, true, 2),
        ] {
            let address = serve_tls(good(&authority), move |mut session, index| {
                read_request(&mut session);
                send(&mut session, &created());
                if index > 0 {
                    return answers(session);
                }
                if read_again {
                    read_request(&mut session);
                }
                if orderly {
                    close(session);
                }
            });
            let api = builder(address, &authority).retry_policy(policy.clone()).build().unwrap();
            assert_eq!(create(&api).unwrap().metadata.attempts, 1);
            thread::sleep(Duration::from_millis(50));
            let again = create(&api).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(again.metadata.attempts, attempts, "{name}");
        }
    }
}

#[test]
fn a_session_that_is_lost_is_tried_again() {
    let authority = Authority::new();
    let half = created().len() / 2;
    for (name, orderly, says) in [
        ("after the request, orderly", true, 0),
        ("after the request, without a word", false, 0),
        ("within the answer, orderly", true, half),
        ("within the answer, without a word", false, half),
    ] {
        for faults in [1, 99] {
            let address = serve_tls(good(&authority), move |mut session, index| {
                if index >= faults {
                    return answers(session);
                }
                read_request(&mut session);
                send(&mut session, &created()[..says]);
                if orderly {
                    close(session);
                }
            });
            match create(&builder(address, &authority).build().unwrap()) {
                Ok(answered) => assert_eq!((answered.metadata.attempts, faults), (2, 1), "{name}"),
                Err(error) => {
                    let seen = (error.kind(), error.outcome(), error.attempts());
                    assert_eq!(seen, (ErrorKind::ConnectionLost, Outcome::Unknown, 3), "{name}: {error:?}");
                    assert_eq!(faults, 99, "{name}: {error:?}");
                }
            }
        }
    }
}

#[test]
fn a_body_that_a_close_ends() {
    let authority = Authority::new();
    for orderly in [true, false] {
        let address = serve_tls(good(&authority), move |mut session, _| {
            read_request(&mut session);
            send(&mut session, &format!("HTTP/1.1 201 Created\r\n\r\n{}", support::payments_json()));
            if orderly {
                close(session);
            }
        });
        let api = builder(address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
        assert_eq!(create(&api).unwrap().payments.sid, SESSION);
    }
}

#[test]
fn an_answer_that_nobody_asked_for_is_never_taken() {
    let authority = Authority::new();
    let extra = answer("404 Not Found", "", "{}");
    // In one record, in two at once, in two one after the other; so much that no buffer holds it; and in bytes.
    for (name, one_record, pause, count) in [
        ("in the same record", true, Duration::ZERO, 1),
        ("in the next record", false, Duration::ZERO, 1),
        ("a little later", false, Duration::from_millis(5), 1),
        ("many in the same record", true, Duration::ZERO, 300),
        ("many in later records", false, Duration::ZERO, 300),
    ] {
        for versions in [&[&TLS13][..], &[&TLS12]] {
            let config = authority.issue(&LOOPBACK, Validity::Now).config(versions);
            let extra = extra.repeat(count);
            let address = serve_tls(config, move |mut session, _| {
                while read_request(&mut session).is_some() {
                    if one_record {
                        send(&mut session, &(created() + &extra));
                    } else if pause.is_zero() {
                        // Both wait in TLS' own buffer, and leave in one segment.
                        let _ = session.conn.writer().write_all(created().as_bytes());
                        let _ = session.conn.writer().write_all(extra.as_bytes());
                        let _ = session.flush();
                    } else {
                        send(&mut session, &created());
                        thread::sleep(pause);
                        send(&mut session, &extra);
                    }
                }
            });
            let api = builder(address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
            for _ in 0..4 {
                let answered = create(&api).unwrap_or_else(|error| panic!("{name}: {error:?}"));
                assert_eq!(answered.payments.sid, SESSION);
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

#[test]
fn nor_where_the_answer_just_fills_a_buffer() {
    // What comes with it stays behind in TLS, where no look at the socket finds it.
    let authority = Authority::new();
    let config = good(&authority);
    for size in [1_usize, 2, 4, 8, 16, 32, 64].map(|kib| kib * 1024) {
        let address = serve_tls(Arc::clone(&config), move |mut session, _| {
            while read_request(&mut session).is_some() {
                let padded = |pad| answer("201 Created", "", &(support::payments_json() + &" ".repeat(pad)));
                let own = (size - 300..size).map(padded).find(|own| own.len() == size).unwrap();
                let extra = answer("404 Not Found", "", "{}");
                let _ = session.conn.writer().write_all((own + &extra).as_bytes());
                let _ = session.flush();
            }
        });
        let api = builder(address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
        for _ in 0..3 {
            let answered = create(&api).unwrap_or_else(|error| panic!("{size}: {error:?}"));
            assert_eq!(answered.payments.sid, SESSION);
        }
    }
}

#[test]
fn an_answer_of_any_length_and_in_any_pieces() {
    let authority = Authority::new();
    for length in [0, 1, 3_500, 4_096, 16_384, 20_000, 500_000] {
        for piece in [7, 1_000, 100_000] {
            if length / piece > 5_000 {
                continue;
            }
            let address = serve_tls(good(&authority), move |mut session, _| {
                while read_request(&mut session).is_some() {
                    let body = format!("{}{}", " ".repeat(length), support::payments_json());
                    for piece in answer("201 Created", "", &body).as_bytes().chunks(piece) {
                        let _ = session.write_all(piece);
                    }
                    let _ = session.flush();
                }
            });
            let api = builder(address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
            for _ in 0..2 {
                let answered = create(&api).unwrap_or_else(|error| panic!("{length} by {piece}: {error:?}"));
                assert_eq!(answered.payments.sid, SESSION);
            }
        }
    }
}

#[test]
fn deadline_and_shutdown_hold_in_a_session() {
    let authority = Authority::new();
    let config = good(&authority);
    let silent = serve_tls(Arc::clone(&config), |mut session, _| {
        read_request(&mut session);
        hold(&mut session.sock);
    });
    let dripping = serve_tls(config, |mut session, _| {
        read_request(&mut session);
        send(&mut session, "HTTP/1.1 201 ");
        while send(&mut session, "H") {
            thread::sleep(Duration::from_millis(20));
        }
    });
    thread::scope(|scope| {
        for address in [silent, dripping] {
            let authority = &authority;
            scope.spawn(move || {
                let deadline = Duration::from_millis(600);
                let api = builder(address, authority).timeout(deadline).build().unwrap();
                let started = Instant::now();
                let error = create(&api).unwrap_err();
                let elapsed = started.elapsed();
                println!("deadline: {:.1} ms over", (elapsed - deadline.min(elapsed)).as_secs_f64() * 1e3);
                assert!(elapsed < deadline + Duration::from_secs(1), "{elapsed:?}");
                assert!(error.is_timeout(), "{error:?}");
                assert_eq!(error.outcome(), Outcome::Unknown);
            });
            scope.spawn(move || {
                let policy = RetryPolicy::new().attempt_timeout(None).max_retries(u32::MAX);
                let api = builder(address, authority).retry_policy(policy).build().unwrap();
                let call = {
                    let api = api.clone();
                    thread::spawn(move || (create(&api), Instant::now()))
                };
                thread::sleep(Duration::from_millis(300));
                let down = Instant::now();
                api.shutdown();
                let (result, ended) = call.join().unwrap();
                println!("shutdown: {:.1} ms", ended.duration_since(down).as_secs_f64() * 1e3);
                assert!(ended.duration_since(down) < Duration::from_secs(1));
                assert_eq!(result.unwrap_err().kind(), ErrorKind::Shutdown);
            });
        }
    });
}
