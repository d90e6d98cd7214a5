//! The enums of the API. Each is open: a value that this version does not know is kept, not refused.

use std::fmt;

use crate::text::Escaped;

/// A value of an open enum that this version of the crate does not know.
///
/// Only the enums make one, from text that is not the wire text of any of their variants.
#[derive(Clone)]
pub struct UnknownValue(String);

impl UnknownValue {
    /// Returns the value as it appears on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Escaped(&self.0))
    }
}

/// Defines an enum of wire texts with an `Other` variant for those that are not listed.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $wire:literal, )+ }
    ) => {
        $(#[$meta])*
        ///
        /// This enum is open: `Other` holds any value that has no variant here, exactly as on the wire. Two values are
        /// equal if their wire texts are.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$vmeta])* #[doc = concat!("\n\nOn the wire `", $wire, "`.")] $variant, )+
            /// Any other value. It is made by [`From<&str>`](From) and [`FromStr`](std::str::FromStr), but never
            /// from the wire text of a variant.
            Other(UnknownValue),
        }

        impl $name {
            /// Every value that this version knows, in the order of the API's documentation.
            pub const KNOWN: &'static [Self] = &[$( Self::$variant, )+];

            /// Returns the value as it appears on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $wire, )+
                    Self::Other(value) => &value.0,
                }
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $( $wire => Self::$variant, )+
                    _ => Self::Other(UnknownValue(value.to_owned())),
                }
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self::from(value.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(value: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(value))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    };
}

open_enum! {
    /// The kind of bank account that an ACH payment charges (`BankAccountType`).
    BankAccountType {
        /// A consumer's checking account, the service's default.
        ConsumerChecking = "consumer-checking",
        /// A consumer's savings account.
        ConsumerSavings = "consumer-savings",
        /// A business's checking account.
        CommercialChecking = "commercial-checking",
    }
}

open_enum! {
    /// One piece of information that the caller is asked to type (`Capture`).
    Capture {
        /// The card's number.
        PaymentCardNumber = "payment-card-number",
        /// The card's expiration date as four digits, month then year.
        ExpirationDate = "expiration-date",
        /// The card's security code: four digits for American Express, three for the others.
        SecurityCode = "security-code",
        /// The postal code of the card's billing address.
        PostalCode = "postal-code",
        /// The bank's nine-digit ABA routing number.
        BankRoutingNumber = "bank-routing-number",
        /// The bank account's number.
        BankAccountNumber = "bank-account-number",
        /// The card's number a second time, if `RequireMatchingInputs` names it.
        PaymentCardNumberMatcher = "payment-card-number-matcher",
        /// The expiration date a second time, if `RequireMatchingInputs` names it.
        ExpirationDateMatcher = "expiration-date-matcher",
        /// The security code a second time, if `RequireMatchingInputs` names it.
        SecurityCodeMatcher = "security-code-matcher",
        /// The postal code a second time, if `RequireMatchingInputs` names it.
        PostalCodeMatcher = "postal-code-matcher",
    }
}

/// How the name of the capture for a second entry ends.
const MATCHER: &str = "-matcher";

impl Capture {
    /// Returns the capture that this one repeats, if it is for a second entry.
    pub(crate) fn first_entry(&self) -> Option<Self> {
        self.as_str().strip_suffix(MATCHER).map(Self::from)
    }

    /// Returns the capture for a second entry of this one.
    pub(crate) fn second_entry(&self) -> Self {
        Self::from(format!("{self}{MATCHER}"))
    }
}

open_enum! {
    /// A brand of card (`ValidCardTypes`, and `PaymentCardType` of a status callback).
    CardType {
        /// Visa.
        Visa = "visa",
        /// Mastercard.
        Mastercard = "mastercard",
        /// American Express.
        Amex = "amex",
        /// Maestro.
        Maestro = "maestro",
        /// Discover.
        Discover = "discover",
        /// Optima.
        Optima = "optima",
        /// JCB.
        Jcb = "jcb",
        /// Diners Club.
        DinersClub = "diners-club",
        /// enRoute.
        Enroute = "enroute",
    }
}

open_enum! {
    /// How the caller enters information (`Input`).
    PaymentsInput {
        /// The phone's keypad, the only input that the service supports.
        Dtmf = "dtmf",
    }
}

open_enum! {
    /// What the caller pays with (`PaymentMethod`).
    PaymentMethod {
        /// A card, the service's default.
        CreditCard = "credit-card",
        /// A bank account, by ACH debit.
        AchDebit = "ach-debit",
    }
}

open_enum! {
    /// How an update ends a session (`Status`).
    PaymentsStatus {
        /// Sends the collected information to the payment connector, which charges or tokenizes.
        Complete = "complete",
        /// Discards the collected information.
        Cancel = "cancel",
    }
}

open_enum! {
    /// The kind of token that is returned if nothing is charged (`TokenType`).
    TokenType {
        /// A token for more than one payment, the service's default.
        Reusable = "reusable",
        /// A token for a single payment.
        OneTime = "one-time",
        /// The payment processor's own record of the payment method.
        PaymentMethod = "payment-method",
    }
}

open_enum! {
    /// How a session ended (`Result` of a status callback).
    PayResult {
        /// The connector charged or tokenized.
        Success = "success",
        /// The caller typed wrong values too often. Documented for `<Pay>`, not for this API.
        TooManyFailedAttempts = "too-many-failed-attempts",
        /// The payment connector refused the payment or failed.
        PaymentConnectorError = "payment-connector-error",
        /// The caller pressed the star key.
        CallerInterruptedWithStar = "caller-interrupted-with-star",
        /// The caller hung up.
        CallerHungUp = "caller-hung-up",
        /// A value was not valid.
        ValidationError = "validation-error",
        /// The service failed. Documented for `<Pay>`, not for this API.
        InternalError = "internal-error",
        /// An update cancelled the session. Seen, but not documented.
        Cancelled = "cancelled",
    }
}

open_enum! {
    /// Why a capture failed (`ErrorType` of a status callback).
    CaptureError {
        /// The caller typed nothing, or not enough, in time.
        InputTimeout = "input-timeout",
        /// The card number has a wrong check digit or length.
        InvalidCardNumber = "invalid-card-number",
        /// The card is of a brand that the session does not accept.
        InvalidCardType = "invalid-card-type",
        /// The expiration date is not a month and a year, or has passed.
        InvalidDate = "invalid-date",
        /// The security code has the wrong length for the card.
        InvalidSecurityCode = "invalid-security-code",
        /// The postal code is too short.
        InvalidPostalCode = "invalid-postal-code",
        /// The routing number has a wrong checksum.
        InvalidBankRoutingNumber = "invalid-bank-routing-number",
        /// The account number is invalid.
        InvalidBankAccountNumber = "invalid-bank-account-number",
        /// The kind of account is invalid.
        InvalidBankAccountType = "invalid-bank-account-type",
        /// The security code was asked for before the card number.
        InvalidCardNumberSecurityCodeCaptureSequence = "invalid-card-number-security-code-capture-sequence",
        /// The second entry differs from the first.
        InputMatchingFailed = "input-matching-failed",
        /// Another session is open on the call.
        SessionInProgress = "session-in-progress",
        /// The service failed.
        InternalError = "internal-error",
        /// Probably the same as `input-timeout`. Seen, but not documented.
        Timeout = "timeout",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks an enum against the wire texts that it must know.
    macro_rules! check {
        ($name:ident, $wire:expr) => {{
            let wire: &[&str] = $wire;
            assert_eq!($name::KNOWN.len(), wire.len());
            for (known, text) in $name::KNOWN.iter().zip(wire) {
                assert_eq!(known.as_str(), *text);
                assert_eq!(&$name::from(*text), known);
                assert_eq!(&$name::from((*text).to_owned()), known);
                assert_eq!(format!("{known}"), *text);
                assert!(!matches!(known, $name::Other(_)));
                let json = format!("\"{text}\"");
                assert_eq!(serde_json::to_string(known).unwrap(), json);
                assert_eq!(&serde_json::from_str::<$name>(&json).unwrap(), known);
            }
            let new = $name::from("brand-new");
            assert!(matches!(&new, $name::Other(value) if value.as_str() == "brand-new"));
            assert_eq!(format!("{new:?}"), "Other(\"brand-new\")");
            assert_eq!(serde_json::to_string(&new).unwrap(), "\"brand-new\"");
            assert_eq!(serde_json::from_str::<$name>("\"brand-new\"").unwrap(), new);
            assert_eq!(format!("[{new:>11}]"), "[  brand-new]");
        }};
    }

    #[test]
    fn wire_texts() {
        check!(BankAccountType, &["consumer-checking", "consumer-savings", "commercial-checking"]);
        check!(
            Capture,
            &[
                "payment-card-number",
                "expiration-date",
                "security-code",
                "postal-code",
                "bank-routing-number",
                "bank-account-number",
                "payment-card-number-matcher",
                "expiration-date-matcher",
                "security-code-matcher",
                "postal-code-matcher",
            ]
        );
        check!(
            CardType,
            &["visa", "mastercard", "amex", "maestro", "discover", "optima", "jcb", "diners-club", "enroute"]
        );
        check!(PaymentsInput, &["dtmf"]);
        check!(PaymentMethod, &["credit-card", "ach-debit"]);
        check!(PaymentsStatus, &["complete", "cancel"]);
        check!(TokenType, &["reusable", "one-time", "payment-method"]);
        check!(
            PayResult,
            &[
                "success",
                "too-many-failed-attempts",
                "payment-connector-error",
                "caller-interrupted-with-star",
                "caller-hung-up",
                "validation-error",
                "internal-error",
                "cancelled",
            ]
        );
        check!(
            CaptureError,
            &[
                "input-timeout",
                "invalid-card-number",
                "invalid-card-type",
                "invalid-date",
                "invalid-security-code",
                "invalid-postal-code",
                "invalid-bank-routing-number",
                "invalid-bank-account-number",
                "invalid-bank-account-type",
                "invalid-card-number-security-code-capture-sequence",
                "input-matching-failed",
                "session-in-progress",
                "internal-error",
                "timeout",
            ]
        );
    }

    #[test]
    fn equality_and_hash_depend_on_the_wire_text() {
        use std::collections::HashSet;
        // Only the value of another enum can make an `Other` with the wire text of a variant.
        let CardType::Other(strange) = CardType::from("complete") else { panic!("not a card") };
        let odd = PaymentsStatus::Other(strange);
        assert_eq!(odd, PaymentsStatus::Complete);
        assert_ne!(odd, PaymentsStatus::Cancel);
        let set = HashSet::from([odd, PaymentsStatus::Complete, PaymentsStatus::from("complete")]);
        assert_eq!(set.len(), 1);
        let odd = format!("{:?}", CardType::from("a\r\n\u{202e}\u{61c}"));
        assert!(odd.bytes().all(|b| b.is_ascii_graphic()), "{odd}");
    }
}
