//! The check of requests that arrive in pieces, for the fuzz target and the tests.

use super::Limits;
use super::request::{Incoming, Request};

/// Fails unless the requests in some bytes are within the limits, and the same in whatever pieces they arrive.
#[cfg_attr(not(fuzzing), allow(unreachable_pub, reason = "only the fuzz target reaches it"))]
pub fn check_requests(bytes: &[u8], size: usize) {
    let limits = Limits { max_body: 300, max_head: 200, ..Limits::default() };
    let in_pieces = read_pieces(bytes, size, &limits);
    assert_eq!(in_pieces, read_pieces(bytes, bytes.len(), &limits));
    for (_, target, body) in in_pieces.0 {
        assert!(body.len() <= limits.max_body);
        assert!(target.starts_with('/') || target == "*", "{target}");
    }
}

/// Reads bytes that arrive in pieces of `size` bytes, as a connection does. Returns the method, target and body of each
/// request, and whether the bytes after them were refused.
fn read_pieces(bytes: &[u8], size: usize, limits: &Limits) -> (Vec<(String, String, Vec<u8>)>, bool) {
    let (mut input, mut incoming, mut requests) = (Vec::new(), None, Vec::new());
    for piece in bytes.chunks(size.max(1)) {
        input.extend_from_slice(piece);
        loop {
            if incoming.is_none() {
                match Incoming::take(&mut input, limits) {
                    Ok(taken) => incoming = taken,
                    Err(_) => return (requests, true),
                }
            }
            let Some(mut request) = incoming.take() else { break };
            match request.take_body(&mut input) {
                Ok(true) => {
                    let Request { method, target, body, .. } = request.request;
                    requests.push((method, target, body));
                }
                Ok(false) => {
                    incoming = Some(request);
                    break;
                }
                Err(_) => return (requests, true),
            }
        }
    }
    (requests, false)
}
