//! Reads the body of a 4xx or 5xx response. A gateway may have cut or rewritten it, so every part that can be read is
//! kept.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::error::ApiError;
use crate::model::Scalar;
use crate::text::{Redactor, json};

/// The longest body whose details are kept. The API's own bodies have a few hundred bytes, and a tree of JSON values
/// can take thirty times the length of its text.
const LONGEST: usize = 64 * 1024;

/// Reads a body into `api`, up to where it stops being JSON.
pub(crate) fn read(body: &[u8], redactor: &Redactor, api: &mut ApiError) {
    let text = json::text(body);
    // An error only means that the rest cannot be read.
    let _ = serde_json::Deserializer::from_str(&text).deserialize_map(ErrorVisitor(api));
    if text.len() <= LONGEST {
        let mut value = serde_json::from_str(&text).unwrap_or(Value::Null);
        redactor.mask_json(&mut value);
        // Newer services name them `params`.
        let details = ["details", "params"].iter().find_map(|name| value.get_mut(name).map(Value::take));
        api.details = details.filter(|details| !details.is_null());
    }
    for text in [&mut api.message, &mut api.more_info].into_iter().flatten() {
        redactor.mask_in(text);
    }
}

/// Sets each field as soon as it is read, so that fields before an error are kept.
struct ErrorVisitor<'a>(&'a mut ApiError);

impl<'de> Visitor<'de> for ErrorVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "code" => self.0.code = map.next_value::<Scalar>()?.whole_number(),
                "message" => self.0.message = map.next_value::<Scalar>()?.text(),
                "more_info" => self.0.more_info = map.next_value::<Scalar>()?.text(),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn read(body: impl AsRef<[u8]>) -> ApiError {
        let mut api = ApiError::new(400, None, String::new());
        super::read(body.as_ref(), &Redactor::new(["hush".to_owned()]), &mut api);
        api
    }

    #[test]
    fn the_documented_body() {
        let body = json!({"code": 20404, "message": "no hush", "more_info": "https://e.com/hush", "status": 404,
                          "details": {"hush": 1}});
        let expected = ApiError {
            code: Some(20404),
            message: Some("no [redacted]".to_owned()),
            more_info: Some("https://e.com/[redacted]".to_owned()),
            details: Some(json!({"[redacted]": 1})),
            ..ApiError::new(400, None, String::new())
        };
        assert_eq!(read(body.to_string()), expected);
        assert_eq!(read(r#"{"params":[1]}"#).details, Some(json!([1])), "the newer name of details");
    }

    #[test]
    fn readable_parts_are_kept() {
        let long = "x".repeat(100_000);
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for (body, code, message) in [
            (r#"{"code":"20404","message":"m"}"#, Some(20404), Some("m")),
            (r#"{"code":20404.0,"message":"m"}"#, Some(20404), Some("m")),
            (r#"{"code":2.0404e4,"message":"m"}"#, Some(20404), Some("m")),
            (r#"{"code":-1,"message":null}"#, Some(-1), None),
            (r#"{"code":1.5,"message":7}"#, None, None),
            (r#"{"code":"nine","message":["m"]}"#, None, None),
            (r#"{"code":true,"message":{"m":1}}"#, None, None),
            ("\u{feff}{\"code\":1,\"message\":\"m\"}", Some(1), Some("m")),
            (r#"{"message":"a\ud800b","code":1}"#, Some(1), Some("a\u{fffd}b")),
            (r#"{"other":"\udfff","code":1}"#, Some(1), None),
            (r#"{"code":1,"message":"m","mo"#, Some(1), Some("m")),
            (r#"{"code":1,"message":"m"#, Some(1), None),
            (r#"{"code":1}} trailing"#, Some(1), None),
            (&format!(r#"{{"text":"{long}","code":1,"message":"m"}}"#), Some(1), Some("m")),
            (&format!(r#"{{"code":1,"message":"m","details":["{long}"]}}"#), Some(1), Some("m")),
            (&format!(r#"{{"details":{deep},"code":1}}"#), Some(1), None),
            ("null", None, None),
            ("[]", None, None),
            ("", None, None),
            ("<html>gone</html>", None, None),
        ] {
            let read = read(body);
            assert_eq!((read.code, read.message.as_deref()), (code, message), "{body:.200}");
        }
        assert_eq!(read(b"{\"message\":\"\xff\",\"code\":1}").code, Some(1));
    }
}
