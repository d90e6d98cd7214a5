//! Any bytes can be read without a panic, and no value is lost.

use std::time::{Duration, SystemTime};

use super::*;
use proptest::prelude::*;

/// How long this thread has worked, if the system counts it: a busy machine adds nothing to it. Else the time of day.
fn worked() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = counted.and_then(|counted| counted.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(), Duration::from_nanos)
}

#[test]
fn a_megabyte_is_read_in_time_and_more_is_refused() {
    let start = worked();
    for piece in [
        "a=b&",
        "a&",
        "&",
        "=",
        "%",
        "%41",
        "+",
        "Sid=PK1&",
        "Required=a+b&",
        "Required=x+",
        "Result=&",
        "Result=x&",
    ] {
        let mut body = format!("Sid={SID}&").into_bytes();
        while body.len() < MAX_BODY {
            body.extend(piece.as_bytes());
        }
        body.truncate(MAX_BODY);
        let callback = StatusCallback::parse(&body).unwrap();
        assert_eq!(callback.sid, SID);
        let _ = (callback.event(), format!("{callback:?}"), callback.other("none"));
        body.push(b'&');
        let error = StatusCallback::parse(&body).unwrap_err();
        assert_eq!(error.to_string(), "the callback's body is longer than 1 MiB");
    }
    // A million bytes in one value, and in one name.
    let long = "x".repeat(MAX_BODY - 100);
    assert_eq!(others(&parse(&format!("V={long}"))), [("V", long.as_str())]);
    assert_eq!(others(&parse(&long)), [(long.as_str(), "")]);
    assert_eq!(parse(&format!("CallSid={long}")).call_sid, Some(long));
    // No machine needs this long, unless the time grows with the square of the length.
    let took = worked().saturating_sub(start);
    assert!(took.as_secs() < 120, "{took:?}");
}

proptest! {
    #[test]
    fn no_bytes_do_harm(body in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(StatusCallback::parse(&body).is_err());
        let with_sid = [format!("Sid={SID}&").as_bytes(), &body].concat();
        let callback = StatusCallback::parse(&with_sid).unwrap();
        let _ = (format!("{callback:?} {:?}", callback.event()), callback.required());
        prop_assert_eq!(&StatusCallback::parse(callback.form().as_bytes()).unwrap(), &callback);
    }

    #[test]
    fn unknown_pairs_come_back(
        pairs in prop::collection::vec(("x\\PC{0,8}", any::<String>()), 0..20),
        at in any::<prop::sample::Index>(),
    ) {
        let mut form = pairs.clone();
        form.insert(at.index(pairs.len() + 1), ("Sid".to_owned(), SID.to_owned()));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let callback = StatusCallback::parse(body.as_bytes()).unwrap();
        let read: Vec<_> = callback.others().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        prop_assert_eq!(read, pairs);
    }

    #[test]
    fn known_texts_come_back(value in ".{1,40}") {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("Sid", SID), ("ConnectorError", &value), ("PaymentToken", &value), ("Result", &value)])
            .finish();
        let callback = StatusCallback::parse(body.as_bytes()).unwrap();
        prop_assert_eq!(callback.connector_error.as_deref(), Some(&*value));
        prop_assert_eq!(callback.payment_token(), Some(&*value));
        prop_assert_eq!(callback.result.as_ref().map(PayResult::as_str), Some(&*value));
    }

    #[test]
    fn what_is_required_is_complete_and_in_order(
        list in prop::collection::vec(0..Capture::KNOWN.len(), 0..15),
        separator in prop::sample::select(&[",", " ", ", "][..]),
    ) {
        let names: Vec<_> = list.iter().map(|&at| Capture::KNOWN[at].as_str()).collect();
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("Sid", SID), ("Required", &names.join(separator))])
            .finish();
        let callback = StatusCallback::parse(body.as_bytes()).unwrap();
        let required = callback.required().unwrap();
        for (at, capture) in required.iter().enumerate() {
            prop_assert!(names.contains(&capture.as_str()));
            prop_assert!(!required[..at].contains(capture));
        }
        prop_assert!(names.iter().all(|name| required.contains(&Capture::from(*name))));
        let place = |capture| required.iter().position(|other| *other == capture);
        if let (Some(number), Some(code)) = (place(Capture::PaymentCardNumber), place(Capture::SecurityCode)) {
            prop_assert!(number < code);
        }
    }
}
