//! The chunked transfer coding. It is read strictly: anything that a proxy in front might read differently is refused.

use super::interruption::Interruption;

/// The largest total length of size lines, extensions and line ends of a body, in bytes.
const MAX_FRAMING: usize = 16 * 1024;

/// Decodes one body as its bytes arrive.
pub(super) struct Chunked {
    expected: Expected,
    /// What is left of the current chunk's data.
    left: usize,
    framing: usize,
    max_body: usize,
}

#[derive(Clone, Copy)]
enum Expected {
    /// The first digit of a chunk's size.
    Size,
    /// Another digit, or the end of the size.
    MoreSize,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// The empty line after the last chunk. Anything else is a trailer and is refused.
    LastCr,
    LastLf,
    Nothing,
}

impl Chunked {
    pub(super) fn new(max_body: usize) -> Self {
        Self { expected: Expected::Size, left: 0, framing: 0, max_body }
    }

    /// Returns whether the body is complete.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.expected, Expected::Nothing)
    }

    /// Decodes the bytes that arrived, appends the data to `body`, and returns how many bytes were used.
    ///
    /// # Errors
    /// Returns 400 if the bytes are not chunks or contain a trailer, and 413 if data or framing exceed their limits.
    pub(super) fn decode(&mut self, bytes: &[u8], body: &mut Vec<u8>) -> Result<usize, Interruption> {
        let mut used = 0;
        while let Some(&byte) = bytes.get(used) {
            if matches!(self.expected, Expected::Data) {
                let arrived = bytes.get(used..).unwrap_or_default();
                let data = arrived.get(..self.left).unwrap_or(arrived);
                body.extend_from_slice(data);
                used += data.len();
                self.left -= data.len();
                if self.left == 0 {
                    self.expected = Expected::DataCr;
                }
                continue;
            }
            if self.is_complete() {
                break;
            }
            used += 1;
            self.framing += 1;
            if self.framing > MAX_FRAMING {
                return Err(Interruption::Refused(413));
            }
            self.expected = self.next(byte, body.len())?;
        }
        Ok(used)
    }

    /// Returns what is expected after one byte of framing.
    fn next(&mut self, byte: u8, received: usize) -> Result<Expected, Interruption> {
        Ok(match (self.expected, byte) {
            (Expected::Size | Expected::MoreSize, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).and_then(|digit| usize::try_from(digit).ok());
                let size = self.left.checked_mul(16).zip(digit).and_then(|(high, low)| high.checked_add(low));
                self.left = size
                    .filter(|size| received.checked_add(*size).is_some_and(|total| total <= self.max_body))
                    .ok_or(Interruption::Refused(413))?;
                Expected::MoreSize
            }
            (Expected::MoreSize, b';') | (Expected::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                Expected::Extension
            }
            (Expected::MoreSize | Expected::Extension, b'\r') => Expected::SizeLf,
            (Expected::SizeLf, b'\n') if self.left == 0 => Expected::LastCr,
            (Expected::SizeLf, b'\n') => Expected::Data,
            (Expected::DataCr, b'\r') => Expected::DataLf,
            (Expected::DataLf, b'\n') => Expected::Size,
            (Expected::LastCr, b'\r') => Expected::LastLf,
            (Expected::LastLf, b'\n') => Expected::Nothing,
            _ => return Err(Interruption::Refused(400)),
        })
    }
}
