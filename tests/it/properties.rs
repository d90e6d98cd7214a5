//! Properties that hold for all inputs: any bytes as a response, and any values as parameters.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::support::faults::hold;
use crate::support::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;
use twilio_payments::sandbox::{PaymentConnector, Sandbox};
use twilio_payments::*;

/// Fragments of responses, to put together in any order.
const PIECES: [&str; 24] = [
    "HTTP/1.1 ",
    "HTTP/1.0 ",
    "200 OK",
    "201 Created",
    "204 No Content",
    "302 Found",
    "429 Busy",
    "500 Oops",
    "100 Continue",
    "\r\n",
    "\r\n\r\n",
    "\n",
    ": ",
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Retry-After: 1\r\n",
    "Location: /x\r\n",
    "5\r\n",
    "0\r\n\r\n",
    "{\"sid\":",
    "\"PK00000000000000000000000000000003\"",
    "}",
];

/// Any bytes: random ones, fragments put together, or a correct response with a fault in it.
fn any_answer() -> impl Strategy<Value = Vec<u8>> {
    let right = select(vec![
        created(),
        response("404 Not Found", "", r#"{"code":20404,"message":"m"}"#),
        response("503 Busy", "Retry-After: 1\r\n", "<html>"),
        format!(
            "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
            payments_json().len(),
            payments_json()
        ),
    ]);
    let wrong =
        (right, any::<Index>(), any::<Index>(), vec(any::<u8>(), 0..5)).prop_map(|(right, at, to, put)| {
            let mut bytes = right.into_bytes();
            let (from, to) = (at.index(bytes.len()), to.index(bytes.len()));
            bytes.splice(from.min(to)..(from.min(to) + to.abs_diff(from) % 4), put);
            bytes
        });
    let pieces = vec(select(&PIECES[..]), 0..20).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![1 => vec(any::<u8>(), 0..300), 3 => pieces, 4 => wrong]
}

/// A server that sends one response, to requests with its key only: a request of an earlier call may come late.
struct OneResponse {
    address: SocketAddr,
    current: Arc<Mutex<Current>>,
}

#[derive(Clone, Default)]
struct Current {
    key: String,
    bytes: Vec<u8>,
    /// The response is sent in two parts, cut here.
    cut: usize,
    close: bool,
    /// The keys of all requests that were read.
    received: Vec<String>,
}

impl OneResponse {
    fn new() -> Self {
        let current = Arc::new(Mutex::new(Current::default()));
        let shared = Arc::clone(&current);
        let address = serve(move |mut stream, _| {
            stream.set_nodelay(true).unwrap();
            while let Some(request) = read_request(&mut stream) {
                let request = String::from_utf8(request).unwrap();
                let (_, key) = request.split_once("IdempotencyKey=").unwrap();
                let key = key.split('&').next().unwrap().to_owned();
                let Current { key: expected, bytes, cut, close, .. } = {
                    let mut current = shared.lock().unwrap();
                    current.received.push(key.clone());
                    current.clone()
                };
                if key != expected {
                    return;
                }
                let _ = stream.write_all(&bytes[..cut]).and_then(|()| stream.write_all(&bytes[cut..]));
                if close {
                    return;
                }
            }
            hold(&mut stream);
        });
        Self { address, current }
    }

    /// Sets the response to requests with this key.
    fn set(&self, key: &str, bytes: &[u8], cut: usize, close: bool) {
        let mut current = self.current.lock().unwrap();
        let received = std::mem::take(&mut current.received);
        *current = Current { key: key.to_owned(), bytes: bytes.to_vec(), cut, close, received };
    }
}

#[test]
fn any_bytes_as_a_response_give_a_result_in_time() {
    let server = OneResponse::new();
    let keys = AtomicUsize::new(0);
    let unsent = Mutex::new(Vec::new());
    let call = |bytes: &[u8], cut: usize, close: bool| {
        // A machine may be too slow to send a request in this time, or to return from the call soon after. Then the
        // call is repeated, with more time: what is late each time is late by itself.
        let mut limit = Duration::from_millis(100);
        for _ in 0..7 {
            let key = format!("k{}", keys.fetch_add(1, Ordering::Relaxed));
            server.set(&key, bytes, cut, close);
            let api =
                builder(server.address).retry_policy(RetryPolicy::none()).timeout(limit).build().unwrap();
            let params = CreatePaymentsParams::new(CALLBACK).idempotency_key(&key);
            let started = Instant::now();
            let result = api.create_payments_with_metadata(CALL, &params);
            let late = started.elapsed() >= limit + Duration::from_secs(1);
            let not_sent = matches!(&result, Err(error) if error.outcome() == Outcome::NotSent);
            if not_sent {
                unsent.lock().unwrap().push(key);
            }
            let in_time = !matches!(&result, Err(error) if not_sent && error.is_timeout());
            if in_time && !late {
                return Some(result);
            }
            limit *= 2;
        }
        None
    };
    // A stale connection is replaced, so each call has a client of its own.
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(bytes in any_answer(), cut in any::<Index>(), close in prop::bool::weighted(0.9))| {
        let result = call(&bytes, cut.index(bytes.len() + 1), close);
        prop_assert!(result.is_some(), "never in time");
        match result.unwrap() {
            Ok(with) => {
                // A success has a 2xx status and the session's SID.
                prop_assert!((200..300).contains(&with.metadata.status));
                let quoted = format!("\"{}\"", with.payments.sid);
                prop_assert!(bytes.windows(36).any(|at| at == quoted.as_bytes()));
            }
            Err(error) => {
                let shown = format!("{error} {error:?} {:?} {:?}", error.body(), error.api_error());
                prop_assert!(error.outcome() == Outcome::Unknown || error.status().is_some_and(|status| status < 500), "{}", shown);
                prop_assert_eq!(error.attempts(), 1);
            }
        }
    });
    let received = &server.current.lock().unwrap().received;
    assert!(
        unsent.lock().unwrap().iter().all(|key| !received.contains(key)),
        "a request was sent that was \"not sent\""
    );
}

/// Any text, and text that might do harm.
fn any_text() -> impl Strategy<Value = String> {
    let harmful = select(vec![
        "",
        " ",
        "a&Amount=1",
        "a=b",
        "%26",
        "%",
        "+",
        "a b",
        "a,b",
        "\r\nX-Evil: 1",
        "\0",
        "\u{202e}",
        "é",
        "🦀",
        "\u{feff}",
        "'\"<>",
        "visa amex",
    ]);
    prop_oneof![".{0,40}", any::<String>(), harmful.prop_map(str::to_owned)]
}

fn any_callback() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => "https://[a-z]{1,9}\\.example/[a-zA-Z0-9_.~!*'();:@&=+$,/?#%-]{0,30}",
        2 => "/?[a-z/?=&%+]{1,20}",
        1 => any_text(),
    ]
}

/// A value of an enum: mostly one that the service knows, otherwise any text.
fn of<T: Clone + std::fmt::Debug + From<String> + 'static>(known: Vec<T>) -> impl Strategy<Value = T> {
    prop_oneof![30 => select(known), 1 => any_text().prop_map(T::from)]
}

/// An item of a list: mostly one value, rarely two with a separator between them.
fn item<T: Clone + std::fmt::Debug + AsRef<str> + From<String> + 'static>(
    known: Vec<T>,
    separator: &'static str,
) -> impl Strategy<Value = T> {
    let two = (select(known.clone()), select(known.clone()));
    let two = two.prop_map(move |(one, other)| T::from([one.as_ref(), other.as_ref()].join(separator)));
    prop_oneof![20 => of(known), 1 => two]
}

fn any_parameter() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any_text().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let object =
        vec((any_text(), scalar), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect()));
    (object, 0..10)
        .prop_map(|(object, nested)| if nested == 0 { serde_json::json!({"a": object}) } else { object })
}

/// The captures that can be typed twice.
const MATCHED: [Capture; 4] =
    [Capture::PaymentCardNumber, Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode];

prop_compose! {
    fn any_params()(
        status_callback in any_callback(),
        texts in (option::weighted(0.3, any_text()), option::weighted(0.3, any_text()), option::weighted(0.5, prop_oneof![9 => "[A-Za-z]{3}", 1 => ".{0,4}"])),
        amount in option::of(prop_oneof![5 => (0_i64..120_000_000).prop_map(|cents| cents * 100), 1 => 0_i64..12_000_000_000]),
        numbers in (option::weighted(0.3, 0..1000_u32), option::weighted(0.3, 0..620_u32)),
        flags in any::<[Option<bool>; 3]>(),
        values in (
            option::weighted(0.3, of(BankAccountType::KNOWN.to_vec())),
            option::weighted(0.3, of(PaymentsInput::KNOWN.to_vec())),
            option::weighted(0.3, of(PaymentMethod::KNOWN.to_vec())),
            option::weighted(0.3, of(TokenType::KNOWN.to_vec())),
        ),
        card_types in vec(item(CardType::KNOWN.to_vec(), " "), 0..4),
        inputs in vec(item(MATCHED.to_vec(), ","), 0..4),
        parameter in option::weighted(0.4, any_parameter()),
        key in any_text(),
    ) -> CreatePaymentsParams {
        let mut params = CreatePaymentsParams::new(status_callback);
        (params.description, params.payment_connector, params.currency) = texts;
        params.charge_amount = amount.and_then(|amount| format!("{}.{:04}", amount / 10_000, amount % 10_000).parse().ok());
        (params.min_postal_code_length, params.timeout) = numbers;
        [params.postal_code, params.security_code, params.confirmation] = flags;
        (params.bank_account_type, params.input, params.payment_method, params.token_type) = values;
        (params.valid_card_types, params.require_matching_inputs) = (card_types, inputs);
        params.parameter = parameter;
        if !key.is_empty() {
            // The same key for two values is not the subject here.
            static NUMBER: AtomicUsize = AtomicUsize::new(0);
            params.idempotency_key = format!("{}{key}", NUMBER.fetch_add(1, Ordering::Relaxed));
        }
        params
    }
}

/// The text that is sent, or `None` if it is empty.
fn sent(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

#[test]
fn any_parameters_are_refused_or_arrive_as_they_are() {
    let sandbox = Sandbox::start().unwrap();
    let api = sandbox.client();
    let arrived = AtomicUsize::new(0);
    let config = ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(params in any_params())| {
        let (call, requests) = (sandbox.call().obliging(), sandbox.request_count());
        if let Some(name) = &params.payment_connector {
            sandbox.set_connector(name, PaymentConnector::new());
        }
        let result = api.create_payments(call.sid(), &params);
        let session = match result {
            Ok(session) => sandbox.session(&session.sid).unwrap(),
            // Either side may refuse. The client does so before anything is sent, and both name the parameter.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                prop_assert!(error.field().is_some() && sandbox.request_count() == requests, "{}", error);
                return Ok(());
            }
            Err(error) => {
                let code = error.api_error().and_then(|api| api.code);
                prop_assert_eq!((error.status(), error.outcome()), (Some(400), Outcome::Refused), "{:?}", error);
                // Amount, currency, ACH without Parameter, BankAccountType for a card, another value.
                prop_assert!(matches!(code, Some(64003 | 64011 | 64015 | 64017 | 64020)), "{:?}", error);
                return Ok(());
            }
        };
        arrived.fetch_add(1, Ordering::Relaxed);
        let got = |name: &str| session.parameter(name);
        let flag = |flag: Option<bool>| flag.map(|flag| if flag { "true" } else { "false" });
        let number = |name| got(name).map(|number| number.parse::<u32>().unwrap());
        prop_assert_eq!(got("IdempotencyKey"), Some(params.idempotency_key.as_str()));
        prop_assert_eq!(got("StatusCallback"), Some(params.status_callback.as_str()));
        prop_assert_eq!(got("Description"), sent(params.description.as_deref()));
        prop_assert_eq!(got("PaymentConnector"), sent(params.payment_connector.as_deref()));
        prop_assert_eq!(got("Currency"), params.currency.as_deref());
        prop_assert_eq!(number("MinPostalCodeLength"), params.min_postal_code_length);
        prop_assert_eq!(number("Timeout"), params.timeout);
        prop_assert_eq!(got("PostalCode"), flag(params.postal_code));
        prop_assert_eq!(got("SecurityCode"), flag(params.security_code));
        prop_assert_eq!(got("Confirmation"), flag(params.confirmation));
        prop_assert_eq!(got("BankAccountType"), sent(params.bank_account_type.as_ref().map(BankAccountType::as_str)));
        prop_assert_eq!(got("Input"), sent(params.input.as_ref().map(PaymentsInput::as_str)));
        prop_assert_eq!(got("PaymentMethod"), sent(params.payment_method.as_ref().map(PaymentMethod::as_str)));
        prop_assert_eq!(got("TokenType"), sent(params.token_type.as_ref().map(TokenType::as_str)));
        let amount = got("ChargeAmount").map(|amount| amount.parse::<Amount>().unwrap());
        prop_assert_eq!(amount, params.charge_amount);
        // As text: reading it again would lose the last digit of some floats.
        prop_assert_eq!(got("Parameter").map(str::to_owned), params.parameter.as_ref().map(Value::to_string));
        let cards: Vec<_> = got("ValidCardTypes").into_iter().flat_map(|list| list.split(' ')).collect();
        prop_assert_eq!(cards, params.valid_card_types.iter().map(CardType::as_str).collect::<Vec<_>>());
        let inputs: Vec<_> = got("RequireMatchingInputs").into_iter().flat_map(|list| list.split(',')).collect();
        prop_assert_eq!(inputs, params.require_matching_inputs.iter().map(Capture::as_str).collect::<Vec<_>>());
    });
    assert_eq!(sandbox.ignored_parameters(), [] as [&str; 0], "nothing that the service does not know");
    let arrived = arrived.into_inner();
    println!("{arrived} of 500 arrived");
    assert!(arrived > 100, "{arrived} of 500 arrived");
}
