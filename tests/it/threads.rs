//! A client that many threads share.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use crate::support::*;
use twilio_payments::*;

/// A server that answers the first request of each connection once `together` of them wait, and every later request at
/// once. It counts its connections.
fn gathering(together: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let (count, barrier) = (Arc::clone(&connections), Barrier::new(together));
    let address = serve(move |mut stream, _| {
        let mut first = count.fetch_add(1, Ordering::SeqCst) < together;
        while read_request(&mut stream).is_some() {
            if std::mem::take(&mut first) {
                barrier.wait();
            }
            if stream.write_all(created().as_bytes()).is_err() {
                break;
            }
        }
    });
    (address, connections)
}

fn call(api: &PaymentsApi, times: usize) {
    for _ in 0..times {
        let response = api.create_payments_with_metadata(CALL, &CreatePaymentsParams::new(CALLBACK)).unwrap();
        assert_eq!(response.metadata.attempts, 1);
    }
}

#[test]
fn no_new_connection_after_the_first_ones() {
    for threads in [1, 2, 8, 32, 64] {
        let (address, connections) = gathering(threads);
        let api = client(address);
        let first = Barrier::new(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    call(&api, 1);
                    first.wait();
                    call(&api, 10);
                });
            }
        });
        // Later threads find the connections of threads that have ended.
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| call(&api.clone(), 5));
            }
        });
        assert_eq!(connections.load(Ordering::SeqCst), threads);
    }
}

#[test]
fn no_more_idle_connections_than_configured() {
    let (address, connections) = gathering(6);
    let api = builder(address).idle_connections(2).build().unwrap();
    let all_at_once = || {
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| call(&api, 1));
            }
        });
    };
    all_at_once();
    assert_eq!(connections.load(Ordering::SeqCst), 6);
    call(&api, 5);
    assert_eq!(connections.load(Ordering::SeqCst), 6, "one after another, a kept one serves");

    let (address, connections) = gathering(1);
    call(&builder(address).idle_connections(0).build().unwrap(), 3);
    assert_eq!(connections.load(Ordering::SeqCst), 3, "none is kept");
}
