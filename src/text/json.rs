//! Reads JSON from services and gateways, which is not always valid.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// Reads a body. A byte order mark before the JSON is ignored. Bytes that are not UTF-8, and escaped surrogates
/// without a partner, are read as U+FFFD.
///
/// # Errors
/// Returns `serde_json`'s error if the repaired body is not JSON of this type.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_str(&text(body))
}

/// Returns the text that [`read`] reads, for readers that keep what comes before an error.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // Most bodies need no repair, and checking that first is much faster.
    let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
    if text.contains("\\u") { Cow::Owned(without_lone_surrogates(&text)) } else { text }
}

/// Returns JSON text with each escaped surrogate that has no partner replaced.
fn without_lone_surrogates(json: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        let (length, is_lone) = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, false),
            (Some(_), _) => (6, true),
            // The second one of two backslashes does not begin an escape.
            (None, _) => (escape.chars().take(2).map(char::len_utf8).sum(), false),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        text.push_str(if is_lone { "\u{fffd}" } else { escape });
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Returns the surrogate that the escape at the beginning of a text stands for, if it is one.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xd800..=0xdfff).contains(unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn invalid_unicode_is_replaced() {
        for (json, text) in [
            (r#""a""#, "a"),
            (r#""\ud83e\udd80""#, "🦀"),
            (r#""\ud800""#, "\u{fffd}"),
            (r#""\uDFFFa""#, "\u{fffd}a"),
            (r#""\ud800\ud83e\udd80\udd80""#, "\u{fffd}🦀\u{fffd}"),
            (r#""\ud800\n\\ud800\\\ud800""#, "\u{fffd}\n\\ud800\\\u{fffd}"),
            (r#""é\ud800é""#, "é\u{fffd}é"),
        ] {
            assert_eq!(read::<String>(json.as_bytes()).unwrap(), text, "{json}");
        }
        assert_eq!(read::<Value>(b"\xef\xbb\xbf[\"\xff\"]").unwrap(), serde_json::json!(["\u{fffd}"]));
        for bad in
            [&b""[..], b"\xef\xbb\xbf", b"<html>", br#""\ud800"#, br#""\ud8""#, b"\"\\", "\"\\é".as_bytes()]
        {
            assert!(read::<Value>(bad).is_err());
        }
    }

    proptest! {
        #[test]
        fn only_lone_surrogates_are_replaced(json in "(\\\\|u|d[89a-f]|[0-9a-f\"é]|\\\\ud8[0-9]{2}|\\\\udc[0-9]{2}){0,20}") {
            let text = without_lone_surrogates(&json);
            prop_assert_eq!(&without_lone_surrogates(&text), &text);
            let quoted = format!("\"{json}\"");
            if let Ok(read) = serde_json::from_str::<String>(&quoted) {
                prop_assert_eq!(&text, &json);
                prop_assert_eq!(super::read::<String>(quoted.as_bytes()).unwrap(), read);
            }
        }
    }
}
