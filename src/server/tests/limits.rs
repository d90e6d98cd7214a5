//! How many connections and threads, and how much time, a peer may use.

use super::*;

#[test]
fn a_peer_that_does_not_close_is_disconnected() {
    let server = start(Limits::default(), echo);
    let mut streams = [connect(&server), connect(&server)];
    for (stream, request) in streams.iter_mut().zip(["no request\r\n", "GET / HTTP/1.0\r\n\r\n"]) {
        stream.write_all(request.as_bytes()).unwrap();
        response(stream);
    }
    let begun = Instant::now();
    while server.connections() > 0 {
        assert!(begun.elapsed() < LONG);
        thread::sleep(Duration::from_millis(10));
    }
    drop(streams);
}

#[test]
fn a_slow_sender_is_cut_off() {
    let server = start(Limits { request_time: SHORT, ..Limits::default() }, echo);
    for request in [
        "POST / HTTP/1.1\r\nHost: x\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nbbbbbbbbbbbbbbbb",
    ] {
        let mut stream = connect(&server);
        let begun = Instant::now();
        let mut sender = stream.try_clone().unwrap();
        let dripping = thread::spawn(move || {
            // It is quick at first, then sends a byte now and then for a second.
            let (quick, slow) = request.split_at(request.len() - 20);
            sender.write_all(quick.as_bytes()).unwrap();
            for byte in slow.bytes() {
                thread::sleep(SHORT / 3);
                if sender.write_all(&[byte]).is_err() {
                    break;
                }
            }
        });
        assert!(response(&mut stream).0.starts_with("HTTP/1.1 408 "), "{request:?}");
        assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
        dripping.join().unwrap();
    }
    // The request is in time, but the connection is older than a request may be.
    let mut stream = connect(&server);
    for _ in 0..3 {
        thread::sleep(SHORT * 2);
        stream.write_all(post("/", "").as_bytes()).unwrap();
        assert_eq!(response(&mut stream).1, "POST / ");
    }
}

#[test]
fn an_idle_connection_is_closed() {
    let server = start(Limits { idle_time: SHORT, ..Limits::default() }, echo);
    let begun = Instant::now();
    let silent = connect(&server);
    let mut used = connect(&server);
    used.write_all(post("/", "").as_bytes()).unwrap();
    response(&mut used);
    assert_eq!(rest(&silent) + &rest(&used), "");
    assert!(begun.elapsed() >= SHORT, "{:?}", begun.elapsed());
}

#[test]
fn connections_that_have_waited_longest_make_room() {
    let server = start(Limits { max_connections: 4, ..Limits::default() }, echo);
    let mut kept: Vec<_> = (0..4).map(|_| connect(&server)).collect();
    for stream in &mut kept {
        stream.write_all(post("/", "").as_bytes()).unwrap();
        response(stream);
        thread::sleep(Duration::from_millis(5));
    }
    // The first one is used again, so the second one has now waited longest.
    kept[0].write_all(post("/", "").as_bytes()).unwrap();
    response(&mut kept[0]);
    assert_eq!(responses_to(&server, post("/new", "")), ok("POST /new "));
    assert_eq!(rest(&kept[1]), "");
    for stream in [0, 2, 3] {
        kept[stream].write_all(post("/still", "").as_bytes()).unwrap();
        assert_eq!(response(&mut kept[stream]).1, "POST /still ", "{stream}");
    }
}

#[test]
fn half_requests_do_not_stop_good_ones() {
    // No timeout ends a half request here.
    let limits =
        Limits { max_connections: 256, request_time: FOREVER, idle_time: FOREVER, ..Limits::default() };
    let server = start(limits, echo);
    let half: Vec<_> = (0..600)
        .map(|n| {
            let mut stream = connect(&server);
            let bytes: &[u8] = if n % 3 == 0 { b"" } else { b"POST / HTTP/1.1\r\nHost: x\r\nContent-Le" };
            let _ = stream.write_all(bytes);
            stream
        })
        .collect();
    for n in 0..100 {
        assert_eq!(responses_to(&server, post(&format!("/{n}"), "")), ok(&format!("POST /{n} ")));
    }
    assert!(server.connections() <= 256);
    drop(half);
}

#[test]
fn a_request_that_the_handler_has_is_never_evicted() {
    let (entered, entries) = mpsc::sync_channel(2);
    let (release, released) = mpsc::channel();
    let released = std::sync::Mutex::new(released);
    let server = start(Limits { max_connections: 2, ..Limits::default() }, move |request| {
        if request.target == "/slow" {
            entered.send(()).unwrap();
            released.lock().unwrap().recv_timeout(LONG).unwrap();
        }
        echo(request)
    });
    let mut busy = [connect(&server), connect(&server)];
    for stream in &mut busy {
        stream.write_all(post("/slow", "").as_bytes()).unwrap();
        entries.recv_timeout(LONG).unwrap();
    }
    // Requests are being handled on all connections, so the next one waits.
    let mut next = connect(&server);
    next.write_all(post("/next", "").as_bytes()).unwrap();
    next.set_read_timeout(Some(SHORT)).unwrap();
    assert_eq!(next.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    release.send(()).unwrap();
    release.send(()).unwrap();
    for stream in &mut busy {
        assert_eq!(response(stream).1, "POST /slow ");
    }
    next.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(response(&mut next).1, "POST /next ");
}

const HANGING: Duration = Duration::from_secs(20);
const FOREVER: Duration = Duration::from_secs(3600);

const LARGE_SIZE: usize = 16 << 20;

/// Responds to `/large` with more than the buffers of both sides hold, and echoes the rest.
#[allow(clippy::needless_pass_by_value, reason = "a handler takes its request")]
fn large(request: Request) -> Reply {
    // Zeros take no space in the binary.
    static LARGE: [u8; LARGE_SIZE] = [0; LARGE_SIZE];
    if request.target == "/large" { Reply::Response(Response::new(200, &LARGE[..])) } else { echo(request) }
}

/// Asks for the large response, and waits until it begins to arrive.
fn ask_large(server: &Server) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(post("/large", "").repeat(3).as_bytes()).unwrap();
    stream.read_exact(&mut [0; 15]).unwrap();
    stream
}

#[test]
fn connections_that_do_not_read_make_room() {
    let server = start(Limits { max_connections: 4, request_time: FOREVER, ..Limits::default() }, large);
    let deaf: Vec<_> = (0..4).map(|_| ask_large(&server)).collect();
    for n in 0..20 {
        assert_eq!(responses_to(&server, post(&format!("/{n}"), "")), ok(&format!("POST /{n} ")));
    }
    // The remaining ones do not hold up the end either.
    let begun = Instant::now();
    drop(server);
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    drop(deaf);
}

#[test]
fn a_slow_reader_is_cut_off() {
    let server = start(Limits { request_time: SHORT * 2, ..Limits::default() }, large);
    let begun = Instant::now();
    let mut stream = ask_large(&server);
    let (mut chunk, mut received) = (vec![0; 1 << 15], 0);
    // Each read makes space for a write; at this pace, reading everything would take 10 s.
    while server.connections() > 0 {
        // The end of what was sent may be lost, because the server has not read all requests.
        let Ok(count) = stream.read(&mut chunk) else { break };
        received += count;
        assert!(begun.elapsed() < LONG, "{received}");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(begun.elapsed() >= SHORT * 2, "{:?}", begun.elapsed());
    assert!(received < LARGE_SIZE / 2, "{received}");
    // A peer that reads at once gets all of it, as often as it asks.
    let server = start(Limits { request_time: FOREVER, ..Limits::default() }, large);
    let mut prompt = connect(&server);
    for _ in 0..2 {
        prompt.write_all(post("/large", "").as_bytes()).unwrap();
        assert_eq!(response(&mut prompt).1.len(), LARGE_SIZE);
    }
}

#[test]
fn a_handler_that_hangs_delays_the_end_by_a_second() {
    let (entered, entries) = mpsc::sync_channel(1);
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let server = start(Limits::default(), move |request| {
        entered.send(()).unwrap();
        let _ = released.lock().unwrap().recv_timeout(HANGING);
        echo(request)
    });
    let mut stream = connect(&server);
    stream.write_all(post("/", "").as_bytes()).unwrap();
    entries.recv_timeout(LONG).unwrap();
    let begun = Instant::now();
    drop(server);
    let took = begun.elapsed();
    assert!(took >= PATIENCE && took < HANGING, "{took:?}");
    drop(release);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn a_panicking_handler_only_ends_its_connection() {
    let server = start(Limits::default(), |request| {
        assert!(request.target != "/panic", "asked for by the test");
        echo(request)
    });
    let mut other = connect(&server);
    other.write_all(post("/", "").as_bytes()).unwrap();
    response(&mut other);
    assert_eq!(responses_to(&server, post("/panic", "")), "");
    other.write_all(post("/", "").as_bytes()).unwrap();
    assert_eq!(response(&mut other).1, "POST / ");
    assert_eq!(server.connections(), 1);
}

#[test]
fn many_clients_at_once() {
    let server = start(Limits::default(), echo);
    thread::scope(|scope| {
        for client in 0..64 {
            let server = &server;
            scope.spawn(move || {
                let mut stream = connect(server);
                for n in 0..50 {
                    let target = format!("/{client}/{n}");
                    stream.write_all(post(&target, "").as_bytes()).unwrap();
                    assert_eq!(response(&mut stream).1, format!("POST {target} "));
                }
            });
        }
    });
}

#[test]
fn dropping_ends_everything() {
    let handler: Arc<Handler> = Arc::new(|request: Request| match request.target.as_str() {
        #[cfg(feature = "sandbox")]
        "/late" => Reply::Response(Response::new(200, &b""[..]).after(Duration::from_secs(60))),
        _ => echo(request),
    });
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let server =
            Server::start(TcpListener::bind(address).unwrap(), Limits::default(), Arc::clone(&handler))
                .unwrap();
        let port = server.address.port();
        let client = || {
            let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_read_timeout(Some(LONG)).unwrap();
            stream
        };
        let mut streams = [client(), client(), client(), client()];
        for (stream, bytes) in streams.iter_mut().zip(["", "POST", &post("/late", ""), &post("/", "")]) {
            stream.write_all(bytes.as_bytes()).unwrap();
        }
        response(&mut streams[3]);
        while server.connections() < 4 {
            thread::sleep(Duration::from_millis(1));
        }
        let begun = Instant::now();
        drop(server);
        assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
        // The system may lend the port to somebody else's connection for a while.
        while TcpListener::bind(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < LONG, "the port is still in use");
            thread::sleep(Duration::from_millis(10));
        }
        // Every thread held the handler, through the state that they share.
        assert_eq!(Arc::strong_count(&handler), 1);
        for stream in &mut streams {
            assert!(matches!(stream.read(&mut [0; 4096]), Ok(0 | 1..) | Err(_)));
        }
    }
}

/// A thread that cannot be started: its stack is larger than any system can map.
fn no_thread() -> thread::Builder {
    let size: u64 = if usize::BITS > 32 { 1 << 46 } else { 3 << 30 };
    thread::Builder::new().stack_size(size.try_into().unwrap())
}

#[test]
fn a_connection_without_a_thread_is_closed() {
    let server = start(Limits { thread: |_| no_thread(), ..Limits::default() }, echo);
    for _ in 0..3 {
        assert_eq!(rest(&connect(&server)), "");
    }
    assert_eq!(server.connections(), 0);
    drop(server);
}

#[test]
fn connections_make_room_if_no_thread_can_start() {
    let few = |others| if others < 4 { thread::Builder::new() } else { no_thread() };
    let server = start(Limits { thread: few, ..Limits::default() }, echo);
    let idle: Vec<_> = (0..10).map(|_| connect(&server)).collect();
    for n in 0..3 {
        let mut stream = connect(&server);
        stream.write_all(post(&format!("/{n}"), "").as_bytes()).unwrap();
        assert_eq!(response(&mut stream).1, format!("POST /{n} "));
    }
    assert!(server.connections() <= 4, "{}", server.connections());
    drop(server);
    drop(idle);
}
