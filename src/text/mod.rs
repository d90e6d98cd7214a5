//! Text from outside: shown without its control characters, and never with a secret in it.

#[cfg(any(feature = "sandbox", test))]
pub(crate) mod date;
pub(crate) mod form;
pub(crate) mod json;

use std::fmt;

/// Shows text with control and direction-changing characters escaped, so that it cannot act on a terminal
/// or a log; cut after 500 characters.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

const SHOWN: usize = 500;

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for (index, c) in self.0.chars().enumerate() {
            if index == SHOWN {
                return f.write_str("…");
            }
            let acts = c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
            if acts { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

/// Text that is kept for the caller but that `Debug` shows only the length of.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Withheld(String);

impl Withheld {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

/// Cuts text to at most `limit` bytes, at a character's boundary.
pub(crate) fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// Masks a client's secrets in text that others wrote.
#[derive(Clone)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// A redactor of the given secrets; empty ones are passed over.
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self { secrets: secrets.into_iter().filter(|secret| !secret.is_empty()).collect() }
    }

    /// The text with each secret replaced.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for secret in &self.secrets {
            if holds(&masked, secret) {
                masked = masked.replace(secret.as_str(), "[redacted]");
            }
        }
        masked
    }

    /// The JSON value with each secret replaced in its strings and names.
    pub(crate) fn mask_json(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => *text = self.mask(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_json(item)),
            Value::Object(fields) => {
                for (name, mut value) in std::mem::take(fields) {
                    self.mask_json(&mut value);
                    fields.insert(self.mask(&name), value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The body of an answer as text, with each secret replaced. Where only JSON's escapes hide one (many
    /// servers write `/` as `\/`), they are undone first.
    pub(crate) fn mask_body(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        if body.contains(&b'\\') {
            let plain = without_escapes(&text);
            if self.secrets.iter().any(|secret| plain.contains(secret.as_str())) {
                return self.mask(&plain);
            }
        }
        self.mask(&text)
    }
}

/// JSON text with its escaped slashes and code points written out.
fn without_escapes(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let code = after.strip_prefix('u').and_then(|after| after.get(..4));
        let escaped = code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
        rest = match escaped {
            Some(c) => {
                plain.push(c);
                after.get(5..).unwrap_or_default()
            }
            None if after.starts_with('/') => after,
            None => {
                plain.push('\\');
                // Of two backslashes the second begins no escape.
                after.strip_prefix('\\').inspect(|_| plain.push('\\')).unwrap_or(after)
            }
        };
    }
    plain.push_str(rest);
    plain
}

/// Whether a text holds a secret. The standard search prepares itself at length, which a text that is not much
/// longer than the secret, as a request id is, does not repay.
fn holds(text: &str, secret: &str) -> bool {
    const SHORT: usize = 32;
    match text.len().checked_sub(secret.len()) {
        None => false,
        Some(places) if places < SHORT => {
            text.as_bytes().windows(secret.len()).any(|part| part == secret.as_bytes())
        }
        Some(_) => text.contains(secret),
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// Shows a URL without what may be secret in it: user info and query are replaced.
pub(crate) fn url_without_secrets(url: &str) -> String {
    let (rest, query) = match url.find(['?', '#']) {
        Some(end) => (url.get(..end).unwrap_or(url), "?…"),
        None => (url, ""),
    };
    let authority = rest.find("//").map_or(0, |at| at + 2);
    let end = rest.get(authority..).and_then(|tail| tail.find('/')).map_or(rest.len(), |at| authority + at);
    let (scheme, path) = (rest.get(..authority).unwrap_or(""), rest.get(end..).unwrap_or(""));
    match rest.get(authority..end).and_then(|host| host.rsplit_once('@')) {
        Some((_, host)) => format!("{scheme}…@{host}{path}{query}"),
        None => format!("{rest}{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_escaped() {
        for (text, shown) in [
            ("plain \"text\" é 🦀", "plain \"text\" é 🦀"),
            ("a\r\nb\x1b[31m\0\x7f", r"a\r\nb\u{1b}[31m\u{0}\u{7f}"),
            ("\u{202e}evil\u{2066}\u{85}", r"\u{202e}evil\u{2066}\u{85}"),
        ] {
            assert_eq!(Escaped(text).to_string(), shown);
        }
        let long = "x".repeat(600);
        assert_eq!(Escaped(&long).to_string(), format!("{}…", "x".repeat(500)));
    }

    #[test]
    fn text_is_cut_at_a_character() {
        assert_eq!(cut("héllo".to_owned(), 2), "h");
        assert_eq!(cut("héllo".to_owned(), 3), "hé");
        assert_eq!(cut("héllo".to_owned(), 99), "héllo");
    }

    #[test]
    fn secrets_are_masked() {
        let redactor = Redactor::new(["hush".to_owned(), String::new()]);
        assert_eq!(redactor.mask("a hush b hush"), "a [redacted] b [redacted]");
        let mut value = serde_json::json!({"hush": ["hush", 1, {"a": "xhushx"}]});
        redactor.mask_json(&mut value);
        assert_eq!(value, serde_json::json!({"[redacted]": ["[redacted]", 1, {"a": "x[redacted]x"}]}));
        for (body, masked) in [
            (&br#"{"a": "hush\n"}"#[..], r#"{"a": "[redacted]\n"}"#),
            (br#"["\u0068us\u0068","\/\ud800\u12"]"#, r#"["[redacted]","/\ud800\u12"]"#),
            (br#"["\/"]"#, r#"["\/"]"#),
            (br"\\u0068ush \hush \", r"\\u0068ush \[redacted] \"),
            (b"hush\xff", "[redacted]\u{fffd}"),
            (b"", ""),
        ] {
            assert_eq!(redactor.mask_body(body), masked);
        }
        assert_eq!(format!("{redactor:?}"), "Redactor { .. }");
        assert_eq!(format!("{:?}", Withheld::new("hush".to_owned())), "(4 bytes)");
    }

    #[test]
    fn urls_are_shown_without_user_and_query() {
        for (url, shown) in [
            ("https://example.com/a", "https://example.com/a"),
            ("https://u:p@example.com/a?t=1", "https://…@example.com/a?…"),
            ("https://u:p@example.com", "https://…@example.com"),
            ("https://example.com/a@b", "https://example.com/a@b"),
            ("/relative?x", "/relative?…"),
            ("//u@h/x#f", "//…@h/x?…"),
            ("", ""),
        ] {
            assert_eq!(url_without_secrets(url), shown);
        }
    }
}
