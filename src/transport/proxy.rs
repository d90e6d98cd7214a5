//! The way through an HTTP proxy: a tunnel, by CONNECT. Of what goes through it the proxy sees nothing but
//! the target's name and port.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::Proxy;

use super::socket::Stream;
use crate::error::is_retryable_status;

/// The longest head of a proxy's answer.
const LONGEST_HEAD: usize = 16 * 1024;

/// Why there is no tunnel.
pub(super) enum NoTunnel {
    /// The connection broke, the time ran out, or the proxy says that it has a passing fault.
    Passing(io::Error),
    /// The proxy will not, or is none.
    Final(String),
}

/// Asks a proxy, to which a stream with a deadline leads, to connect it with a target.
pub(super) fn open_tunnel(
    stream: &mut dyn Stream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<(), NoTunnel> {
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(user) = proxy.username() {
        let credentials = format!("{user}:{}", proxy.password().unwrap_or_default());
        request.push_str("Proxy-Authorization: Basic ");
        BASE64_STANDARD.encode_string(credentials, &mut request);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.flush());
    sent.map_err(NoTunnel::Passing)?;

    match status(stream)? {
        200..=299 => Ok(()),
        status if is_retryable_status(status) => {
            Err(NoTunnel::Passing(io::Error::other(format!("the proxy answered HTTP {status}"))))
        }
        status => Err(NoTunnel::Final(format!("the proxy refused with HTTP {status}"))),
    }
}

/// Reads the head of a proxy's answer, and no byte more: what follows belongs to the target.
fn status(stream: &mut dyn Stream) -> Result<u16, NoTunnel> {
    let mut head = Vec::with_capacity(256);
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return Err(NoTunnel::Final("the proxy's answer is too large".to_owned()));
        }
        match stream.read(&mut byte) {
            Ok(0) => return Err(NoTunnel::Passing(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => head.extend_from_slice(&byte),
            Err(error) => return Err(NoTunnel::Passing(error)),
        }
    }
    let text = head.strip_prefix(b"HTTP/1.").and_then(|rest| std::str::from_utf8(rest.get(2..5)?).ok());
    let status = text.and_then(|text| text.parse().ok());
    status.ok_or_else(|| NoTunnel::Final("the proxy does not speak HTTP".to_owned()))
}
