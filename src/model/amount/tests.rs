use super::*;
use proptest::prelude::*;

#[track_caller]
fn refused(result: Result<Amount, Error>, reason: &str) {
    assert_eq!(result.unwrap_err().to_string(), format!("invalid ChargeAmount: {reason}"));
}

#[test]
fn text_is_exact() {
    for (text, shown) in [
        ("0", "0.00"),
        ("0.0", "0.00"),
        ("19.99", "19.99"),
        ("12", "12.00"),
        ("12.5", "12.50"),
        ("0.125", "0.125"),
        ("0.0001", "0.0001"),
        ("007.10", "7.10"),
        ("999999.9999", "999999.9999"),
        ("00000000000000000000.5", "0.50"),
    ] {
        assert_eq!(text.parse::<Amount>().unwrap().to_string(), shown);
    }
}

#[test]
fn bad_text_is_refused_with_the_reason() {
    for text in
        ["", ".", ".5", "5.", "1e3", "1,000", " 1", "1 ", "+1", "1.2.3", "٣", "0x10", "NaN", "-", "$1"]
    {
        refused(text.parse(), "not decimal text such as 19.99");
    }
    refused("-5".parse(), "negative");
    refused("-0.01".parse(), "negative");
    refused("0.12345".parse(), "more than four decimals");
    refused("1.00000".parse(), "more than four decimals");
    refused("1000000".parse(), "1,000,000 or more");
    refused("99999999999999999999999999".parse(), "1,000,000 or more");
}

#[test]
fn whole_numbers_are_bounded() {
    assert_eq!(Amount::from_units(999_999).unwrap().to_string(), "999999.00");
    refused(Amount::from_units(1_000_000), "1,000,000 or more");
    refused(Amount::from_units(u64::MAX), "1,000,000 or more");
    assert_eq!(Amount::from_cents(99_999_999).unwrap().to_string(), "999999.99");
    refused(Amount::from_cents(100_000_000), "1,000,000 or more");
    refused(Amount::from_cents(u64::MAX), "1,000,000 or more");
    assert_eq!(Amount::MAX.to_string(), "999999.9999");
}

#[test]
fn floats_are_exact_or_refused() {
    assert_eq!(Amount::try_from(0.3).unwrap().to_string(), "0.30");
    refused(
        Amount::try_from(0.1 + 0.2),
        "not exact to four decimals (round it first, or pass text or cents)",
    );
    refused(Amount::try_from(f64::NAN), "not a number");
    refused(Amount::try_from(-5.0), "negative");
    refused(Amount::try_from(f64::INFINITY), "1,000,000 or more");
}

#[test]
fn shown_and_compared() {
    let price = Amount::from_cents(1999).unwrap();
    assert_eq!(format!("{price:?} [{price:>8}]"), "Amount(19.99) [   19.99]");
    assert_eq!(price.cents(), Some(1999));
    assert_eq!("0.001".parse::<Amount>().unwrap().cents(), None);
    assert!(Amount::ZERO < price && price < Amount::MAX);
    assert!(Amount::default().is_zero() && !price.is_zero());
}

#[test]
fn never_shortened_and_padded_as_numbers_are() {
    let amount: Amount = "1234.56".parse().unwrap();
    let mut shown = vec![format!("{amount}"), format!("{amount:.0}"), format!("{amount:.1}")];
    shown.extend([format!("{amount:.2}"), format!("{amount:.3}"), format!("{amount:.6}")]);
    assert_eq!(shown, ["1234.56", "1234.56", "1234.56", "1234.56", "1234.560", "1234.560000"]);
    let mut padded = vec![format!("{amount:10}"), format!("{amount:<10}"), format!("{amount:*^11}")];
    padded.extend([
        format!("{amount:010}"),
        format!("{amount:+}"),
        format!("{amount:010.3}"),
        format!("{amount:3}"),
    ]);
    assert_eq!(
        padded,
        ["   1234.56", "1234.56   ", "**1234.56**", "0001234.56", "+1234.56", "001234.560", "1234.56"]
    );
    let units = Amount::from_units(12).unwrap();
    assert_eq!(format!("{units} {units:.0} {:.1}", Amount::ZERO), "12.00 12 0.0");
    assert_eq!(format!("{:.1}", Amount::MAX), "999999.9999");
}

#[test]
fn shown_in_a_currency() {
    for (text, currency, shown, minor_units) in [
        ("500", "JPY", "500", Some(500)),
        ("500.5", "JPY", "500.5", None),
        ("0", "JPY", "0", Some(0)),
        ("19.99", "USD", "19.99", Some(1_999)),
        ("19.9", "usd", "19.90", Some(1_990)),
        ("19.999", "USD", "19.999", None),
        ("1.5", "BHD", "1.500", Some(1_500)),
        ("1.2345", "BHD", "1.2345", None),
        ("1.2345", "CLF", "1.2345", Some(12_345)),
        ("1.5", "XTS", "1.50", None),
    ] {
        let amount: Amount = text.parse().unwrap();
        assert_eq!(amount.display(currency).to_string(), shown, "{text} {currency}");
        assert_eq!(amount.minor_units(currency), minor_units, "{text} {currency}");
        if let Some(minor_units) = minor_units {
            assert_eq!(Amount::from_minor_units(minor_units, currency).unwrap(), amount);
        }
    }
    let yen = Amount::from_units(500).unwrap();
    assert_eq!(
        format!("{:>6}|{:06}|{:.1}", yen.display("JPY"), yen.display("JPY"), yen.display("JPY")),
        "   500|000500|500.0"
    );
    refused(Amount::from_minor_units(1_000_000, "JPY"), "1,000,000 or more");
    refused(Amount::from_minor_units(u64::MAX, "CLF"), "1,000,000 or more");
    let error = Amount::from_minor_units(1, "XTS").unwrap_err();
    assert_eq!(error.to_string(), "invalid Currency: not a known ISO 4217 code");
}

#[test]
fn serde_writes_and_reads_text() {
    let amount: Amount = serde_json::from_str("\"0.125\"").unwrap();
    assert_eq!(serde_json::to_string(&amount).unwrap(), "\"0.125\"");
    for bad in ["19.99", "19", "\"-5\"", "\"19.99 \"", "null", "{}"] {
        assert!(serde_json::from_str::<Amount>(bad).is_err(), "{bad}");
    }
}

#[test]
fn any_float_is_exact_or_refused_with_the_reason() {
    for (value, expected) in [
        (0.0, 0),
        (-0.0, 0),
        (0.01, 100),
        (0.3, 3_000),
        (19.99, 199_900),
        (0.125, 1_250),
        (999_999.99, 9_999_999_900),
        (999_999.999_9, 9_999_999_999),
    ] {
        assert_eq!(Amount::try_from(value).unwrap().ten_thousandths, expected, "{value}");
    }
    for (value, reason) in [
        (f64::NAN, "not a number"),
        (f64::INFINITY, "1,000,000 or more"),
        (f64::NEG_INFINITY, "negative"),
        (-5.0, "negative"),
        (-1e-300, "negative"),
        (1_000_000.0, "1,000,000 or more"),
        (1e300, "1,000,000 or more"),
        (0.1 + 0.2, "not exact to four decimals (round it first, or pass text or cents)"),
        (1e-7, "not exact to four decimals (round it first, or pass text or cents)"),
        (f64::MIN_POSITIVE, "not exact to four decimals (round it first, or pass text or cents)"),
        (0.12345, "not exact to four decimals (round it first, or pass text or cents)"),
        (999_999.999_99, "not exact to four decimals (round it first, or pass text or cents)"),
    ] {
        refused(Amount::try_from(value), reason);
    }
}

proptest! {
    #[test]
    fn any_amount_comes_back(ten_thousandths in 0..LIMIT, least_decimals in 0_usize..7) {
        let amount = Amount { ten_thousandths };
        let mut text = String::new();
        amount.push(&mut text, least_decimals);
        prop_assert_eq!(Amount::try_from(text.parse::<f64>().unwrap()).unwrap(), amount);
        let (_, decimals) = text.split_once('.').unwrap_or((&text, ""));
        prop_assert!(decimals.len() >= least_decimals);
        prop_assert!(decimals.len() == least_decimals || !decimals.ends_with('0'), "{}", text);
        prop_assert_eq!(serde_json::from_value::<Amount>(serde_json::json!(amount)).unwrap(), amount);
    }

    #[test]
    fn any_float_is_exact_or_refused(value in any::<f64>()) {
        if let Ok(amount) = Amount::try_from(value) {
            // The sign of a negative zero is lost.
            prop_assert!(amount.to_string().parse::<f64>().unwrap().total_cmp(&value.abs()).is_eq());
        }
    }
}
