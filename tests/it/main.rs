//! Every test that can share a process with others. Those that measure or change the whole process have binaries
//! of their own beside this folder.

mod amounts;
mod answers;
mod both_worlds;
mod callbacks;
mod config;
mod connecting;
mod deadlines;
mod exactly_once;
mod guide;
mod hostile;
mod keypad;
mod leftovers;
mod listener;
mod logging;
mod money;
mod oauth;
mod observer;
mod properties;
mod proxy;
mod readme;
mod retries;
mod sandbox;
mod stale;
mod support;
mod threads;
mod tls;
mod tls_sessions;
mod wire;
