//! The parts of a call alone, and the callbacks.

use std::collections::HashMap;
use std::hint::black_box;

use twilio_payments::{Payments, SignatureValidator, StatusCallback};

use crate::common::clients::{Resource, params};
use crate::common::facts::{self, BODY, CALLBACK_BODY};
use crate::common::measure::{Scale, median, rounds, to_f64};
use crate::common::report::{Report, Row};

const CALLS: usize = 5_000;
const URL: &str = "https://example.com/pay/status?order=1066";

pub(crate) fn measure(report: &mut Report, scale: Scale) {
    report.table("The parts alone (here plain is what one would write without this crate)");
    let micros = |nanos: f64| format!("{:.2} µs", nanos / 1000.0);

    let made = params();
    let samples = rounds(
        scale,
        CALLS,
        &mut [
            &mut |calls| (0..calls).for_each(|_| drop(black_box(black_box(&made).to_form()))),
            &mut |calls| (0..calls).for_each(|_| drop(black_box(encode(black_box(&facts::FIELDS))))),
            &mut |calls| (0..calls).for_each(|_| drop(black_box(params()))),
            &mut |calls| {
                (0..calls).for_each(|_| drop(black_box(Payments::from_json(black_box(BODY.as_bytes())))));
            },
            &mut |calls| {
                for _ in 0..calls {
                    let _ = black_box(serde_json::from_slice::<Resource>(black_box(BODY.as_bytes())));
                }
            },
        ],
    );
    report.row(&Row::new("make a params value with its key", micros(samples.time(2))));
    report.row(
        &Row::new(
            "check and encode the 12 fields (plain: form_urlencoded's serializer)",
            micros(samples.time(0)),
        )
        .plain(micros(samples.time(1)), samples.ratio(0, 1)),
    );
    report.row(
        &Row::new("decode the response (plain: a derived struct)", micros(samples.time(3)))
            .plain(micros(samples.time(4)), samples.ratio(3, 4)),
    );

    let validator = SignatureValidator::new(facts::TOKEN).unwrap();
    let signature = validator.sign(URL, CALLBACK_BODY.as_bytes());
    let body = CALLBACK_BODY.as_bytes();
    validator.validate(URL, body, Some(&signature)).unwrap();
    let samples = rounds(
        scale,
        CALLS,
        &mut [
            &mut |calls| {
                (0..calls).for_each(|_| drop(black_box(StatusCallback::parse(black_box(body)).unwrap())));
            },
            &mut |calls| {
                for _ in 0..calls {
                    let map: HashMap<_, _> = form_urlencoded::parse(black_box(body)).into_owned().collect();
                    drop(black_box(map));
                }
            },
            &mut |calls| {
                for _ in 0..calls {
                    validator.validate(URL, black_box(body), Some(&signature)).unwrap();
                }
            },
        ],
    );
    report.row(
        &Row::new("parse a status callback (plain: form_urlencoded into a map)", micros(samples.time(0)))
            .plain(micros(samples.time(1)), samples.ratio(0, 1))
            .target("≤ 3 µs", samples.time(0) <= 3000.0),
    );
    report.row(
        &Row::new("validate its signature", micros(samples.time(2)))
            .target("≤ 5 µs", samples.time(2) <= 5000.0),
    );
    growth(report, scale, &validator);
}

/// The fields as `form_urlencoded` writes them, without a check.
fn encode(fields: &[(&str, &str)]) -> String {
    let mut serializer = form_urlencoded::Serializer::new(String::new());
    serializer.append_pair("IdempotencyKey", "order-1066").extend_pairs(fields);
    serializer.finish()
}

/// How the time grows with the input: bodies of 16 KiB, and of eight times that.
fn growth(report: &mut Report, scale: Scale, validator: &SignatureValidator) {
    let body = |fields: usize| {
        let fields: Vec<String> =
            (0..fields).map(|n| format!("Field{:05}=some+text+with%2C+signs", n * 7919 % 99_991)).collect();
        fields.join("&").into_bytes()
    };
    let (small, large) = (body(450), body(3600));
    let sign = |body: &[u8]| validator.sign(URL, body);
    let (small_sign, large_sign) = (sign(&small), sign(&large));
    let parse =
        |calls: usize, body: &[u8]| (0..calls).for_each(|_| drop(black_box(StatusCallback::parse(body))));
    let validate = |calls: usize, body: &[u8], signature: &str| {
        (0..calls).for_each(|_| validator.validate(URL, body, Some(signature)).unwrap());
    };
    let samples = rounds(
        scale,
        50,
        &mut [
            &mut |calls| parse(calls, &small),
            &mut |calls| parse(calls, &large),
            &mut |calls| validate(calls, &small, &small_sign),
            &mut |calls| validate(calls, &large, &large_sign),
        ],
    );
    let eight = to_f64(large.len()) / to_f64(small.len());
    for (what, index) in [("parse", 0), ("validate", 2)] {
        let ratios: Vec<f64> =
            samples.0[index + 1].iter().zip(&samples.0[index]).map(|(large, small)| large / small).collect();
        let growth = median(&ratios) / eight;
        let figure =
            format!("{:.0} → {:.0} µs", samples.time(index) / 1000.0, samples.time(index + 1) / 1000.0);
        let what = format!("{what} 16 KiB → 128 KiB of unknown fields");
        report.row(&Row::new(what, figure).target("≤ 16 × for 8 × the input", growth <= 2.0));
    }
}
