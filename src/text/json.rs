//! JSON as services and gateways write it, which is not always JSON.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

/// Reads a body. A byte order mark before the JSON is ignored, and what is not Unicode, be it bytes that are not
/// UTF-8 or escaped surrogates without a partner, is read as U+FFFD.
///
/// # Errors
/// Returns the reader's error if the body is not JSON of that type even so.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    // To check the whole is quicker than to check each string.
    let text = unicode(body);
    serde_json::from_str(&text).or_else(|error| match without_lone_surrogates(&text) {
        Some(text) => serde_json::from_str(&text),
        None => Err(error),
    })
}

/// Returns the text of a body from which [`read`] reads, for reading that keeps what comes before a mistake.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    let text = unicode(body);
    without_lone_surrogates(&text).map_or(text, Cow::Owned)
}

fn unicode(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // The usual body needs no repair, and to check only that is far quicker.
    std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

/// Returns JSON text with each escaped surrogate that has no partner replaced, or `None` if there is none.
fn without_lone_surrogates(json: &str) -> Option<String> {
    let (mut text, mut rest, mut found) = (String::with_capacity(json.len()), json, false);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        text.push_str(before);
        // Of two backslashes the second does not begin an escape.
        let length = match (surrogate(escape), escape.get(6..).and_then(surrogate)) {
            (Some(Surrogate::High), Some(Surrogate::Low)) => 12,
            (Some(_), _) => {
                found = true;
                text.push('\u{fffd}');
                rest = escape.get(6..).unwrap_or_default();
                continue;
            }
            (None, _) => escape.char_indices().nth(2).map_or(escape.len(), |(end, _)| end),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        text.push_str(escape);
        rest = after;
    }
    text.push_str(rest);
    found.then_some(text)
}

enum Surrogate {
    High,
    Low,
}

/// Returns which half of a pair the escape at the beginning of a text is, if it is one.
fn surrogate(text: &str) -> Option<Surrogate> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Surrogate::High),
        0xdc00..=0xdfff => Some(Surrogate::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn what_is_not_unicode_is_replaced() {
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
            prop_assert!(text.as_deref().and_then(without_lone_surrogates).is_none());
            let quoted = format!("\"{json}\"");
            if let Ok(read) = serde_json::from_str::<String>(&quoted) {
                prop_assert!(text.is_none());
                prop_assert_eq!(super::read::<String>(quoted.as_bytes()).unwrap(), read);
            }
        }
    }
}
