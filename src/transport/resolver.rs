//! Looks up the addresses of the host that connections go to.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::process;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Instant;

use super::shutdown::Shutdown;

type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks up one host.
///
/// The system's resolver cannot be interrupted, so it runs in a thread of its own. While it runs, all calls that need
/// the host wait for the same look-up, so that at most one such thread exists, however long the system takes.
pub(super) struct Resolver {
    host: String,
    port: u16,
    look_up: Arc<LookUp>,
    latest: Mutex<Arc<Running>>,
    shutdown: Arc<Shutdown>,
}

/// A look-up that is under way or has ended.
struct Running {
    /// The process that its thread belongs to.
    process: u32,
    result: OnceLock<io::Result<Vec<SocketAddr>>>,
}

impl Resolver {
    pub(super) fn new(host: &str, port: u16, shutdown: &Arc<Shutdown>) -> Self {
        let by_system = |host: &str, port| Ok((host, port).to_socket_addrs()?.collect());
        Self {
            host: host.to_owned(),
            port,
            look_up: Arc::new(by_system),
            latest: Mutex::new(Arc::new(Running { process: 0, result: OnceLock::new() })),
            shutdown: Arc::clone(shutdown),
        }
    }

    /// Looks up the host's addresses, in the system's order.
    pub(super) fn resolve(&self, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let running = self.run()?;
        let addresses = self.shutdown.wait(deadline, || {
            Some(match running.result.get()? {
                Ok(addresses) => Ok(addresses.clone()),
                // Other calls may need the same error.
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            })
        });
        let too_long = || Err(io::Error::new(io::ErrorKind::TimedOut, "looking up the name took too long"));
        addresses.unwrap_or_else(too_long)
    }

    /// Returns the look-up that is under way, or a new one.
    fn run(&self) -> io::Result<Arc<Running>> {
        let mut latest = lock!(self.latest);
        let process = process::id();
        if latest.process == process && latest.result.get().is_none() {
            return Ok(Arc::clone(&latest));
        }
        let running = Arc::new(Running { process, result: OnceLock::new() });
        let (there, look_up) = (Arc::clone(&running), Arc::clone(&self.look_up));
        let (host, port, shutdown) = (self.host.clone(), self.port, Arc::clone(&self.shutdown));
        thread::Builder::new().name("twilio-payments-resolve".to_owned()).spawn(move || {
            let _ = there.result.set(look_up(&host, port));
            shutdown.wake();
        })?;
        *latest = Arc::clone(&running);
        Ok(running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Barrier, Condvar};
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(20);

    /// A resolver that hangs until the test lets it return.
    #[derive(Default)]
    struct System {
        look_ups: AtomicUsize,
        may_return: Mutex<bool>,
        changed: Condvar,
    }

    impl System {
        fn let_return(&self) {
            *self.may_return.lock().unwrap() = true;
            self.changed.notify_all();
        }
    }

    fn resolver() -> (Resolver, Arc<System>) {
        let system = Arc::new(System::default());
        let there = Arc::clone(&system);
        let mut resolver = Resolver::new("pay.example.test", 443, &Arc::default());
        resolver.look_up = Arc::new(move |host, port| {
            assert_eq!((host, port), ("pay.example.test", 443));
            let number = there.look_ups.fetch_add(1, Ordering::SeqCst);
            let may_return = there.may_return.lock().unwrap();
            drop(there.changed.wait_while(may_return, |may_return| !*may_return).unwrap());
            match number {
                0 | 1 => Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))]),
                _ => Err(io::Error::other("no such name")),
            }
        });
        (resolver, system)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[test]
    fn all_waiting_calls_share_one_look_up() {
        let (resolver, system) = resolver();
        let all = Barrier::new(9);
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        all.wait();
                        resolver.resolve(Instant::now() + LONG)
                    })
                })
                .collect();
            all.wait();
            // A call that gives up leaves nothing behind that the next one would not use.
            for _ in 0..6 {
                assert_eq!(resolver.resolve(soon()).unwrap_err().kind(), io::ErrorKind::TimedOut);
            }
            assert_eq!(system.look_ups.load(Ordering::SeqCst), 1);
            system.let_return();
            for resolved in waiting {
                let address = SocketAddr::from(([192, 0, 2, 1], 443));
                assert_eq!(resolved.join().unwrap().unwrap(), [address]);
            }
        });
        // Nothing is remembered: the next connection looks the name up again.
        let failure = (0..9).find_map(|_| resolver.resolve(Instant::now() + LONG).err());
        assert_eq!(failure.unwrap().to_string(), "no such name");
    }

    #[test]
    fn another_process_looks_up_for_itself() {
        let (resolver, system) = resolver();
        resolver.resolve(soon()).unwrap_err();
        let foreign = Running { process: 0, result: OnceLock::new() };
        *resolver.latest.lock().unwrap() = Arc::new(foreign);
        system.let_return();
        resolver.resolve(Instant::now() + LONG).unwrap();
        assert_eq!(system.look_ups.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_shutdown_ends_the_wait() {
        let (resolver, system) = resolver();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| resolver.resolve(Instant::now() + 3 * LONG));
            while system.look_ups.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            resolver.shutdown.signal();
            let started = Instant::now();
            waiting.join().unwrap().unwrap_err();
            assert!(started.elapsed() < LONG);
        });
        system.let_return();
    }

    #[test]
    fn an_address_is_not_looked_up() {
        for (host, address) in [("192.0.2.1", "192.0.2.1:80"), ("2001:db8::1", "[2001:db8::1]:80")] {
            let mut resolver = Resolver::new(host, 80, &Arc::default());
            resolver.look_up = Arc::new(|_, _| panic!("looked up"));
            assert_eq!(resolver.resolve(soon()).unwrap(), [address.parse().unwrap()]);
        }
    }
}
