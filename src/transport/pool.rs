//! The idle connections.
//!
//! A thread gets the connection that it used last if it is free, so that the connection's data stays in the cache of
//! the same processor. The lock is held for a few hundred nanoseconds, never during a system call on a socket.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::process;
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::connection::{Connection, Keep};

/// Idle connections, all to the same host.
pub(super) struct Pool {
    most: usize,
    /// How long an idle connection is kept.
    lifetime: Duration,
    state: Mutex<PoolState>,
}

#[derive(Default)]
struct PoolState {
    closed: bool,
    /// The one that has been idle longest is first.
    idle: Vec<Idle>,
    /// The sockets of all connections, idle or in use, with the process that opened them. Closing the pool closes them,
    /// which ends the calls that block on them.
    sockets: Vec<(u32, Weak<TcpStream>)>,
}

struct Idle {
    connection: Connection,
    /// The thread that used it last.
    thread: ThreadId,
    since: Instant,
}

impl Pool {
    pub(super) fn new(most: usize, lifetime: Duration) -> Self {
        Self { most, lifetime, state: Mutex::default() }
    }

    /// Takes a connection that is still open: the one that this thread used last, or else the one that was used last by
    /// any thread. It gets this deadline.
    pub(super) fn take(&self, deadline: Instant) -> Option<Connection> {
        let (thread, process) = (thread::current().id(), process::id());
        loop {
            let mut connection = self.take_any(Instant::now(), thread, process)?;
            connection.set_deadline(deadline);
            if connection.is_quiet() {
                return Some(connection);
            }
        }
    }

    fn take_any(&self, now: Instant, thread: ThreadId, process: u32) -> Option<Connection> {
        let mut state = lock!(self.state);
        let unusable = state.remove_unusable(now, self.lifetime, process);
        let own = state.idle.iter().rposition(|idle| idle.thread == thread);
        let index = own.or_else(|| state.idle.len().checked_sub(1));
        let found = index.map(|index| state.idle.remove(index).connection);
        drop(state);
        // Closing is a system call.
        drop(unusable);
        found
    }

    fn put_at(&self, connection: Connection, now: Instant, thread: ThreadId) {
        let mut state = lock!(self.state);
        let mut unusable = state.remove_unusable(now, self.lifetime, connection.process);
        if !state.closed {
            state.idle.push(Idle { connection, thread, since: now });
        }
        if state.idle.len() > self.most {
            unusable.push(state.idle.remove(0));
        }
        drop(state);
        drop(unusable);
    }

    /// Registers the socket of a new connection.
    ///
    /// # Errors
    /// Returns an error if the pool is closed.
    pub(super) fn register(&self, socket: &Arc<TcpStream>) -> io::Result<()> {
        let mut state = lock!(self.state);
        state.sockets.retain(|(_, socket)| socket.strong_count() > 0);
        state.sockets.push((process::id(), Arc::downgrade(socket)));
        if state.closed { Err(io::ErrorKind::NotConnected.into()) } else { Ok(()) }
    }

    /// Closes all connections that are idle now.
    pub(super) fn clear(&self) {
        let idle = std::mem::take(&mut lock!(self.state).idle);
        drop(idle);
    }

    /// Closes all connections, including those in use, and keeps none from now on.
    pub(super) fn close(&self) {
        let mut state = lock!(self.state);
        state.closed = true;
        let (idle, sockets) = (std::mem::take(&mut state.idle), std::mem::take(&mut state.sockets));
        drop(state);
        drop(idle);
        // A socket that was inherited in a fork also belongs to the parent, which may still use it.
        let own = sockets.iter().filter(|(process, _)| *process == process::id());
        for socket in own.filter_map(|(_, socket)| socket.upgrade()) {
            // An error means that it is already closed.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Keep for Pool {
    fn keep(&self, connection: Connection) {
        self.put_at(connection, Instant::now(), thread::current().id());
    }
}

impl PoolState {
    /// Removes connections that have been idle for too long, or that another process opened.
    ///
    /// After a fork the child has its parent's connections too. If both used one, they would mix up their requests, and
    /// encrypt different texts with the same key and nonce.
    fn remove_unusable(&mut self, now: Instant, lifetime: Duration, process: u32) -> Vec<Idle> {
        let is_usable = |idle: &Idle| {
            idle.connection.process == process && now.saturating_duration_since(idle.since) < lifetime
        };
        // Usually there are none, and then nothing is allocated. The old ones and the parent's are at the front.
        self.idle.drain(..self.idle.iter().position(is_usable).unwrap_or(self.idle.len())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::stream::Stream;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

    /// A connection that is usable until the test changes that, and that counts its drops.
    #[derive(Clone, Default)]
    struct Fake {
        dead: Arc<AtomicBool>,
        name: usize,
        closed: Arc<AtomicUsize>,
    }

    struct Open(Fake);

    impl Drop for Open {
        fn drop(&mut self) {
            self.0.closed.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Read for Open {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            buf[0] = u8::try_from(self.0.name).unwrap();
            Ok(1)
        }
    }

    impl Write for Open {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Open {
        fn set_deadline(&mut self, _: Instant) {}

        fn set_waiting(&mut self, _: bool) {}

        fn is_quiet(&mut self) -> bool {
            !self.0.dead.load(Ordering::SeqCst)
        }
    }

    fn pool(most: usize) -> Arc<Pool> {
        Arc::new(Pool::new(most, Duration::from_secs(30)))
    }

    fn connection(fake: &Fake, pool: &Arc<Pool>) -> Connection {
        Connection::new(Box::new(Open(fake.clone())), false, pool)
    }

    fn fakes<const COUNT: usize>() -> [Fake; COUNT] {
        let closed = Arc::new(AtomicUsize::new(0));
        std::array::from_fn(|name| Fake { name, closed: Arc::clone(&closed), dead: Arc::default() })
    }

    fn name(connection: Option<Connection>) -> Option<u8> {
        let mut connection = connection?;
        connection.await_input(NextTimeout::default()).unwrap();
        connection.input().first().copied()
    }

    /// An open connection of this process.
    fn take(pool: &Pool) -> Option<Connection> {
        pool.take(Instant::now())
    }

    fn other_thread() -> ThreadId {
        thread::spawn(|| thread::current().id()).join().unwrap()
    }

    #[test]
    fn a_thread_gets_its_own_connection_or_the_last_used_one() {
        let (pool, now, me, other) = (pool(9), Instant::now(), thread::current().id(), other_thread());
        let fakes = fakes::<5>();
        for (fake, thread) in fakes.iter().zip([me, other, me, other, other]) {
            pool.put_at(connection(fake, &pool), now, thread);
        }
        let third = other_thread();
        for (thread, expected) in
            [(me, Some(2)), (third, Some(4)), (me, Some(0)), (me, Some(3)), (other, Some(1)), (me, None)]
        {
            assert_eq!(name(pool.take_any(now, thread, process::id())), expected);
        }
    }

    #[test]
    fn connections_that_were_idle_longest_are_closed() {
        let (now, me) = (Instant::now(), thread::current().id());
        let after = |seconds| now + Duration::from_secs(seconds);
        let [a, b, c] = &fakes::<3>();
        let closed = || a.closed.load(Ordering::SeqCst);

        let two = pool(2);
        let put = |fake, seconds| two.put_at(connection(fake, &two), after(seconds), me);
        put(a, 0);
        put(b, 1);
        put(c, 2);
        assert_eq!(closed(), 1, "no more than two");
        assert_eq!(name(two.take_any(after(31), other_thread(), process::id())), Some(2));
        assert_eq!(closed(), 3, "`b` was idle for 30 s, and `c` is dropped here");

        put(a, 0);
        put(b, 30);
        assert_eq!(closed(), 4, "looked at when one is put back, too");
        assert!(two.take_any(after(60), me, process::id()).is_none());

        let none = pool(0);
        none.put_at(connection(a, &none), now, me);
        assert!(none.take_any(now, me, process::id()).is_none());
        assert_eq!(closed(), 6);
    }

    #[test]
    fn dead_connections_are_skipped() {
        let pool = pool(9);
        let fakes = fakes::<4>();
        assert!(take(&pool).is_none());
        for fake in &fakes {
            pool.keep(connection(fake, &pool));
        }
        for dead in [&fakes[3], &fakes[1], &fakes[0]] {
            dead.dead.store(true, Ordering::SeqCst);
        }
        assert_eq!(name(take(&pool)), Some(2));
        assert_eq!(name(take(&pool)), None);
        assert_eq!(fakes[0].closed.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn cleared_and_closed() {
        let pool = pool(9);
        let put = |fake: &Fake| pool.keep(connection(fake, &pool));
        let [a, b, c] = &fakes::<3>();
        assert!(take(&pool).is_none());
        put(a);
        pool.clear();
        put(b);
        assert_eq!((name(take(&pool)), a.closed.load(Ordering::SeqCst)), (Some(1), 2));
        put(b);
        pool.close();
        put(c);
        assert!(take(&pool).is_none());
        assert_eq!(a.closed.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn closing_ends_connections_in_use() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        let (pool, used) = (pool(9), connect());
        pool.register(&used).unwrap();
        drop(connect());
        pool.close();
        assert_eq!((&*used).read(&mut [0]).unwrap(), 0);
        pool.register(&connect()).expect_err("too late");
    }

    #[test]
    fn another_process_has_no_connections() {
        let pool = pool(9);
        let [a, b] = &fakes::<2>();
        let (now, me) = (Instant::now(), thread::current().id());
        pool.put_at(connection(a, &pool), now, me);
        pool.put_at(connection(b, &pool), now, me);
        assert_eq!(name(pool.take_any(now, me, process::id())), Some(1));
        assert!(pool.take_any(now, me, process::id() ^ 1).is_none());
        assert_eq!(a.closed.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn only_a_finished_request_returns_its_connection() {
        let pool = pool(9);
        let [a, b] = &fakes::<2>();
        assert!(take(&pool).is_none());
        let mut unused = connection(a, &pool);
        assert!(!unused.is_open(), "nothing was answered");
        assert!(take(&pool).is_none());

        unused.await_input(NextTimeout::default()).unwrap();
        drop(unused);
        assert!(take(&pool).is_none(), "the response was not read to its end");

        let mut used = connection(b, &pool);
        used.await_input(NextTimeout::default()).unwrap();
        used.buffers().input_consume(1);
        assert!(!used.is_open(), "ureq keeps nothing");
        drop(used);
        let kept = take(&pool).expect("it was kept");
        assert!(take(&pool).is_none());
        drop(kept);
        assert!(take(&pool).is_none(), "the second request did not end");
        assert_eq!(a.closed.load(Ordering::SeqCst), 2);
    }
}
