//! How a flow is made.

use super::*;
use crate::flow::ReferencePlace;

#[test]
fn invalid_values_are_refused() {
    for (params, call_sid, message) in [
        (params(), "CA1", "invalid CallSid: not CA and 32 hex digits"),
        (params().account_sid("AC1"), CALL, "invalid PathAccountSid: not AC and 32 hex digits"),
        (params().idempotency_key(""), CALL, "invalid IdempotencyKey: empty"),
        (params().timeout(0), CALL, "invalid Timeout: outside 1 to 600 seconds"),
        (
            CreatePaymentsParams::new(format!("{URL}?a=1&payment_flow=x")),
            CALL,
            "invalid StatusCallback: has a query parameter payment_flow",
        ),
    ] {
        let error = PaymentFlow::new(call_sid, params).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.outcome()), (message, Outcome::NotSent));
    }
}

#[test]
fn limits_must_not_be_zero_or_set_late() {
    let flow = || PaymentFlow::new(CALL, params()).unwrap();
    let mut begun = flow();
    begun.next(UNIX_EPOCH);
    for (result, message) in [
        (flow().max_asks(0), "invalid max_asks: zero"),
        (flow().capture_timeout(Duration::ZERO), "invalid capture_timeout: zero"),
        (flow().result_timeout(Duration::from_micros(999)), "invalid result_timeout: zero"),
        (begun.clone().max_asks(1), "invalid max_asks: the flow has begun"),
        (begun.reference_place(ReferencePlace::Nowhere), "invalid reference_place: the flow has begun"),
    ] {
        assert_eq!(result.unwrap_err().to_string(), message);
    }
}

#[test]
fn the_tag_and_the_reference_never_change() {
    // They are in stored flows and in the URLs of sessions under way.
    for (key, tag) in [
        ("order-7", "d48703240a0b6c6df9d8d36a39c04e15"),
        ("", "efdcca8767339fb2c6ee17d29f44b4c1"),
        ("é", "34d49ced94fcc5be1dce141fd30ab5f9"),
    ] {
        assert_eq!(super::super::tag::of(key), tag, "{key}");
    }
}

#[test]
fn flows_made_from_one_template_are_different_payments() {
    let template = CreatePaymentsParams::new(URL).charge_amount("5".parse().unwrap());
    let flow = |params| PaymentFlow::new(CALL, params).unwrap();
    let (first, second) = (flow(template.clone()), flow(template.clone()));
    assert_ne!(first.key(), second.key());
    assert_ne!((first.tag(), first.reference()), (second.tag(), second.reference()));
    // A key that the program set stays, and so does that of a value of which there is no copy.
    assert_eq!(flow(params().clone()).key(), "order-7");
    let single = CreatePaymentsParams::new(URL);
    let key = single.idempotency_key.clone();
    assert_eq!(flow(single).key(), key);
}

#[test]
fn references_of_neighbouring_orders_are_easy_to_tell_apart() {
    let references: Vec<_> =
        (1_000..2_000).map(|n| super::super::tag::reference(&format!("order-{n}"))).collect();
    for (at, one) in references.iter().enumerate() {
        for other in &references[at + 1..] {
            let different = one.bytes().zip(other.bytes()).filter(|(one, other)| one != other).count();
            assert!(different >= 8, "{one} {other}");
        }
    }
}

#[test]
fn an_empty_callback_url_is_refused() {
    let error = PaymentFlow::new(CALL, CreatePaymentsParams::new("")).unwrap_err();
    assert_eq!(error.to_string(), CreatePaymentsParams::new("").to_form().unwrap_err().to_string());
}

#[test]
fn the_tag_goes_into_the_query() {
    let tag = PaymentFlow::new(CALL, params()).unwrap().tag();
    for (url, expected) in [
        ("https://example.com/status", "https://example.com/status?T"),
        ("https://example.com/status?a=1", "https://example.com/status?a=1&T"),
        ("https://example.com/status?", "https://example.com/status?T"),
        ("https://example.com/status?a=1&", "https://example.com/status?a=1&T"),
        ("https://example.com/status#rc=5&rp=all", "https://example.com/status?T#rc=5&rp=all"),
        ("https://example.com/status?a=1#b?c", "https://example.com/status?a=1&T#b?c"),
        ("https://example.com", "https://example.com/?T"),
        ("https://example.com#rc=5", "https://example.com/?T#rc=5"),
        ("https://example.com/", "https://example.com/?T"),
        ("/status", "/status?T"),
        ("status?x", "status?x&T"),
    ] {
        let mut driver = Driver::with(CreatePaymentsParams::new(url).idempotency_key("order-7"));
        let Step::Create(params) = driver.next() else { panic!() };
        let expected = expected.replace('T', &format!("payment_flow={tag}"));
        assert_eq!(params.status_callback, expected);
        params.to_form().unwrap();
    }
}

#[test]
fn the_reference_goes_where_the_setting_says() {
    let reference = PaymentFlow::new(CALL, params()).unwrap().reference().unwrap();
    assert_eq!((reference.len(), reference.bytes().all(|b| b.is_ascii_hexdigit())), (16, true));
    let sent = |params: CreatePaymentsParams, place: ReferencePlace| {
        let flow = PaymentFlow::new(CALL, params).unwrap().reference_place(place).unwrap();
        let mut driver = driver();
        driver.flow = flow;
        let Step::Create(params) = driver.next() else { panic!() };
        (params.description, params.parameter, driver.flow.reference())
    };
    let shown = Some(reference.clone());
    let described = params().description("Shoes");
    assert_eq!(sent(params(), ReferencePlace::Description), (shown.clone(), None, shown.clone()));
    assert_eq!(
        sent(described.clone().idempotency_key("order-7"), ReferencePlace::Description),
        (Some(format!("Shoes ({reference})")), None, shown.clone())
    );
    let field = || ReferencePlace::Parameter("order".to_owned());
    let json = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let alone = json(format!("{{\"order\":\"{reference}\"}}"));
    assert_eq!(sent(params(), field()), (None, Some(alone), shown.clone()));
    let with = params().parameter(json("{\"AVSName\":\"A\"}".to_owned()));
    let both = json(format!("{{\"AVSName\":\"A\",\"order\":\"{reference}\"}}"));
    assert_eq!(sent(with, field()), (None, Some(both), shown));
    let nowhere = sent(described.idempotency_key("order-7"), ReferencePlace::Nowhere);
    assert_eq!(nowhere, (Some("Shoes".to_owned()), None, None));
    let taken = params().parameter(json("{\"order\":1}".to_owned()));
    let error = PaymentFlow::new(CALL, taken).unwrap().reference_place(field()).unwrap_err();
    assert_eq!(error.to_string(), "invalid reference_place: Parameter has a field of that name");
}

#[test]
fn a_setter_does_not_change_the_key_of_a_step() {
    let mut flow = PaymentFlow::new(CALL, CreatePaymentsParams::new(URL)).unwrap();
    let Step::Create(params) = flow.next(UNIX_EPOCH) else { panic!() };
    let params = params.payment_connector("other");
    assert_eq!(params.idempotency_key, flow.key());
    flow.on_response(Err(not_sent().with_idempotency_key(&params.idempotency_key)));
    assert_eq!(flow.awaited_key(), None);
}
