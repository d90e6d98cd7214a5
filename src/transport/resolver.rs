//! Looks up the addresses of the host that connections go to.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::process;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use super::shutdown::Shutdown;

type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Looks up one host.
///
/// The system's resolver cannot be interrupted, so it runs in a thread of its own. While it does, everybody
/// who needs the host waits for the same look-up: at most one such thread is left behind, however long the
/// system takes.
pub(super) struct Resolver {
    host: String,
    port: u16,
    look_up: Arc<LookUp>,
    latest: Mutex<Arc<Running>>,
    shutdown: Arc<Shutdown>,
}

/// A look-up that somebody waits for, or that has ended.
struct Running {
    /// The process that has its thread.
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

    /// The host's addresses, in the order of the system.
    pub(super) fn resolve(&self, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let running = self.run()?;
        let addresses = self.shutdown.wait(deadline, || {
            Some(match running.result.get()? {
                Ok(addresses) => Ok(addresses.clone()),
                // Others may want the same error.
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            })
        });
        match addresses {
            Some(Ok(addresses)) if addresses.is_empty() => {
                Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
            }
            Some(result) => result,
            None => Err(io::Error::new(io::ErrorKind::TimedOut, "the look-up of the name takes too long")),
        }
    }

    /// The look-up that is under way, or a new one.
    fn run(&self) -> io::Result<Arc<Running>> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
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
