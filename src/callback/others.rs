//! What a callback holds beyond the fields that are known.

/// Names and values in their order, in one piece of text: a body of a million bytes stays a few million
/// bytes, however many parameters it is cut into.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Others {
    text: String,
    /// Where each name ends, and where its value does. A body's size fits into 32 bits.
    ends: Vec<(u32, u32)>,
}

impl Others {
    pub(super) fn push(&mut self, name: &str, value: &str) {
        let end = |text: &str| u32::try_from(text.len());
        let start = self.text.len();
        self.text.push_str(name);
        let name_end = end(&self.text);
        self.text.push_str(value);
        match (name_end, end(&self.text)) {
            (Ok(name_end), Ok(value_end)) => self.ends.push((name_end, value_end)),
            // Bodies are far below 4 GiB.
            _ => self.text.truncate(start),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |&(name_end, value_end)| {
            let pair = (self.piece(start, name_end), self.piece(name_end, value_end));
            start = value_end;
            pair
        })
    }

    fn piece(&self, start: u32, end: u32) -> &str {
        let at = |end: u32| usize::try_from(end).unwrap_or(usize::MAX);
        self.text.get(at(start)..at(end)).unwrap_or("")
    }
}
