//! Puts a request together from the bytes that arrive. Pure: it reads neither a socket nor a clock.

use super::Limits;
use super::chunked::Chunked;
use super::request::{Framing, Head, Refusal};

/// Reads one request.
#[derive(Default)]
pub(super) struct RequestReader {
    head: Option<Head>,
    chunked: Option<Chunked>,
    /// How much of the input was searched for the end of the head.
    searched: usize,
}

impl RequestReader {
    /// Uses up what arrived, and returns the request once it is complete. What follows it stays in `input`.
    ///
    /// # Errors
    /// The status to answer with if the bytes are not a request, or exceed a limit.
    pub(super) fn read(&mut self, input: &mut Vec<u8>, limits: &Limits) -> Result<Option<Head>, Refusal> {
        if self.head.is_none() && !self.read_head(input, limits)? {
            return Ok(None);
        }
        let Some(head) = &mut self.head else { return Ok(None) };
        let body = &mut head.request.body;
        let complete = match head.framing {
            Framing::Length(length) => {
                let used = input.len().min(length.saturating_sub(body.len()));
                body.extend(input.drain(..used));
                body.len() == length
            }
            Framing::Chunked => {
                let chunked = self.chunked.get_or_insert_with(|| Chunked::new(limits.max_body));
                let used = chunked.decode(input, body)?;
                input.drain(..used);
                chunked.is_complete()
            }
        };
        Ok(if complete { self.head.take() } else { None })
    }

    fn read_head(&mut self, input: &mut Vec<u8>, limits: &Limits) -> Result<bool, Refusal> {
        if self.searched == 0 {
            // Empty lines before a request are skipped, as the standard advises.
            let empty = input.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            input.drain(..empty);
        }
        // A head can only be complete, or wrong, if a line has ended: parsing at each byte of a slow sender would
        // take quadratic time.
        let line_ended = input.get(self.searched..).is_some_and(|arrived| arrived.contains(&b'\n'));
        self.searched = input.len();
        if !line_ended {
            return if input.len() < limits.max_head { Ok(false) } else { Err(Refusal(431)) };
        }
        let Some((head, length)) = Head::parse(input, limits)? else { return Ok(false) };
        input.drain(..length);
        self.head = Some(head);
        Ok(true)
    }

    /// Whether a part of the request has arrived.
    pub(super) fn has_begun(&self, input: &[u8]) -> bool {
        self.head.is_some() || !input.is_empty()
    }

    /// Whether the peer waits for `100 Continue`. Returns true once.
    pub(super) fn must_continue(&mut self) -> bool {
        self.head.as_mut().is_some_and(|head| std::mem::take(&mut head.expects_continue))
    }
}
