//! What holds without a proxy also holds with one.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::faults::{done, hold, nobody};
use crate::support::tls::{Authority, TlsStream, Validity, close, read_request, send, serve_tls};
use crate::support::{ACCOUNT, CALL, CALLBACK, SESSION, TOKEN, created, response, serve};
use rustls::version::{TLS12, TLS13};
use twilio_payments::*;

/// Reads a head to its end and no further.
fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|amount| amount > 0) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Passes bytes on in both directions, and the end of each.
fn relay(client: TcpStream, server: SocketAddr) {
    let server = TcpStream::connect(server).unwrap();
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let pairs = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
    for (from, to) in pairs {
        let (mut from, mut to) = (from.unwrap(), to.unwrap());
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}

/// A proxy that sends this response, connects every client to one server, and reports the heads of its requests.
fn proxy(server: SocketAddr, says: &'static str) -> (SocketAddr, Receiver<String>) {
    let (sender, heads) = mpsc::channel();
    let address = serve(move |mut client, _| {
        let _ = sender.send(read_head(&mut client));
        let _ = client.write_all(says.as_bytes());
        relay(client, server);
    });
    (address, heads)
}

/// The host that the client asks the proxy for. The client must not look it up, and this proxy knows only one server.
const HOST: &str = "pay.example.test";

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn builder(server: SocketAddr, proxy: SocketAddr, authority: &Authority) -> PaymentsApiBuilder {
    crate::support::builder(server)
        .base_url(format!("https://{HOST}:{}", server.port()))
        .root_certificate(authority.pem.clone())
        .retry_policy(RetryPolicy::new().base_delay(Duration::from_millis(1)))
        .proxy(format!("http://{proxy}"))
}

fn create(api: &PaymentsApi) -> Result<PaymentsResponse, Error> {
    api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK))
}

fn tls_server(authority: &Authority, each: impl Fn(TlsStream, usize) + Send + Sync + 'static) -> SocketAddr {
    let identity = authority.issue(&[HOST, "localhost"], Validity::Now);
    serve_tls(identity.config(&[&TLS13, &TLS12]), each)
}

fn respond(mut stream: TlsStream) {
    while read_request(&mut stream).is_some() {
        if !send(&mut stream, &created()) {
            break;
        }
    }
}

#[test]
fn a_tunnel_is_made_once_and_kept() {
    let authority = Authority::new();
    let server = tls_server(&authority, |stream, _| respond(stream));
    for says in [
        ESTABLISHED,
        "HTTP/1.0 200 OK\r\nProxy-Agent: a\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let (address, heads) = proxy(server, says);
        let api = builder(server, address, &authority);
        let api = api.proxy(format!("http://us%40er:p%2541@{address}")).build().unwrap();
        for _ in 0..5 {
            let response = create(&api).unwrap_or_else(|error| panic!("{says}: {error:?}"));
            assert_eq!((response.payments.sid.as_str(), response.metadata.attempts), (SESSION, 1));
        }
        let head = heads.recv().unwrap();
        assert!(heads.try_recv().is_err(), "one tunnel");
        let port = server.port();
        assert!(
            head.starts_with(&format!("CONNECT {HOST}:{port} HTTP/1.1\r\nHost: {HOST}:{port}\r\n")),
            "{head}"
        );
        // "us@er:p%41": the URL's user info is decoded once.
        assert!(head.contains("\r\nProxy-Authorization: Basic dXNAZXI6cCU0MQ==\r\n"), "{head}");
        for secret in ["\r\nauthorization", &TOKEN.to_lowercase(), &ACCOUNT.to_lowercase()] {
            assert!(!head.to_lowercase().contains(secret), "{head}");
        }
    }
}

#[test]
fn a_proxy_may_speak_tls_itself() {
    let authority = Authority::new();
    let server = tls_server(&authority, |stream, _| respond(stream));
    let (sender, heads) = mpsc::channel();
    let address = tls_server(&authority, move |mut outer, _| {
        let head = read_head(&mut outer);
        if head.is_empty() {
            return;
        }
        let _ = sender.send(head);
        send(&mut outer, ESTABLISHED);
        // Passing bytes on in one direction at a time is enough here.
        let mut inner = TcpStream::connect(server).unwrap();
        outer.sock.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        inner.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        let mut chunk = [0; 16_384];
        while Instant::now() < until {
            match outer.read(&mut chunk) {
                Ok(0) => return,
                Ok(amount) => inner.write_all(&chunk[..amount]).unwrap(),
                Err(_) => {}
            }
            if let Ok(amount) = inner.read(&mut chunk) {
                let _ = outer.write_all(&chunk[..amount]).and_then(|()| outer.flush());
            }
        }
    });
    let api = builder(server, address, &authority).proxy(format!("https://localhost:{}", address.port()));
    let api = api.build().unwrap();
    for _ in 0..3 {
        assert_eq!(create(&api).unwrap().payments.sid, SESSION);
    }
    assert_eq!(heads.try_iter().count(), 1);
    // Its certificate is checked like any other.
    let api =
        builder(server, address, &Authority::new()).proxy(format!("https://{address}")).build().unwrap();
    let error = create(&api).unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Tls, Outcome::NotSent, 1));
    assert!(heads.try_recv().is_err(), "it was not asked");
}

#[test]
fn a_server_behind_it_must_be_trusted_too() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (sender, amounts) = mpsc::channel();
    let server = tls_server(&other, move |mut stream, _| {
        let _ = sender.send(stream.read(&mut [0; 4096]).unwrap_or(0));
    });
    let (address, _heads) = proxy(server, ESTABLISHED);
    let error = create(&builder(server, address, &authority).build().unwrap()).unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Tls, Outcome::NotSent, 1));
    assert_eq!(amounts.recv_timeout(Duration::from_secs(10)), Ok(0));
}

#[test]
fn a_dead_tunnel_is_replaced() {
    let authority = Authority::new();
    for (name, read_again, orderly, attempts) in [
        ("idle, orderly", false, true, 1),
        ("idle, without a word", false, false, 1),
        ("after the next request, orderly", true, true, 2),
        ("after the next request, without a word", true, false, 2),
    ] {
        let (sender, ready) = mpsc::channel();
        let server = tls_server(&authority, move |mut stream, index| {
            if index > 0 {
                return respond(stream);
            }
            read_request(&mut stream);
            send(&mut stream, &created());
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
        let (address, _heads) = proxy(server, ESTABLISHED);
        let api = builder(server, address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
        assert_eq!(create(&api).unwrap().metadata.attempts, 1);
        done(&ready);
        let again = create(&api).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(again.metadata.attempts, attempts, "{name}");
    }
}

#[test]
fn a_response_without_a_request_is_never_taken() {
    let authority = Authority::new();
    for late in [true, false] {
        let (sender, sent) = mpsc::channel();
        let server = tls_server(&authority, move |mut stream, _| {
            while read_request(&mut stream).is_some() {
                if late {
                    send(&mut stream, &created());
                    thread::sleep(Duration::from_millis(10));
                    send(&mut stream, &response("404 Not Found", "", "{}"));
                } else {
                    send(&mut stream, &(created() + &response("404 Not Found", "", "{}")));
                }
                let _ = sender.send(());
            }
        });
        let (address, _heads) = proxy(server, ESTABLISHED);
        let api = builder(server, address, &authority).retry_policy(RetryPolicy::none()).build().unwrap();
        for _ in 0..4 {
            let response = create(&api).unwrap_or_else(|error| panic!("late: {late}: {error:?}"));
            assert_eq!(response.payments.sid, SESSION);
            done(&sent);
        }
    }
}

/// A proxy that reads the head, sends this, and then closes or is silent.
fn bad_proxy(says: impl Into<Vec<u8>>, closes: bool) -> SocketAddr {
    let says = says.into();
    serve(move |mut client, _| {
        read_head(&mut client);
        let _ = client.write_all(&says);
        if !closes {
            hold(&mut client);
        }
    })
}

#[test]
fn faults_of_a_proxy() {
    let authority = Authority::new();
    let server = tls_server(&authority, |stream, _| respond(stream));
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}", "x".repeat(1 << 20));
    for (name, address, attempts) in [
        ("not there", nobody(), 3),
        ("closes", bad_proxy("", true), 3),
        ("closes in the head", bad_proxy("HTTP/1.1 200", true), 3),
        ("407", bad_proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", true), 1),
        ("403", bad_proxy("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!", false), 1),
        ("302", bad_proxy("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", true), 1),
        ("502", bad_proxy("HTTP/1.1 502 Bad Gateway\r\n\r\n", true), 3),
        ("503", bad_proxy("HTTP/1.1 503 Busy\r\nRetry-After: 60\r\n\r\n", true), 3),
        ("no HTTP", bad_proxy("SSH-2.0-OpenSSH_9.2\r\n\r\n", true), 1),
        ("no version", bad_proxy("200 OK\r\n\r\n", true), 1),
        ("a head without an end", bad_proxy(long, false), 1),
        ("a word too much", bad_proxy(format!("{ESTABLISHED}HTTP/1.1 200 OK\r\n\r\n"), true), 1),
    ] {
        let api = builder(server, address, &authority).build().unwrap();
        let started = Instant::now();
        let error = create(&api).unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(15), "{name}: {error:?}");
        let kind = if name == "a word too much" { ErrorKind::Tls } else { ErrorKind::Connect };
        assert_eq!((error.kind(), error.outcome()), (kind, Outcome::NotSent), "{name}: {error:?}");
        assert_eq!((error.attempts(), error.is_retryable()), (attempts, attempts > 1), "{name}: {error:?}");
        assert!(!error.is_timeout(), "{name}: {error:?}");
        let route = format!("connection to {HOST}:{} through the proxy {address}", server.port());
        assert!(error.to_string().contains(&route), "{name}: {error}");
    }
}

#[test]
fn deadline_and_shutdown_hold() {
    let authority = Authority::new();
    let server = tls_server(&authority, |stream, _| respond(stream));
    let drip = |first: &'static str| {
        serve(move |mut client, _| {
            read_head(&mut client);
            let _ = client.write_all(first.as_bytes());
            while client.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let silent_server = serve(|mut stream, _| hold(&mut stream));
    let cases = [
        ("silence", bad_proxy("", false)),
        ("silence in the head", bad_proxy("HTTP/1.1 200", false)),
        ("a byte now and then", drip("HTTP/1.1 200 ")),
        ("a byte now and then in a header", drip("HTTP/1.1 200 OK\r\nX-A: ")),
        ("silence behind it", proxy(silent_server, ESTABLISHED).0),
    ];
    thread::scope(|scope| {
        for (name, address) in cases {
            let authority = &authority;
            scope.spawn(move || {
                let deadline = Duration::from_millis(600);
                let api = builder(server, address, authority).timeout(deadline).build().unwrap();
                let started = Instant::now();
                let error = create(&api).unwrap_err();
                let over = started.elapsed().saturating_sub(deadline);
                println!("{name}: {:.1} ms over", over.as_secs_f64() * 1e3);
                assert!(over < Duration::from_secs(15), "{name}: {over:?}");
                let seen = (error.kind(), error.outcome(), error.is_timeout());
                assert_eq!(seen, (ErrorKind::Connect, Outcome::NotSent, true), "{name}: {error:?}");
            });
            scope.spawn(move || {
                let api = builder(server, address, authority).build().unwrap();
                let call = {
                    let api = api.clone();
                    thread::spawn(move || (create(&api), Instant::now()))
                };
                thread::sleep(Duration::from_millis(300));
                let down = Instant::now();
                api.shutdown();
                let (result, ended) = call.join().unwrap();
                let took = ended.duration_since(down);
                println!("{name}: shut down in {:.1} ms", took.as_secs_f64() * 1e3);
                assert!(took < Duration::from_secs(15), "{name}: {took:?}");
                let error = result.unwrap_err();
                assert_eq!(
                    (error.kind(), error.outcome()),
                    (ErrorKind::Shutdown, Outcome::NotSent),
                    "{name}"
                );
            });
        }
    });
}
