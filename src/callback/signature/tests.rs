//! The vendor's published test vectors, what its own validators accept beyond them, and what must be refused.

#[cfg(unix)]
use std::os::unix::ffi::OsStringExt;

use super::*;
use proptest::prelude::*;

const TOKEN: &str = "12345";
const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const CALL: &str = "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212\
                    &Caller=%2B14158675309";
const JSON: &str = r#"{"property": "value", "boolean": true}"#;
const JSON_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
const EMPTY_HASH: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

fn validator() -> SignatureValidator {
    SignatureValidator::new(TOKEN).unwrap()
}

fn valid(url: &str, body: &str, signature: &str) -> bool {
    validator().validate(url, body.as_bytes(), Some(signature)).is_ok()
}

/// The signature over exactly this text.
fn over(message: &str) -> String {
    validator().sign(message, b"")
}

/// The signature with any key, even an empty one.
fn over_with(key: &str, message: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, message.as_bytes()))
}

#[test]
fn published_vectors_hold() {
    let port = |url: &str| url.replace(".com", ".com:1234");
    let http = |url: &str| url.replace("https", "http");
    let user = |user: &str| URL.replace("//", &format!("//{user}@"));
    let hashed = format!("{URL}&bodySHA256={JSON_HASH}");
    let hashed_empty = format!("{URL}&bodySHA256={EMPTY_HASH}");
    let only_hash = format!("https://mycompany.com/myapp.php?bodySHA256={JSON_HASH}");
    let special = format!("{URL}&Body=It's+amazing");
    for (what, url, body, signature) in [
        ("a form", URL, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https, port taken away", &port(URL), CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("http, port kept", &http(&port(URL)), CALL, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        ("https, port added", URL, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        ("http, port added", &http(URL), CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        ("user and password", &user("user:pass"), CALL, "CukzLTc1tT5dXEDIHm/tKBanW10="),
        ("user", &user("user"), CALL, "2YRLlVAflCqxaNicjMpJcSTgzSs="),
        ("user and password, port added", &user("user:pass"), CALL, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="),
        ("apostrophe and plus in the query", &special, CALL, "dsq4Ehbj6cs+KdTkpF5sSSplOWw="),
        (
            "a name twice",
            URL,
            "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
            "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
        ),
        (
            "a name twice, in order",
            URL,
            "MessagingBinding.Address=%2B1325xxxxxxx&MessagingBinding.Address=%2B1415xxxxxxx",
            "83O6e2vORAoJHUNzJjDWN1jz+BA=",
        ),
        (
            "a name twice, out of order",
            URL,
            "MessagingBinding.Address=%2B1415xxxxxxx&MessagingBinding.Address=%2B1325xxxxxxx",
            "83O6e2vORAoJHUNzJjDWN1jz+BA=",
        ),
        ("JSON", &hashed, JSON, "a9nBmqA0ju/hNViExpshrM61xv4="),
        ("JSON, empty object", &hashed_empty, "{}", "Ldidvp12m26NI7eqEvxnEpkd9Hc="),
        ("JSON, nothing else in the query", &only_hash, JSON, "y77kIzt2vzLz71DgmJGsen2scGs="),
    ] {
        assert!(valid(url, body, signature), "{what}");
        assert!(!valid(url, &format!("{body}&x=y"), signature), "{what}, body changed");
        assert!(!valid(&url.replace("myapp", "other"), body, signature), "{what}, path changed");
        assert!(!valid(&format!("{url}&x=y"), body, signature), "{what}, query changed");
        let other_token = SignatureValidator::new("12346").unwrap();
        assert!(other_token.validate(url, body.as_bytes(), Some(signature)).is_err(), "{what}, other token");
    }
}

/// Signatures that the official Python library 9.13.0 computes.
#[test]
fn text_of_any_script_is_signed_as_utf_8() {
    let body = "Z=2&Description=Zo%C3%AB+%26+%F0%9F%A6%80%20100%25&a=1&%C3%9Cn%C3%AFcode=a%0Ab&Empty=";
    assert!(valid("https://mycompany.com/status", body, "51nD5/W0SAineoOb3AX12gV1Of4="));
    assert!(valid("https://bücher.example/ä?ö=ü", "Sid=PK1", "LTHWvKAIQYly7/qgkaSOkRdt7kI="));
    let token = SignatureValidator::new("tökén").unwrap();
    let signature = Some("jpAacKxuOgByBRJ4z4L0ERXRVcE=");
    assert!(token.validate("https://mycompany.com/status", b"Sid=PK1", signature).is_ok());
}

#[test]
fn url_spellings_that_mean_the_same_are_accepted() {
    for (asked, signed) in [
        ("https://h/a", "https://h/a"),
        ("https://h/a", "https://h:443/a"),
        ("https://h:443/a", "https://h/a"),
        ("http://h/a", "http://h:80/a"),
        ("http://h:80/a", "http://h/a"),
        ("https://h:8443/a", "https://h/a"),
        ("https://u:p@h/a", "https://u:p@h:443/a"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
        ("https://[2001:db8::1]:8443/a", "https://[2001:db8::1]/a"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]:443/a"),
        ("HTTPS://Pay.Example.COM/a", "https://pay.example.com/a"),
        ("HTTPS://Pay.Example.COM/a", "https://Pay.Example.COM:443/a"),
        ("https://h/a#rc=2", "https://h/a"),
        ("https://h", "https://h/"),
        ("https://h/?a=1", "https://h:443?a=1"),
    ] {
        assert!(valid(asked, "Sid=PK1", &over(&format!("{signed}SidPK1"))), "{asked} for {signed}");
    }
}

#[test]
fn other_urls_are_refused() {
    for (asked, signed) in [
        ("https://h/a", "http://h/a"),
        ("https://h/a", "https://h:80/a"),
        ("https://h/a", "https://h:8443/a"),
        ("https://h/a", "https://h/A"),
        ("https://h/a", "https://h/a/"),
        ("https://h/a", "https://h/a?"),
        ("https://h/a", "https://u:p@h/a"),
        ("https://u:p@h/a", "https://h/a"),
        ("https://U@h/a", "https://u@h/a"),
        ("https://h/a?x=1&y=2", "https://h/a?y=2&x=1"),
        ("https://h/a%20b", "https://h/a+b"),
        ("https://h/a", "https://h/a#rc=2"),
        ("https://[2001:db8::1]/a", "https://[2001/a"),
    ] {
        assert!(!valid(asked, "Sid=PK1", &over(&format!("{signed}SidPK1"))), "{asked} for {signed}");
    }
}

#[test]
fn parameters_are_sorted_by_bytes_and_distinct() {
    for (body, signed) in [
        ("b=2&a=1", "a1b2"),
        ("a=2&a=1&a=2", "a1a2"),
        ("a=&a=1", "aa1"),
        ("a", "a"),
        ("a=1&B=2&_=3", "B2_3a1"),
        ("aa=1&a=2", "a2aa1"),
        ("%C3%A9=1&z=2", "z2é1"),
        ("a=1&&b=2&", "a1b2"),
        ("a=1+2%203", "a1 2 3"),
        ("a=b=c", "ab=c"),
        ("=x", "x"),
        ("", ""),
    ] {
        assert_eq!(parameters(&pairs(body.as_bytes()).collect()), signed, "{body}");
        assert!(valid(URL, body, &over(&format!("{URL}{signed}"))), "{body}");
        assert_eq!(validator().sign(URL, body.as_bytes()), over(&format!("{URL}{signed}")), "{body}");
    }
}

#[test]
fn a_hash_in_the_query_is_checked() {
    let signed = |url: &str| over(url);
    let url = format!("{URL}&bodySHA256={JSON_HASH}");
    assert!(valid(&url, JSON, &signed(&url)));
    // The URL is the service's, but the body is not.
    assert!(!valid(&url, "{}", &signed(&url)));
    for nothing in ["", "&", "&&", "=", "=&="] {
        assert!(!valid(&url, nothing, &signed(&url)), "{nothing}");
    }
    // Hex digits are case-insensitive. The hash may be anywhere in the query; its first occurrence counts.
    let upper = format!("{URL}&bodySHA256={}&more=1", JSON_HASH.to_uppercase());
    assert!(valid(&upper, JSON, &signed(&upper)));
    let twice = format!("{URL}&bodySHA256={EMPTY_HASH}&bodySHA256={JSON_HASH}");
    assert!(!valid(&twice, JSON, &signed(&twice)));
    for wrong in ["", "0a1f", "zz", &JSON_HASH.replace('6', "é"), &format!("{JSON_HASH}00")] {
        let url = format!("{URL}&bodySHA256={wrong}");
        assert!(!valid(&url, JSON, &signed(&url)), "{wrong}");
    }
    // If a form is sent to a URL with a hash, its parameters are signed.
    assert!(valid(&url, "a=1", &over(&format!("{url}a1"))));
    // A parameter with another name is not a hash.
    let other = format!("{URL}&xbodySHA256={JSON_HASH}");
    assert!(!valid(&other, JSON, &signed(&other)));
}

#[test]
fn absent_and_malformed_signatures_are_refused_plainly() {
    let check = |signature, reason: &str| {
        let error = validator().validate(URL, CALL.as_bytes(), signature).unwrap_err();
        assert_eq!(error.kind(), CallbackErrorKind::Signature, "{signature:?}");
        assert_eq!(error.to_string(), reason, "{signature:?}");
    };
    check(None, "the request has no X-Twilio-Signature");
    let twice = "RSOYDt4T1cUTdK1PDd93/VVr8B8=".repeat(2);
    let long = "A".repeat(100_000);
    for malformed in [
        "",
        "=",
        "WRONG SIGNATURE",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8",
        "RSOYDt4T1cUTdK1PDd93/VVr8B9=",
        "RSOYDt4T1cUTdK1PDd93_VVr8B8=",
        " RSOYDt4T1cUTdK1PDd93/VVr8B8=",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8=\n",
        "RSOYDt4T1cUTdK1PDd93/VVr8A==",
        "RSOYDt4T1cUTdK1PDd93/VVr8B8A",
        "RSOYDt4T1cUTdK1PDd93/VVr8Bé",
        "\0",
        &twice,
        &long,
    ] {
        check(Some(malformed), "the X-Twilio-Signature is not 20 or 32 bytes in Base64");
    }
    let wrong = "the X-Twilio-Signature does not match this URL and body";
    check(Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA="), wrong);
    check(Some("RSOYDt4T1cUTdK1PDd93/VVr8B4="), wrong);
}

#[test]
fn any_of_several_tokens_is_accepted() {
    let rotating = SignatureValidator::new("old")
        .unwrap()
        .with_auth_token("new")
        .unwrap()
        .with_auth_token("newest")
        .unwrap();
    for (token, taken) in [("old", true), ("new", true), ("newest", true), ("", false), ("other", false)] {
        for url in [URL, "https://mycompany.com:443/myapp.php?foo=1&bar=2"] {
            let signature = over_with(token, &format!("{url}a1"));
            assert_eq!(rotating.validate(URL, b"a=1", Some(&signature)).is_ok(), taken, "{token}");
        }
    }
    assert_eq!(rotating.sign(URL, b""), over_with("old", URL));
}

/// The vector of the official Python client 9.13.0.
#[test]
fn shared_keys_sign_by_either_algorithm() {
    let sha1 = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
    let sha256 = "033hgUJA9M/hXIZsYjwkerEP/DBm35nEri5FhCYjA5s=";
    let token = || SignatureValidator::new("token").unwrap();
    for (validator, taken) in [
        (SignatureValidator::from_shared_key(TOKEN).unwrap(), true),
        (token().with_shared_key(TOKEN).unwrap(), true),
        (token().with_shared_key("other").unwrap().with_shared_key(TOKEN).unwrap(), true),
        // A request does not say which of the secrets is a token.
        (token().with_auth_token(TOKEN).unwrap(), true),
        (token(), false),
        (token().with_shared_key("other").unwrap(), false),
    ] {
        for signature in [sha1, sha256] {
            assert_eq!(
                validator.validate(URL, CALL.as_bytes(), Some(signature)).is_ok(),
                taken,
                "{signature}"
            );
            assert!(validator.validate(URL, b"Digits=1234", Some(signature)).is_err());
            assert!(validator.validate("https://mycompany.com/", CALL.as_bytes(), Some(signature)).is_err());
        }
        // The port is tried for both algorithms.
        let url = URL.replace(".com", ".com:443");
        assert_eq!(validator.validate(&url, CALL.as_bytes(), Some(sha256)).is_ok(), taken);
    }
    assert_eq!(validator().sign(URL, CALL.as_bytes()), sha1);
    assert_eq!(validator().sign_sha256(URL, CALL.as_bytes()), sha256);
    // A signature of one length is never checked with the algorithm of the other.
    let cut = STANDARD.decode(sha256).unwrap();
    let cut = STANDARD.encode(cut.get(..20).unwrap());
    assert!(validator().validate(URL, CALL.as_bytes(), Some(&cut)).is_err());
}

#[test]
fn a_header_is_asked_for_by_its_name() {
    let body = b"Sid=PK00000000000000000000000000000000";
    let signature = validator().sign(URL, body);
    let receive = |value: Option<&str>| {
        validator().receive_with(URL, body, |name| {
            assert_eq!(name, "X-Twilio-Signature");
            value.map(ToOwned::to_owned)
        })
    };
    assert!(receive(Some(&signature)).is_ok());
    assert_eq!(receive(Some("AAAA")).unwrap_err().kind(), CallbackErrorKind::Signature);
    assert_eq!(receive(None).unwrap_err().to_string(), "the request has no X-Twilio-Signature");
}

#[test]
fn the_environment_names_the_token() {
    let from = |value| SignatureValidator::from_variable("TWILIO_AUTH_TOKEN", value);
    let validator = from(Some(TOKEN.into())).unwrap();
    assert!(validator.validate(URL, b"a=1", Some(&over(&format!("{URL}a1")))).is_ok());
    for (value, reason) in [
        (None, "the environment variable is not set"),
        (Some(OsString::new()), "the environment variable is not set"),
        #[cfg(unix)]
        (Some(OsString::from_vec(b"hush\xff".to_vec())), "the environment variable is not Unicode"),
        (Some("hush\n".into()), "contains white space or a control character"),
    ] {
        let error = from(value).unwrap_err();
        assert_eq!(error.field(), Some("TWILIO_AUTH_TOKEN"));
        assert_eq!(error.to_string(), format!("invalid TWILIO_AUTH_TOKEN: {reason}"));
        assert!(!format!("{error:?}").contains("hush"));
    }
}

#[test]
fn tokens_that_cannot_be_right_are_refused() {
    for (token, reason) in [
        ("", "empty"),
        ("token\n", "contains white space or a control character"),
        (" token", "contains white space or a control character"),
        ("to\0ken", "contains white space or a control character"),
    ] {
        for result in [SignatureValidator::new(token), validator().with_auth_token(token)] {
            assert_eq!(result.unwrap_err().to_string(), format!("invalid auth_token: {reason}"));
        }
        for result in [SignatureValidator::from_shared_key(token), validator().with_shared_key(token)] {
            assert_eq!(result.unwrap_err().to_string(), format!("invalid shared_key: {reason}"));
        }
    }
}

#[test]
fn verified_callbacks_are_read() {
    let receive =
        |body: &str| validator().receive(URL, body.as_bytes(), Some(&validator().sign(URL, body.as_bytes())));
    let sid = "PK00000000000000000000000000000000";
    assert_eq!(receive(&format!("Sid={sid}")).unwrap().sid, sid);
    let url = format!("{URL}&payment_flow=a1");
    let body = format!("Sid={sid}");
    let signature = validator().sign(&url, body.as_bytes());
    let tagged = validator().receive(&url, body.as_bytes(), Some(&signature)).unwrap();
    assert_eq!((tagged.tag(), tagged.form()), (Some("a1"), body.as_str()));
    assert_eq!(receive("Sid=PK1").unwrap_err().kind(), CallbackErrorKind::Malformed);
    let forged = validator().receive(URL, format!("Sid={sid}").as_bytes(), None);
    assert_eq!(forged.unwrap_err().kind(), CallbackErrorKind::Signature);
}

#[test]
fn large_bodies_are_bounded_and_quick() {
    let start = std::time::Instant::now();
    for piece in ["a=1&", "a&", "&", "%", "%41", "=", "\u{ff}"] {
        let mut body = piece.repeat(SignatureValidator::MAX_BODY / piece.len() + 1).into_bytes();
        body.truncate(SignatureValidator::MAX_BODY);
        let signature = validator().sign(URL, &body);
        assert!(validator().validate(URL, &body, Some(&signature)).is_ok(), "{piece:?}");
        body.push(b'x');
        let error = validator().validate(URL, &body, Some(&signature)).unwrap_err();
        assert_eq!(error.to_string(), "the body is longer than 1 MiB");
    }
    let distinct: Vec<_> = (0..100_000).rev().map(|n| format!("n{n}=")).collect();
    let distinct = distinct.join("&");
    assert!(valid(URL, &distinct, &validator().sign(URL, distinct.as_bytes())));
    // No machine needs this long, unless the time grows with the square of the length.
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
}

#[test]
fn tokens_are_not_shown() {
    let validator = SignatureValidator::new("hush-hush").unwrap().with_auth_token("whisper").unwrap();
    assert_eq!(format!("{validator:?}"), "SignatureValidator { .. }");
    let error = validator.validate("https://u:p@h/?key=1", b"pin=1234", Some("c2lnbmF0dXJl")).unwrap_err();
    let shown = format!("{error} {error:?}");
    for secret in ["hush", "whisper", "u:p", "key=1", "pin", "1234", "c2lnbmF0dXJl"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn validators_can_be_sent_between_threads() {
    fn check<T: Clone + Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {}
    check::<SignatureValidator>();
}

type Pairs = Vec<(String, String)>;

fn encoded(pairs: &Pairs) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

proptest! {
    #[test]
    fn signed_requests_are_valid(
        token in "[!-~]{1,40}",
        url in "https?://([a-z]{1,8}:[a-z]{0,8}@)?[a-z.]{1,12}(:[0-9]{1,5})?(/[a-zA-Z0-9%]{0,8}){0,3}(\\?[a-z=&]{0,9})?",
        pairs in prop::collection::vec((".{0,10}", ".{0,20}"), 0..12),
    ) {
        let validator = SignatureValidator::new(&token).unwrap();
        let body = encoded(&pairs);
        let signature = validator.sign(&url, body.as_bytes());
        prop_assert!(validator.validate(&url, body.as_bytes(), Some(&signature)).is_ok());
        // The order of the parameters is not signed.
        let backwards = encoded(&pairs.into_iter().rev().collect());
        prop_assert!(validator.validate(&url, backwards.as_bytes(), Some(&signature)).is_ok());
    }

    #[test]
    fn any_changed_byte_is_refused(
        url in "https://[a-z]{1,8}/[a-z]{1,8}",
        value in "[a-zA-Z0-9]{1,20}",
        at in any::<prop::sample::Index>(),
        byte in "[a-z0-9]",
    ) {
        let validator = validator();
        let body = format!("Sid={value}");
        let signature = validator.sign(&url, body.as_bytes());
        let changed = |text: &str| {
            let at = at.index(text.len());
            let mut changed = text.to_owned();
            changed.replace_range(at..=at, &byte);
            (changed != text).then_some(changed)
        };
        if let Some(body) = changed(&body) {
            prop_assert!(validator.validate(&url, body.as_bytes(), Some(&signature)).is_err());
        }
        if let Some(url) = changed(&url) {
            prop_assert!(validator.validate(&url, body.as_bytes(), Some(&signature)).is_err());
        }
        if let Some(signature) = changed(&signature) {
            prop_assert!(validator.validate(&url, body.as_bytes(), Some(&signature)).is_err());
        }
    }

    #[test]
    fn nothing_panics(url in "\\PC*", body in prop::collection::vec(any::<u8>(), 0..200), signature in "\\PC*") {
        prop_assert!(validator().validate(&url, &body, Some(&signature)).is_err());
        let signed = validator().sign(&url, &body);
        if !url.contains('#') && !url.split("://").next().unwrap().contains(|c: char| c.is_ascii_uppercase()) {
            prop_assert!(validator().validate(&url, &body, Some(&signed)).is_ok());
        }
    }
}
