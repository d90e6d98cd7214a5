//! What the benches share.

#![allow(dead_code, reason = "each bench takes a part of it")]

pub(crate) mod alloc;
pub(crate) mod clients;
pub(crate) mod facts;
pub(crate) mod measure;
pub(crate) mod report;
pub(crate) mod server;
