//! What holds without TLS also holds over TLS connections.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::faults::{done, hold};
use crate::support::tls::{
    Authority, TlsStream, Validity, close, counting_relay, read_request, send, serve_tls, with_each_library,
};
use crate::support::{CALL, CALLBACK, SESSION, created, response};
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};
use twilio_payments::*;

with_each_library! {
    a_request_is_one_record
    a_connection_that_the_server_closed_is_replaced
    a_connection_that_is_lost_is_retried
    a_body_that_a_close_ends
    a_response_without_a_request_is_never_taken
    a_response_without_a_request_is_not_taken_if_the_first_one_fills_a_buffer
    a_response_of_any_length_in_any_pieces
    deadline_and_shutdown_hold_over_tls
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

fn a_request_is_one_record(tls: Tls) {
    let authority = Authority::new();
    for versions in [&[&TLS13][..], &[&TLS12]] {
        let config = authority.issue(&LOOPBACK, Validity::Now).config(versions);
        let (relay, records) = counting_relay(serve_tls(config, |stream, _| respond(stream)));
        let api = builder(tls, relay, &authority).build().unwrap();
        create(&api).unwrap();
        assert!(records.try_iter().count() > 0, "the handshake may end with some");
        for _ in 0..3 {
            create(&api).unwrap();
            assert_eq!(records.try_iter().count(), 1);
        }
    }
}

fn a_connection_that_the_server_closed_is_replaced(tls: Tls) {
    let authority = Authority::new();
    for policy in [RetryPolicy::new(), RetryPolicy::none()] {
        for (name, orderly, read_again, attempts) in [
            ("idle, orderly", true, false, 1),
            ("idle, without a word", false, false, 1),
            ("after the next request, orderly", true, true, 2),
            ("after the next request, without a word", false, true, 2),
        ] {
            let (sender, ready) = mpsc::channel();
            let address = serve_tls(good(&authority), move |mut stream, index| {
                read_request(&mut stream);
                send(&mut stream, &created());
                if index > 0 {
                    return respond(stream);
                }
                if read_again {
                    let _ = sender.send(());
                    read_request(&mut stream);
                }
                if orderly {
                    close(stream);
                } else {
                    drop(stream);
                }
                let _ = sender.send(());
            });
            let api = builder(tls, address, &authority).retry_policy(policy).build().unwrap();
            assert_eq!(create(&api).unwrap().metadata.attempts, 1);
            done(&ready);
            let again = create(&api).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert_eq!(again.metadata.attempts, attempts, "{name}");
        }
    }
}

fn a_connection_that_is_lost_is_retried(tls: Tls) {
    let authority = Authority::new();
    let half = created().len() / 2;
    for (name, orderly, says) in [
        ("after the request, orderly", true, 0),
        ("after the request, without a word", false, 0),
        ("within the response, orderly", true, half),
        ("within the response, without a word", false, half),
    ] {
        for faults in [1, 99] {
            let address = serve_tls(good(&authority), move |mut stream, index| {
                if index >= faults {
                    return respond(stream);
                }
                read_request(&mut stream);
                send(&mut stream, &created()[..says]);
                if orderly {
                    close(stream);
                }
            });
            match create(&builder(tls, address, &authority).build().unwrap()) {
                Ok(response) => assert_eq!((response.metadata.attempts, faults), (2, 1), "{name}"),
                Err(error) => {
                    let seen = (error.kind(), error.outcome(), error.attempts());
                    assert_eq!(seen, (ErrorKind::ConnectionLost, Outcome::Unknown, 3), "{name}: {error:?}");
                    assert_eq!(faults, 99, "{name}: {error:?}");
                }
            }
        }
    }
}

fn a_body_that_a_close_ends(tls: Tls) {
    let authority = Authority::new();
    for orderly in [true, false] {
        let address = serve_tls(good(&authority), move |mut stream, _| {
            read_request(&mut stream);
            send(&mut stream, &format!("HTTP/1.1 201 Created\r\n\r\n{}", crate::support::payments_json()));
            if orderly {
                close(stream);
            }
        });
        let api = builder(tls, address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
        assert_eq!(create(&api).unwrap().payments.sid, SESSION);
    }
}

fn a_response_without_a_request_is_never_taken(tls: Tls) {
    let authority = Authority::new();
    let extra = response("404 Not Found", "", "{}");
    // In one record, in two at once, in two one after the other, in more than any buffer holds, and byte by byte.
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
            let (sender, sent) = mpsc::channel();
            let address = serve_tls(config, move |mut stream, _| {
                while read_request(&mut stream).is_some() {
                    if one_record {
                        send(&mut stream, &(created() + &extra));
                    } else if pause.is_zero() {
                        // Both wait in the TLS library's buffer and leave in one segment.
                        let _ = stream.conn.writer().write_all(created().as_bytes());
                        let _ = stream.conn.writer().write_all(extra.as_bytes());
                        let _ = stream.flush();
                    } else {
                        send(&mut stream, &created());
                        thread::sleep(pause);
                        send(&mut stream, &extra);
                    }
                    let _ = sender.send(());
                }
            });
            let api = builder(tls, address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
            for _ in 0..4 {
                let response = create(&api).unwrap_or_else(|error| panic!("{name}: {error:?}"));
                assert_eq!(response.payments.sid, SESSION);
                done(&sent);
            }
        }
    }
}

fn a_response_without_a_request_is_not_taken_if_the_first_one_fills_a_buffer(tls: Tls) {
    // The second response stays in the TLS library, so a check of the socket does not find it.
    let authority = Authority::new();
    let config = good(&authority);
    for size in [1_usize, 2, 4, 8, 16, 32, 64].map(|kib| kib * 1024) {
        let address = serve_tls(Arc::clone(&config), move |mut stream, _| {
            while read_request(&mut stream).is_some() {
                let padded =
                    |pad| response("201 Created", "", &(crate::support::payments_json() + &" ".repeat(pad)));
                let own = (size - 300..size).map(padded).find(|own| own.len() == size).unwrap();
                let extra = response("404 Not Found", "", "{}");
                let _ = stream.conn.writer().write_all((own + &extra).as_bytes());
                let _ = stream.flush();
            }
        });
        let api = builder(tls, address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
        for _ in 0..3 {
            let response = create(&api).unwrap_or_else(|error| panic!("{size}: {error:?}"));
            assert_eq!(response.payments.sid, SESSION);
        }
    }
}

fn a_response_of_any_length_in_any_pieces(tls: Tls) {
    let authority = Authority::new();
    for length in [0, 1, 3_500, 4_096, 16_384, 20_000, 500_000] {
        for piece in [7, 1_000, 100_000] {
            if length / piece > 5_000 {
                continue;
            }
            let address = serve_tls(good(&authority), move |mut stream, _| {
                while read_request(&mut stream).is_some() {
                    let body = format!("{}{}", " ".repeat(length), crate::support::payments_json());
                    for piece in response("201 Created", "", &body).as_bytes().chunks(piece) {
                        let _ = stream.write_all(piece);
                    }
                    let _ = stream.flush();
                }
            });
            let api = builder(tls, address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
            for _ in 0..2 {
                let response = create(&api).unwrap_or_else(|error| panic!("{length} by {piece}: {error:?}"));
                assert_eq!(response.payments.sid, SESSION);
            }
        }
    }
}

fn deadline_and_shutdown_hold_over_tls(tls: Tls) {
    let authority = Authority::new();
    let config = good(&authority);
    let silent = serve_tls(Arc::clone(&config), |mut stream, _| {
        read_request(&mut stream);
        hold(&mut stream.sock);
    });
    let dripping = serve_tls(config, |mut stream, _| {
        read_request(&mut stream);
        send(&mut stream, "HTTP/1.1 201 ");
        while send(&mut stream, "H") {
            thread::sleep(Duration::from_millis(20));
        }
    });
    thread::scope(|scope| {
        for address in [silent, dripping] {
            let authority = &authority;
            scope.spawn(move || {
                // Enough for the handshake on a busy machine.
                let deadline = Duration::from_secs(3);
                let api = builder(tls, address, authority).timeout(deadline).build().unwrap();
                let started = Instant::now();
                let error = create(&api).unwrap_err();
                let elapsed = started.elapsed();
                println!("deadline: {:.1} ms over", elapsed.saturating_sub(deadline).as_secs_f64() * 1e3);
                assert!(elapsed < Duration::from_secs(15), "{elapsed:?}");
                assert!(error.is_timeout(), "{error:?}");
                assert_eq!(error.outcome(), Outcome::Unknown);
            });
            scope.spawn(move || {
                let policy = RetryPolicy::new().attempt_timeout(None).max_retries(u32::MAX);
                let api = builder(tls, address, authority).retry_policy(policy).build().unwrap();
                let call = {
                    let api = api.clone();
                    thread::spawn(move || (create(&api), Instant::now()))
                };
                thread::sleep(Duration::from_millis(300));
                let down = Instant::now();
                api.shutdown();
                let (result, ended) = call.join().unwrap();
                println!("shutdown: {:.1} ms", ended.duration_since(down).as_secs_f64() * 1e3);
                assert!(ended.duration_since(down) < Duration::from_secs(15));
                assert_eq!(result.unwrap_err().kind(), ErrorKind::Shutdown);
            });
        }
    });
}
