//! The tests that can share a process. Those that measure or change the whole process have binaries of their own
//! beside this folder.
//!
//! Tests that need TLS are left out if no feature provides it.

mod amounts;
mod both_worlds;
mod callbacks;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod config;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod connecting;
mod deadlines;
mod exactly_once;
mod guide;
mod guide_threads;
mod hostile;
mod keypad;
mod leftovers;
mod listener;
mod logging;
mod money;
mod oauth;
mod observer;
mod properties;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod proxy;
mod readme;
mod responses;
mod retries;
mod sandbox;
mod stale;
mod support;
mod threads;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls_connections;
mod wire;
