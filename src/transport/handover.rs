//! Passes the connection that was chosen for a request to ureq.
//!
//! ureq asks a connector for each connection, but does not say which request it is for. It asks on the thread that runs
//! the request, so the connection waits in a thread-local slot.

use std::cell::Cell;

use ureq::config::Config;
use ureq::http::{Request, Response, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};
use ureq::{Agent, Body};

use super::connection::Connection;
use super::status;

thread_local! {
    static NEXT: Cell<Option<Connection>> = const { Cell::new(None) };
}

/// Runs a request on a connection.
pub(super) fn run(
    agent: &Agent,
    request: Request<&[u8]>,
    connection: Connection,
) -> Result<Response<Body>, ureq::Error> {
    let _ = status::take();
    set(Some(connection));
    let result = agent.run(request);
    // If ureq failed before it asked, the connection must not be used for another request.
    set(None);
    result
}

fn set(connection: Option<Connection>) {
    // A thread that is ending no longer has a slot. ureq then reports that it has no connection.
    let _ = NEXT.try_with(|next| next.set(connection));
}

/// ureq's connector and resolver: neither looks up or connects anything.
#[derive(Debug)]
pub(super) struct Handover;

impl Connector for Handover {
    type Out = Connection;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Connection>, ureq::Error> {
        Ok(NEXT.try_with(Cell::take).ok().flatten())
    }
}

impl Resolver for Handover {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}
