//! A tunnel through an HTTP proxy, opened with CONNECT. The proxy only sees the target's name and port.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::Proxy;

use crate::error::Source;
use crate::transport::failure::NotConnected;
use crate::transport::status;
use crate::transport::stream::Stream;

/// The longest head of a proxy's response.
const LONGEST_HEAD: usize = 16 * 1024;

/// Asks the proxy at the other end of a stream, which has a deadline, to connect the stream to a target.
pub(in crate::transport) fn open(
    stream: &mut dyn Stream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<(), NotConnected> {
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(user) = proxy.username() {
        let credentials = format!("{user}:{}", proxy.password().unwrap_or_default());
        request.push_str("Proxy-Authorization: Basic ");
        BASE64_STANDARD.encode_string(credentials, &mut request);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    stream.flush()?;

    match status(stream)? {
        200..=299 => Ok(()),
        status @ (429 | 500..=599) => {
            Err(io::Error::other(format!("the proxy responded with HTTP {status}")).into())
        }
        status => Err(impossible(format!("the proxy refused with HTTP {status}"))),
    }
}

/// Reads the head of a proxy's response, and not one byte more, because what follows belongs to the target.
fn status(stream: &mut dyn Stream) -> Result<u16, NotConnected> {
    let mut head = Vec::with_capacity(256);
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return Err(impossible("the proxy's response is too large"));
        }
        if stream.read(&mut byte)? == 0 {
            let reason = "the proxy closed the connection";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason).into());
        }
        head.extend_from_slice(&byte);
    }
    status::read(&head).ok_or_else(|| impossible("the proxy does not speak HTTP"))
}

fn impossible(reason: impl Into<Source>) -> NotConnected {
    NotConnected::Impossible(reason.into())
}
