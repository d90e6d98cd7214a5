//! `Amount`: money as an exact decimal.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::error::Error;
use crate::model::currency;
use crate::text::digits::push_decimal;

const FIELD: &str = "ChargeAmount";

/// How many ten-thousandths there are in one unit of a currency.
const SCALE: u64 = 10_000;

/// The first value that is too large, in ten-thousandths.
const LIMIT: u64 = 1_000_000 * SCALE;

/// An amount of money with up to four decimals, from 0 up to but not including 1,000,000 units of a currency
/// (`ChargeAmount`).
///
/// Zero is allowed, and means that the payment method is tokenized instead of charged.
///
/// An amount does not know its currency. It is sent with the decimals that the currency has, and refused if it has more
/// decimals than that.
///
/// `Display` shows at least two decimals, and never fewer than the amount has. A precision sets the minimum number of
/// decimals; width, fill, alignment and zero padding work as for numbers. serde writes and reads the same text.
///
/// ```
/// use twilio_payments::Amount;
///
/// # fn main() -> Result<(), twilio_payments::Error> {
/// let price: Amount = "19.99".parse()?;
/// assert_eq!(price, Amount::from_cents(1999)?);
/// assert_eq!(price, Amount::from_minor_units(1999, "EUR")?);
/// assert_eq!(price, Amount::try_from(19.99)?);
/// assert_eq!(format!("{price}, {price:>8}, {price:08.3}"), "19.99,    19.99, 0019.990");
///
/// // Nothing is ever rounded.
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
    /// Zero, which asks for a token instead of a charge.
    pub const ZERO: Self = Self { ten_thousandths: 0 };

    /// The largest amount, 999,999.9999.
    pub const MAX: Self = Self { ten_thousandths: LIMIT - 1 };

    /// Makes an amount from whole units of a currency, such as dollars.
    ///
    /// # Errors
    /// Returns an error if `units` is 1,000,000 or more.
    pub fn from_units(units: u64) -> Result<Self, Error> {
        Self::scaled(units, SCALE)
    }

    /// Makes an amount from hundredths of a currency's unit, such as cents.
    ///
    /// Not every currency has hundredths: see [`from_minor_units`](Self::from_minor_units).
    ///
    /// # Errors
    /// Returns an error if `cents` is 100,000,000 or more.
    pub fn from_cents(cents: u64) -> Result<Self, Error> {
        Self::scaled(cents, SCALE / 100)
    }

    /// Makes an amount from the smallest units of a currency: cents for `USD`, yen for `JPY`, fils for `BHD`.
    ///
    /// ```
    /// use twilio_payments::Amount;
    ///
    /// # fn main() -> Result<(), twilio_payments::Error> {
    /// assert_eq!(Amount::from_minor_units(500, "USD")?, "5.00".parse()?);
    /// assert_eq!(Amount::from_minor_units(500, "JPY")?, "500".parse()?);
    /// assert_eq!(Amount::from_minor_units(500, "BHD")?, "0.500".parse()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Returns an error if the amount is 1,000,000 units or more, or if `currency` is not an ISO 4217 code that this
    /// version knows.
    pub fn from_minor_units(minor_units: u64, currency: &str) -> Result<Self, Error> {
        match currency::decimals(currency) {
            Some(decimals) => Self::scaled(minor_units, unit(decimals)),
            None => Err(Error::invalid("Currency", "not a known ISO 4217 code")),
        }
    }

    /// Returns the amount in hundredths of a currency's unit, or `None` if it has a third or fourth decimal.
    pub fn cents(self) -> Option<u64> {
        self.in_units_of(SCALE / 100)
    }

    /// Returns the amount in the smallest unit of a currency, or `None` if it has more decimals than the currency, or
    /// if `currency` is not an ISO 4217 code that this version knows.
    pub fn minor_units(self, currency: &str) -> Option<u64> {
        self.in_units_of(unit(currency::decimals(currency)?))
    }

    /// Returns whether the amount is zero, so that nothing is charged.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// Returns a value whose `Display` shows the amount with the decimals that a currency has, as it is sent. If the
    /// amount has more decimals, they are shown too. For an unknown currency, it shows two decimals or more.
    ///
    /// ```
    /// use twilio_payments::Amount;
    ///
    /// # fn main() -> Result<(), twilio_payments::Error> {
    /// let price: Amount = "500".parse()?;
    /// assert_eq!(format!("{} JPY", price.display("JPY")), "500 JPY");
    /// assert_eq!(format!("{} USD", price.display("USD")), "500.00 USD");
    /// assert_eq!(format!("{} BHD", price.display("BHD")), "500.000 BHD");
    /// # Ok(())
    /// # }
    /// ```
    pub fn display(self, currency: &str) -> impl fmt::Display + use<> {
        InCurrency { amount: self, decimals: currency::decimals(currency).unwrap_or(2) }
    }

    /// Returns how many decimals the amount needs.
    pub(crate) fn decimals(self) -> usize {
        (0..4).find(|decimals| self.ten_thousandths % unit(*decimals) == 0).unwrap_or(4)
    }

    /// Appends the amount with at least this many decimals, without exponent, sign or grouping.
    pub(crate) fn push(self, out: &mut String, least_decimals: usize) {
        let decimals = least_decimals.max(self.decimals());
        let written = decimals.min(4);
        let fraction = self.ten_thousandths % SCALE / unit(written);
        push_decimal(out, self.ten_thousandths / SCALE, 1);
        if decimals > 0 {
            out.push('.');
            push_decimal(out, fraction, written);
        }
        out.extend(std::iter::repeat_n('0', decimals - written));
    }

    fn in_units_of(self, unit: u64) -> Option<u64> {
        (self.ten_thousandths % unit == 0).then_some(self.ten_thousandths / unit)
    }

    fn scaled(value: u64, scale: u64) -> Result<Self, Error> {
        match value.checked_mul(scale) {
            Some(ten_thousandths) if ten_thousandths < LIMIT => Ok(Self { ten_thousandths }),
            _ => Err(Error::invalid(FIELD, "1,000,000 or more")),
        }
    }
}

/// Returns the value of the last of up to four decimals, in ten-thousandths.
fn unit(decimals: usize) -> u64 {
    [SCALE, 1_000, 100, 10].get(decimals).copied().unwrap_or(1)
}

/// Reads decimal text: digits, optionally followed by a point and one to four more digits. Signs, exponents, grouping
/// and spaces are not allowed.
impl FromStr for Amount {
    type Err = Error;

    /// # Errors
    /// Returns an error if the text is not of that form, has more than four decimals, or is 1,000,000 or more.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (units, fraction) = match text.split_once('.') {
            Some((units, fraction)) => (units, Some(fraction)),
            None => (text, None),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if text.starts_with('-') && digits(units.trim_start_matches('-')) {
            return Err(Error::invalid(FIELD, "negative"));
        }
        if !digits(units) || !fraction.is_none_or(digits) {
            return Err(Error::invalid(FIELD, "not decimal text such as 19.99"));
        }
        let fraction = fraction.unwrap_or("0");
        let Some(zeros) = "0000".get(fraction.len()..) else {
            return Err(Error::invalid(FIELD, "more than four decimals"));
        };
        let digits = [units, fraction, zeros].into_iter().flat_map(str::bytes);
        let append = |value: u64, digit| value.saturating_mul(10).saturating_add(u64::from(digit & 0xf));
        Self::scaled(digits.fold(0, append), 1)
    }
}

/// Accepts a float that is the nearest one to a decimal with at most four places: `19.99` is, `0.1 + 0.2` is not.
impl TryFrom<f64> for Amount {
    type Error = Error;

    /// # Errors
    /// Returns an error if the float is not a number, infinite, negative, 1,000,000 or more, or has more than four
    /// decimals. It is never rounded.
    fn try_from(value: f64) -> Result<Self, Error> {
        let reason = match value {
            _ if value.is_nan() => "not a number",
            _ if value < 0.0 => "negative",
            _ if value >= 1_000_000.0 => "1,000,000 or more",
            _ => "not exact to four decimals (round it first, or pass text or cents)",
        };
        // The text of a float is the shortest decimal that it is nearest to, so it is the decimal that was meant.
        // Adding zero turns a negative zero into zero.
        let exact = (value + 0.0).to_string().parse();
        exact.map_err(|_: Error| Error::invalid(FIELD, reason))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&InCurrency { amount: *self, decimals: 2 }, f)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({self})")
    }
}

/// Shows an amount with at least this many decimals, unless the format has a precision.
struct InCurrency {
    amount: Amount,
    decimals: usize,
}

impl fmt::Display for InCurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(16);
        self.amount.push(&mut text, f.precision().unwrap_or(self.decimals));
        f.pad_integral(true, "", &text)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
