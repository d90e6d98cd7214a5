//! JSON that is not quite right, made readable.

use std::borrow::Cow;

/// The text of a JSON document: without a byte order mark, and with U+FFFD for bytes that are not UTF-8 and for
/// escaped surrogates without their other half, which JSON allows but no text contains.
pub(crate) fn lenient(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match std::str::from_utf8(body) {
        // Almost always, and this check is quicker than `from_utf8_lossy`.
        Ok(text) => without_lone_surrogates(text),
        Err(_) => Cow::Owned(without_lone_surrogates(&String::from_utf8_lossy(body)).into_owned()),
    }
}

fn without_lone_surrogates(json: &str) -> Cow<'_, str> {
    if !json.contains("\\u") {
        return Cow::Borrowed(json);
    }
    let mut text = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        // How much of `rest` after the backslash belongs to the escape, or to a pair of them.
        let length = match code(after) {
            Some(0xd800..=0xdbff) if matches!(low_half(after), Some(0xdc00..=0xdfff)) => 11,
            Some(0xd800..=0xdfff) => {
                text.push_str("\\ufffd");
                rest = after.get(5..).unwrap_or_default();
                continue;
            }
            Some(_) => 5,
            None => after.chars().next().map_or(0, char::len_utf8),
        };
        let (escape, after) = after.split_at(length);
        text.push('\\');
        text.push_str(escape);
        rest = after;
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The number in `u12ab`, which may be followed by anything.
fn code(escape: &str) -> Option<u16> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

fn low_half(escape: &str) -> Option<u16> {
    code(escape.get(5..)?.strip_prefix('\\')?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced() {
        for (json, readable) in [
            ("plain", "plain"),
            (r#"["\n\u00e9\"\\"]"#, r#"["\n\u00e9\"\\"]"#),
            (r"\ud83e\udd80", r"\ud83e\udd80"),
            (r"\uD83E\uDD80", r"\uD83E\uDD80"),
            (r"\ud800", r"\ufffd"),
            (r"\udc00x", r"\ufffdx"),
            (r"\ud800\ud800\udc00", r"\ufffd\ud800\udc00"),
            (r"\ud800\n", r"\ufffd\n"),
            (r"\\ud800", r"\\ud800"),
            (r"\\\ud800", r"\\\ufffd"),
            (r"\ud8", r"\ud8"),
            (r"\u+800 \u", r"\u+800 \u"),
            ("\\é\\ud800\\", "\\é\\ufffd\\"),
        ] {
            assert_eq!(lenient(json.as_bytes()), readable);
        }
        assert_eq!(lenient(b"\xef\xbb\xbf{\"a\":\"\xff\"}"), "{\"a\":\"\u{fffd}\"}");
    }
}
