//! A relay to the server that delays what each side sends.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A relay to a server, on loopback, with this delay in each direction.
///
/// Opening a connection to the relay takes no time. To count it as the round trip that it is, what a client sends on a
/// new connection is delayed by one more round trip.
pub(crate) fn start(server: SocketAddr, delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, opened) = (client.unwrap(), Instant::now() + 2 * delay);
            let server = TcpStream::connect(server).unwrap();
            for stream in [&client, &server] {
                stream.set_nodelay(true).unwrap();
            }
            let (to_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            pass(client, to_server, delay, opened);
            pass(server, to_client, delay, opened);
        }
    });
    address
}

/// Passes bytes and their end on after the delay.
fn pass(mut from: TcpStream, mut to: TcpStream, delay: Duration, opened: Instant) {
    let (sender, under_way) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let amount = from.read(&mut chunk).unwrap_or(0);
            let arrival = Instant::now().max(opened) + delay;
            if sender.send((arrival, chunk[..amount].to_vec())).is_err() || amount == 0 {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (arrival, bytes) in under_way {
            thread::sleep(arrival.saturating_duration_since(Instant::now()));
            if bytes.is_empty() || to.write_all(&bytes).is_err() {
                break;
            }
        }
        // The other direction may continue.
        let _ = to.shutdown(Shutdown::Write);
    });
}
