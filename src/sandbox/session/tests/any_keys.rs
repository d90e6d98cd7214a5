//! Whatever agent and caller do, there is no panic, nothing is shown in the clear, and there is at most one effect.

use super::*;
use crate::model::CardType;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    Ask(Capture),
    Keys(String),
    Oblige,
    Wait(u64),
    Complete,
    Cancel,
    HangUp,
}

fn act() -> impl Strategy<Value = Act> {
    let capture = proptest::sample::select(Capture::KNOWN);
    let number = proptest::sample::select(vec![
        numbers::VISA,
        numbers::AMEX,
        numbers::DECLINED,
        numbers::BANK_ROUTING_NUMBER,
        "508862392#",
        "94109#",
        "1299",
    ]);
    prop_oneof![
        8 => capture.prop_map(Act::Ask),
        4 => "[0-9#]{0,20}".prop_map(Act::Keys),
        1 => "[0-9*#A-Da-z é🦀]{0,8}".prop_map(Act::Keys),
        6 => number.prop_map(|number| Act::Keys(number.to_owned())),
        8 => Just(Act::Oblige),
        2 => (0_u64..70_000).prop_map(Act::Wait),
        2 => Just(Act::Complete),
        1 => Just(Act::Cancel),
        1 => Just(Act::HangUp),
    ]
}

prop_compose! {
    fn any_settings()(
        ach_debit: bool,
        charge: bool,
        confirmation: bool,
        postal_code: bool,
        min_postal_code_length in 1_usize..20,
        matching in vec(proptest::sample::select(Capture::KNOWN), 0..3),
    ) -> CreateParameters {
        let base = if ach_debit { ach() } else { settings() };
        CreateParameters {
            charge_amount: base.charge_amount.filter(|_| charge),
            confirmation,
            postal_code,
            min_postal_code_length,
            require_matching_inputs: matching,
            ..base
        }
    }
}

/// Whether the shown value can be what a callback may show of the capture.
fn is_masked(name: &str, value: &str) -> bool {
    let only = |value: &str, mask: char| value.chars().all(|c| c == mask);
    let ends = |mask: char, digits: usize| {
        let at = value.len().saturating_sub(digits);
        value.len() > digits && only(&value[..at], mask) && value[at..].bytes().all(|b| b.is_ascii_digit())
    };
    match name {
        "PaymentCardNumber" => {
            let amex = value.strip_prefix("xxxx-xxxxxx-x");
            only(value, 'x')
                || (ends('x', 4) && (13..=19).contains(&value.len()))
                || amex.is_some_and(|last| last.len() == 4 && last.bytes().all(|b| b.is_ascii_digit()))
        }
        "SecurityCode" => only(value, 'x'),
        "BankAccountNumber" => only(value, '*') || (ends('*', 2) && (4..=17).contains(&value.len())),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_in_the_clear(settings in any_settings(), acts in vec(act(), 0..40)) {
        let mut desk = Desk::new(settings);
        let mut typed = vec![String::new()];
        for act in acts {
            let ended = desk.session.view.result.is_some();
            let before = desk.sent.len();
            match act {
                Act::Ask(capture) => {
                    typed.push(String::new());
                    let _ = desk.update(UpdateKind::Capture(capture));
                }
                Act::Keys(keys) => {
                    typed.last_mut().unwrap().extend(keys.chars().filter(char::is_ascii_digit));
                    desk.press(&keys);
                }
                Act::Oblige => {
                    if let Some(keys) = desk.session.keys_for(&Answers::default(), desk.now) {
                        typed.last_mut().unwrap().extend(keys.chars().filter(char::is_ascii_digit));
                        // Keys take time, but the timeout must not pass between them.
                        let time = Duration::from_millis(100) * u32::try_from(keys.len() + 1).unwrap();
                        let deadline = desk.session.next_deadline();
                        let in_time = deadline.is_some_and(|deadline| deadline > desk.now + time);
                        let fresh = in_time && match desk.session.asking() {
                            Some(Asking::Capture(capture)) => desk.last().shown(&capture).is_none(),
                            _ => true,
                        };
                        desk.press(&keys);
                        // If nothing was typed before it, the answer is complete and good.
                        prop_assert!(!fresh || desk.session.asking().is_none());
                        prop_assert!(!fresh || desk.error().is_none());
                    }
                }
                Act::Wait(millis) => {
                    desk.wait(Duration::from_millis(millis));
                }
                Act::Complete => {
                    let _ = desk.update(UpdateKind::Complete);
                }
                Act::Cancel => {
                    let _ = desk.update(UpdateKind::Cancel);
                }
                Act::HangUp => {
                    let callbacks = desk.session.hang_up(desk.now);
                    desk.keep(callbacks);
                }
            }
            prop_assert!(!ended || desk.sent.len() == before, "a callback after the end");
            prop_assert!(desk.session.next_deadline().is_none_or(|deadline| deadline > desk.now));
            prop_assert_eq!(desk.session.asking().is_some(), desk.session.next_deadline().is_some());
        }
        let last = desk.sent.len() - 1;
        for (index, callback) in desk.sent.iter().enumerate() {
            let read = parse(callback);
            prop_assert_eq!(read.is_final(), index == last && desk.session.view.result.is_some());
            for (name, value) in callback.fields.iter() {
                prop_assert!(is_masked(name, value), "{name}={value}");
                let clear = ["PaymentCardPostalCode", "BankRoutingNumber", "ExpirationDate"];
                for digits in typed.iter().filter(|digits| digits.len() >= 9) {
                    prop_assert!(clear.contains(&name) || !value.contains(digits.as_str()));
                }
            }
        }
        let charged = desk.session.view.transaction.is_some();
        prop_assert_eq!(charged, desk.session.view.result == Some(PayResult::Success));
    }

    /// An obliging caller brings any session to its end.
    #[test]
    fn obliging_callers_succeed(settings in any_settings(), brand in proptest::sample::select(CardType::KNOWN)) {
        let mut desk = Desk::new(CreateParameters { valid_card_types: vec![brand], ..settings });
        desk.collect();
        prop_assert!(desk.sent.iter().all(|callback| parse(callback).error_type.is_none()));
        desk.complete();
        if let Some(keys) = desk.session.keys_for(&Answers::default(), desk.now) {
            desk.press(&keys);
        }
        prop_assert_eq!(desk.result(), Some(PayResult::Success));
    }
}
