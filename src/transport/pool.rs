//! The connections that are kept while nobody uses them.
//!
//! ureq's own pool has nothing to keep: it gives each connection back after its answer, and asks for one
//! before each request. Here a thread gets the connection that it used last, where that is free. So the data
//! of a connection stays with the processor that has it, and threads that share a client are as quick as
//! threads that have one each. The lock is held for a few hundred nanoseconds, never for a system call.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};

use super::wire::Wire;

/// How long a connection is kept without use. Servers and what stands before them often close after a
/// minute, some without a word.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

/// Idle connections, all to the same host.
pub(super) struct Pool {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// The longest idle one first.
    idle: Vec<Idle>,
}

struct Idle {
    wire: Wire,
    /// Who used it last.
    thread: ThreadId,
    since: Instant,
}

impl Pool {
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// A connection that still stands: the calling thread's own, or else the one that was used last.
    pub(super) fn take(&self) -> Option<Wire> {
        loop {
            let mut wire = self.take_any(Instant::now(), thread::current().id())?;
            if wire.is_quiet() {
                return Some(wire);
            }
        }
    }

    fn take_any(&self, now: Instant, thread: ThreadId) -> Option<Wire> {
        let mut state = self.state();
        let old = state.remove_old(now);
        let own = state.idle.iter().rposition(|idle| idle.thread == thread);
        let index = own.or_else(|| state.idle.len().checked_sub(1));
        let found = index.map(|index| state.idle.remove(index).wire);
        drop(state);
        // To close is a system call.
        drop(old);
        found
    }

    /// Keeps a connection.
    fn put(&self, wire: Wire, now: Instant, thread: ThreadId) {
        let mut state = self.state();
        let mut old = state.remove_old(now);
        if state.closed || self.most == 0 {
            drop(state);
            return;
        }
        if state.idle.len() >= self.most {
            old.push(state.idle.remove(0));
        }
        state.idle.push(Idle { wire, thread, since: now });
        drop(state);
        drop(old);
    }

    /// Closes all that are idle now.
    pub(super) fn clear(&self) {
        let idle = std::mem::take(&mut self.state().idle);
        drop(idle);
    }

    /// Closes all that are idle now or will be.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes out what has been idle for too long.
    fn remove_old(&mut self, now: Instant) -> Vec<Idle> {
        let fresh = |idle: &Idle| now.saturating_duration_since(idle.since) < LONGEST_IDLE;
        // Usually nothing, which allocates nothing.
        self.idle.drain(..self.idle.iter().position(fresh).unwrap_or(self.idle.len())).collect()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("most", &self.most).finish_non_exhaustive()
    }
}

/// A connection in use: what ureq holds for the time of one exchange.
#[derive(Debug)]
pub(super) struct Lease {
    wire: Wire,
    pool: Arc<Pool>,
    /// Whether the exchange is over, and the connection fit for another.
    over: bool,
}

impl Lease {
    pub(super) fn new(wire: Wire, pool: &Arc<Pool>) -> Self {
        Self { wire, pool: Arc::clone(pool), over: false }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.over {
            let wire = std::mem::replace(&mut self.wire, Wire::closed());
            self.pool.put(wire, Instant::now(), thread::current().id());
        }
    }
}

impl Transport for Lease {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.wire
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.wire.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.wire.await_input(timeout)
    }

    /// Asked when an answer has been read to its end, and nothing came after it.
    fn is_open(&mut self) -> bool {
        self.over = self.wire.end_exchange();
        self.over
    }

    fn is_tls(&self) -> bool {
        self.wire.is_tls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::socket::Stream;
    use std::io::{self, Read, Write};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// A connection that stands until it is told otherwise, and tells when it is dropped.
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
        fn set_deadline(&mut self, _: Option<Instant>) {}

        fn is_quiet(&mut self) -> bool {
            !self.0.dead.load(Ordering::SeqCst)
        }
    }

    fn wire(fake: &Fake) -> Wire {
        Wire::new(Box::new(Open(fake.clone())), false)
    }

    fn fakes<const COUNT: usize>() -> [Fake; COUNT] {
        let closed = Arc::new(AtomicUsize::new(0));
        std::array::from_fn(|name| Fake { name, closed: Arc::clone(&closed), dead: Arc::default() })
    }

    fn name(wire: Option<Wire>) -> Option<u8> {
        let mut wire = wire?;
        wire.await_input(NextTimeout::default()).unwrap();
        wire.input().first().copied()
    }

    fn other_thread() -> ThreadId {
        thread::spawn(|| thread::current().id()).join().unwrap()
    }

    #[test]
    fn a_thread_gets_its_own_or_the_last_used() {
        let (pool, now, me, other) = (Pool::new(9), Instant::now(), thread::current().id(), other_thread());
        let fakes = fakes::<5>();
        for (fake, thread) in fakes.iter().zip([me, other, me, other, other]) {
            pool.put(wire(fake), now, thread);
        }
        let third = other_thread();
        for (thread, expected) in
            [(me, Some(2)), (third, Some(4)), (me, Some(0)), (me, Some(3)), (other, Some(1)), (me, None)]
        {
            assert_eq!(name(pool.take_any(now, thread)), expected);
        }
    }

    #[test]
    fn the_longest_idle_ones_are_closed() {
        let (now, me) = (Instant::now(), thread::current().id());
        let after = |seconds| now + Duration::from_secs(seconds);
        let [a, b, c] = &fakes::<3>();
        let closed = || a.closed.load(Ordering::SeqCst);

        let pool = Pool::new(2);
        pool.put(wire(a), after(0), me);
        pool.put(wire(b), after(1), me);
        pool.put(wire(c), after(2), me);
        assert_eq!(closed(), 1, "no more than two");
        assert_eq!(name(pool.take_any(after(31), other_thread())), Some(2));
        assert_eq!(closed(), 3, "`b` was idle for 30 s, and `c` is dropped here");

        pool.put(wire(a), after(0), me);
        pool.put(wire(b), after(30), me);
        assert_eq!(closed(), 4, "looked at when one is put back, too");
        assert!(pool.take_any(after(60), me).is_none());

        let none = Pool::new(0);
        none.put(wire(a), now, me);
        assert!(none.take_any(now, me).is_none());
        assert_eq!(closed(), 6);
    }

    #[test]
    fn dead_ones_are_passed_over() {
        let pool = Pool::new(9);
        let fakes = fakes::<4>();
        for fake in &fakes {
            pool.put(wire(fake), Instant::now(), thread::current().id());
        }
        for dead in [&fakes[3], &fakes[1], &fakes[0]] {
            dead.dead.store(true, Ordering::SeqCst);
        }
        assert_eq!(name(pool.take()), Some(2));
        assert_eq!(name(pool.take()), None);
        assert_eq!(fakes[0].closed.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn cleared_and_closed() {
        let pool = Pool::new(9);
        let put = |fake: &Fake| pool.put(wire(fake), Instant::now(), thread::current().id());
        let [a, b, c] = &fakes::<3>();
        put(a);
        pool.clear();
        put(b);
        assert_eq!((name(pool.take()), a.closed.load(Ordering::SeqCst)), (Some(1), 2));
        put(b);
        pool.close();
        put(c);
        assert!(pool.take().is_none());
        assert_eq!(a.closed.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn only_a_finished_exchange_gives_a_connection_back() {
        let pool = Arc::new(Pool::new(9));
        let [a, b] = &fakes::<2>();
        drop(Lease::new(wire(a), &pool));
        assert!(pool.take().is_none());

        let mut lease = Lease::new(wire(a), &pool);
        assert!(!lease.is_open(), "nothing was answered");
        lease.await_input(NextTimeout::default()).unwrap();
        drop(lease);
        assert!(pool.take().is_none(), "the answer was not read to its end");

        let mut lease = Lease::new(wire(b), &pool);
        lease.await_input(NextTimeout::default()).unwrap();
        lease.buffers().input_consume(1);
        assert!(lease.is_open());
        drop(lease);
        let kept = pool.take().expect("it was kept");
        drop(Lease::new(kept, &pool));
        assert!(pool.take().is_none(), "the second exchange did not end");
        assert_eq!(a.closed.load(Ordering::SeqCst), 3);
    }
}
