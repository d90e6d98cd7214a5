//! `Amount`: money as an exact decimal.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::params::form;

const FIELD: &str = "ChargeAmount";

/// An amount of money, exact to four decimals: from 0 up to but not including 1,000,000 units of the
/// currency (`ChargeAmount`).
///
/// Zero is allowed and means that the payment method is tokenized instead of charged.
///
/// ```
/// use twilio_payments::Amount;
///
/// # fn main() -> Result<(), twilio_payments::Error> {
/// let price: Amount = "19.99".parse()?;
/// assert_eq!(price, Amount::from_cents(1999)?);
/// assert_eq!(price, Amount::try_from(19.99)?);
/// assert_eq!(price.to_string(), "19.99");
/// assert_eq!(Amount::from_units(12)?.to_string(), "12.00");
///
/// // Nothing is rounded behind your back.
/// assert!(Amount::try_from(0.1 + 0.2).is_err());
/// assert!("0.00001".parse::<Amount>().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount {
    ten_thousandths: u64,
}

impl Amount {
    /// Nothing: asks for a token instead of a charge.
    pub const ZERO: Self = Self { ten_thousandths: 0 };

    /// The largest amount, 999,999.9999.
    pub const MAX: Self = Self { ten_thousandths: form::LIMIT - 1 };

    /// An amount in whole units of the currency, such as dollars.
    ///
    /// # Errors
    /// Where `units` is 1,000,000 or more.
    pub fn from_units(units: u64) -> Result<Self, Error> {
        Self::scaled(units, form::SCALE)
    }

    /// An amount in hundredths of the currency's unit, such as cents.
    ///
    /// # Errors
    /// Where `cents` is 100,000,000 or more.
    pub fn from_cents(cents: u64) -> Result<Self, Error> {
        Self::scaled(cents, form::SCALE / 100)
    }

    /// The amount in hundredths of the currency's unit, or `None` where it has a third or fourth decimal.
    #[must_use]
    pub fn cents(self) -> Option<u64> {
        (self.ten_thousandths % 100 == 0).then_some(self.ten_thousandths / 100)
    }

    /// Whether the amount is zero, so that nothing is charged.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The amount in ten-thousandths, as the form encoder takes it.
    pub(crate) fn ten_thousandths(self) -> u64 {
        self.ten_thousandths
    }

    fn scaled(value: u64, scale: u64) -> Result<Self, Error> {
        match value.checked_mul(scale) {
            Some(ten_thousandths) if ten_thousandths < form::LIMIT => Ok(Self { ten_thousandths }),
            _ => Err(Error::invalid(FIELD, "not below 1,000,000")),
        }
    }
}

/// Reads decimal text: digits, and optionally a point and one to four digits more. There is no sign,
/// exponent, grouping or space.
impl FromStr for Amount {
    type Err = Error;

    /// # Errors
    /// Where the text is not of that form, has more than four decimals, or is 1,000,000 or more.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (units, fraction) = match text.split_once('.') {
            Some((units, fraction)) => (units, Some(fraction)),
            None => (text, None),
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if text.starts_with('-') && digits(units.trim_start_matches('-')) {
            return Err(Error::invalid(FIELD, "negative"));
        }
        if !digits(units) || !fraction.is_none_or(digits) {
            return Err(Error::invalid(FIELD, "not decimal text such as 19.99"));
        }
        let fraction = fraction.unwrap_or("0");
        if fraction.len() > 4 {
            return Err(Error::invalid(FIELD, "more than four decimals"));
        }
        let ten_thousandths = format!("{units}{fraction:0<4}").parse::<u64>();
        match ten_thousandths {
            Ok(ten_thousandths) if ten_thousandths < form::LIMIT => Ok(Self { ten_thousandths }),
            _ => Err(Error::invalid(FIELD, "not below 1,000,000")),
        }
    }
}

/// Takes a float that is the nearest one to a decimal of at most four places; `19.99` is, `0.1 + 0.2` is not.
impl TryFrom<f64> for Amount {
    type Error = Error;

    /// # Errors
    /// Where the float is not a number, infinite, negative, 1,000,000 or more, or has more decimals than
    /// four. It is never rounded.
    fn try_from(value: f64) -> Result<Self, Error> {
        match form::float(value) {
            Ok(ten_thousandths) => Ok(Self { ten_thousandths }),
            Err(reason) => Err(Error::invalid(FIELD, reason)),
        }
    }
}

/// Writes the amount as it goes over the wire: at least two decimals, at most four (`12.00`, `0.125`).
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(16);
        form::decimal(&mut text, self.ten_thousandths);
        f.pad(&text)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        refused("1000000".parse(), "not below 1,000,000");
        refused("99999999999999999999999999".parse(), "not below 1,000,000");
    }

    #[test]
    fn whole_numbers_are_bounded() {
        assert_eq!(Amount::from_units(999_999).unwrap().to_string(), "999999.00");
        refused(Amount::from_units(1_000_000), "not below 1,000,000");
        refused(Amount::from_units(u64::MAX), "not below 1,000,000");
        assert_eq!(Amount::from_cents(99_999_999).unwrap().to_string(), "999999.99");
        refused(Amount::from_cents(100_000_000), "not below 1,000,000");
        refused(Amount::from_cents(u64::MAX), "not below 1,000,000");
        assert_eq!(Amount::MAX.to_string(), "999999.9999");
    }

    #[test]
    fn floats_are_exact_or_refused() {
        assert_eq!(Amount::try_from(0.3).unwrap().to_string(), "0.30");
        refused(
            Amount::try_from(0.1 + 0.2),
            "not exact in four decimals (round it first, or give text or cents)",
        );
        refused(Amount::try_from(f64::NAN), "not a number");
        refused(Amount::try_from(-5.0), "negative");
        refused(Amount::try_from(f64::INFINITY), "not below 1,000,000");
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
}
