//! `Redactor`: masks secrets in text from outside.

use std::ops::BitOr;

/// Masks a client's secrets in text from outside: as they are and, in a body, as JSON escapes them. It does not
/// recognize any other encoding of a secret.
#[derive(Clone)]
pub(crate) struct Redactor {
    secrets: Vec<String>,
}

impl Redactor {
    /// Makes a redactor of these secrets. Empty ones are ignored.
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        Self { secrets: secrets.into_iter().filter(|secret| !secret.is_empty()).collect() }
    }

    /// Returns the text with each secret replaced.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        self.mask_in(&mut masked);
        masked
    }

    /// Replaces each secret in a text.
    pub(crate) fn mask_in(&self, text: &mut String) {
        for secret in &self.secrets {
            if contains_secret(text, secret) {
                *text = text.replace(secret.as_str(), "[redacted]");
            }
        }
    }

    /// Replaces each secret in the strings and names of a JSON value.
    pub(crate) fn mask_json(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => self.mask_in(text),
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

    /// Returns the body of a response as text, with each secret replaced. If JSON escapes hide a secret (many servers
    /// write `/` as `\/`), they are undone first.
    pub(crate) fn mask_body(&self, body: &[u8]) -> String {
        let masked = self.mask(&String::from_utf8_lossy(body));
        if masked.contains('\\') {
            let plain = without_escapes(&masked);
            if self.secrets.iter().any(|secret| plain.contains(secret.as_str())) {
                return self.mask(&plain);
            }
        }
        masked
    }
}

/// Returns JSON text with the escapes of visible characters undone.
fn without_escapes(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('\\') {
        let code = after.strip_prefix('u').and_then(|after| after.get(..4));
        let code = code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
        let (c, length) = match (code, after.chars().next()) {
            (Some(c), _) => (c, 5),
            (None, Some(c @ ('"' | '\\' | '/'))) => (c, 1),
            _ => ('\\', 0),
        };
        plain.push_str(before);
        plain.push(c);
        rest = after.get(length..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// Returns whether a text contains a secret.
///
/// The standard search has a costly preparation, and hardly any text contains a secret. So a quick check comes first:
/// whether the secret's first and last bytes occur anywhere at the right distance. Its loop has no early exit, so that
/// the compiler can compare many bytes at once.
fn contains_secret(text: &str, secret: &str) -> bool {
    let Some((last, before)) = secret.as_bytes().split_last() else { return false };
    let first = before.first().unwrap_or(last);
    let ends = text.as_bytes().get(before.len()..).unwrap_or_default();
    let may_hold =
        text.bytes().zip(ends).map(|(begin, end)| [begin, *end] == [*first, *last]).fold(false, BitOr::bitor);
    may_hold && text.contains(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn a_secret_that_json_escapes_is_masked() {
        let secret = r#"a"b\c/d"#;
        let redactor = Redactor::new([secret.to_owned()]);
        let json = serde_json::to_string(secret).unwrap();
        for body in
            [secret, &json, &json.replace('/', r"\/"), &json.replace('a', r"\u0061").replace('c', r"\u0063")]
        {
            let masked = redactor.mask_body(body.as_bytes());
            assert_eq!(masked.trim_matches('"'), "[redacted]", "{body}");
        }
    }
}
