//! The listener under load and under attack. This is a binary of its own because it measures memory and opens hundreds
//! of sockets.

#[path = "it/support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::io::{ErrorKind as Io, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use support::callbacks::*;
use twilio_payments::CallbackListener;

/// Tests that need hundreds of sockets run one at a time, so that the usual limit on open files is enough.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The resident memory of the process, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn no_acknowledged_callback_is_lost_under_load() {
    const CONNECTIONS: usize = 200;
    const EACH: usize = 50;
    let _turn = turn();
    // There is less room than callbacks, so some are refused and sent again.
    let listener =
        CallbackListener::builder(validator()).public_url(PUBLIC).capacity(100).bind("127.0.0.1:0").unwrap();
    #[cfg(target_os = "linux")]
    let before = resident();
    let refused = AtomicUsize::new(0);
    let begun = Instant::now();
    let mut received: HashMap<usize, usize> = HashMap::new();
    thread::scope(|scope| {
        for client in 0..CONNECTIONS {
            let (address, refused) = (listener.local_addr(), &refused);
            thread::Builder::new()
                .stack_size(128 * 1024)
                .spawn_scoped(scope, move || {
                    let mut stream = connect(address);
                    for n in 0..EACH {
                        let number = client * EACH + n;
                        let request = with_token(&format!("token-{number}"), &body(client, number));
                        while status(&ask(&mut stream, &request).unwrap()) != 204 {
                            refused.fetch_add(1, Ordering::Relaxed);
                            thread::sleep(Duration::from_millis(5));
                        }
                    }
                })
                .unwrap();
        }
        for _ in 0..CONNECTIONS * EACH {
            let callback = listener.recv_timeout(LONG * 3).unwrap();
            *received.entry(number(&callback)).or_default() += 1;
        }
    });
    assert!(listener.try_recv().unwrap().is_none());
    assert_eq!(received.len(), CONNECTIONS * EACH);
    assert!(received.values().all(|times| *times == 1));
    eprintln!(
        "{} callbacks in {:?}, {} turned away meanwhile",
        CONNECTIONS * EACH,
        begun.elapsed(),
        refused.load(Ordering::Relaxed)
    );
    #[cfg(target_os = "linux")]
    {
        let grown = resident().saturating_sub(before);
        eprintln!("{grown} bytes more in memory");
        assert!(grown < 64 << 20, "{grown}");
    }
}

#[test]
fn memory_stays_bounded_if_nobody_reads() {
    const CAPACITY: usize = 20;
    const SENT: usize = 300;
    let _turn = turn();
    let listener = CallbackListener::builder(validator())
        .public_url(PUBLIC)
        .capacity(CAPACITY)
        .bind("127.0.0.1:0")
        .unwrap();
    let large = "x".repeat(45_000);
    let (mut taken, mut refused) = (0, 0);
    let mut stream = connect(listener.local_addr());
    #[cfg(target_os = "linux")]
    let before = resident();
    for number in 0..SENT {
        match status(&ask(&mut stream, &signed(&format!("{}&{large}", body(1, number)))).unwrap()) {
            204 => taken += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((taken, refused), (CAPACITY, SENT - CAPACITY));
    // All these bodies together are 13 MB.
    #[cfg(target_os = "linux")]
    assert!(resident().saturating_sub(before) < 8 << 20);
    let numbers: Vec<_> =
        std::iter::from_fn(|| listener.try_recv().unwrap()).map(|callback| number(&callback)).collect();
    assert_eq!(numbers, (0..CAPACITY).collect::<Vec<_>>());
}

/// How long the slowest of some good callbacks takes until it can be read.
#[track_caller]
fn slowest(listener: &CallbackListener, count: usize) -> Duration {
    let took = (0..count).map(|number| {
        let begun = Instant::now();
        assert_eq!(send(listener, &signed(&body(1, number))), 204);
        assert_eq!(self::number(&listener.recv_timeout(LONG).unwrap()), number);
        begun.elapsed()
    });
    took.max().unwrap_or_default()
}

/// Measures until it took less than this, five times at most: a busy machine makes a callback wait now and then, a
/// listener that is held up makes it wait each time.
fn until(limit: Duration, measure: impl Fn() -> Duration) -> Vec<Duration> {
    let mut took = Vec::new();
    while took.len() < 5 && took.last().is_none_or(|took| *took >= limit) {
        took.push(measure());
    }
    took
}

#[test]
fn half_requests_do_not_stop_good_ones() {
    const HALF: usize = 500;
    let _turn = turn();
    let listener = listener();
    let alone = slowest(&listener, 20);
    let limit = SECOND.max(alone * 20);
    let whole = signed(&body(9, 9));
    let half = &whole[..whole.len() / 2];
    let took = until(limit, || {
        let idle: Vec<_> = (0..HALF)
            .map(|_| {
                let mut stream = connect(listener.local_addr());
                // Later connections may displace earlier ones at any time.
                let _ = stream.write_all(half.as_bytes());
                stream
            })
            .collect();
        // The first one waits until the listener has accepted all of those.
        let _ = slowest(&listener, 1);
        let slowest = slowest(&listener, 100);
        drop(idle);
        slowest
    });
    eprintln!("slowest of 100 good callbacks beside {HALF} half ones: {took:?}, and {alone:?} alone");
    assert!(took.last().is_some_and(|took| *took < limit), "{took:?}, and {alone:?} alone");
    assert!(listener.try_recv().unwrap().is_none());
}

/// Sends requests without reading a response, and connects again if the connection is closed, until `stop` is set.
fn flood(address: SocketAddr, requests: &str, stop: &AtomicBool) {
    let begun = Instant::now();
    let stop = || stop.load(Ordering::Relaxed) || begun.elapsed() > 3 * LONG;
    while !stop() {
        let Ok(mut stream) = TcpStream::connect(address) else { continue };
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut sent = 0;
        while !stop() {
            match stream.write(&requests.as_bytes()[sent..]) {
                Ok(count) => sent = (sent + count) % requests.len(),
                Err(error) if matches!(error.kind(), Io::WouldBlock | Io::TimedOut) => {}
                Err(_) => break,
            }
        }
    }
}

#[test]
fn peers_that_do_not_read_do_not_stop_good_ones() {
    let listener =
        CallbackListener::builder(validator()).public_url(PUBLIC).connections(4).bind("127.0.0.1:0").unwrap();
    let alone = slowest(&listener, 20);
    let limit = (2 * SECOND).max(alone * 20);
    let anybody = "GET /status HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    // Replayed callbacks are not refused, so their connections are kept.
    let captured = with_token("t", &body(1, 1)).repeat(100);
    for requests in [&anybody, &captured] {
        let stop = AtomicBool::new(false);
        let took: Vec<_> = thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| flood(listener.local_addr(), requests, &stop));
            }
            // Until their buffers are full.
            thread::sleep(3 * SECOND);
            let took = (0..10).map(|number| {
                let request = signed(&body(2, number));
                until(limit, || {
                    let begun = Instant::now();
                    // Peers whose connections are closed come back and take places again, so the service tries again
                    // too.
                    let taken = (0..5).any(|_| {
                        let response = ask(&mut connect(listener.local_addr()), &request);
                        response.is_ok_and(|head| status(&head) == 204)
                    });
                    if taken { begun.elapsed() } else { Duration::MAX }
                })
            });
            let took = took.collect();
            stop.store(true, Ordering::Relaxed);
            took
        });
        eprintln!("good callbacks beside peers that do not read: {took:?}, and {alone:?} alone");
        let in_time = |took: &Vec<Duration>| took.last().is_some_and(|took| *took < limit);
        assert!(took.iter().all(in_time), "{took:?}, and {alone:?} alone");
    }
}

#[test]
fn a_slow_sender_is_cut_off_at_ten_seconds() {
    let listener = listener();
    let request = signed(&body(1, 1));
    let begun = Instant::now();
    // One peer sends half a request and stops, the other sends a byte now and then.
    let mut stopped = connect(listener.local_addr());
    stopped.write_all(&request.as_bytes()[..40]).unwrap();
    let mut dripping = connect(listener.local_addr());
    let mut writer = dripping.try_clone().unwrap();
    let bytes = request.clone().into_bytes();
    let drip = thread::spawn(move || {
        for byte in bytes {
            if writer.write_all(&[byte]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(250));
        }
    });
    for stream in [&mut stopped, &mut dripping] {
        assert_eq!(status(&head(stream).unwrap()), 408);
        let after = begun.elapsed();
        assert!(after > Duration::from_millis(9_900) && after < 2 * LONG, "{after:?}");
        let _ = stream.shutdown(Shutdown::Both);
    }
    drip.join().unwrap();
    assert!(listener.try_recv().unwrap().is_none());
    // A prompt peer is still served.
    assert_eq!(send(&listener, &request), 204);
}
