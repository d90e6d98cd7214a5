//! Card and bank account numbers that the sandbox's payment connector knows.
//!
//! They are public test numbers of payment processors, most of them Stripe's and some Braintree's. No real card or
//! account has them. Any other number that passes the checks is charged or tokenized like [`VISA`] and
//! [`BANK_ACCOUNT`].
//!
//! | number | what the connector does |
//! |---|---|
//! | [`VISA`], [`MASTERCARD`], [`AMEX`], … | succeeds |
//! | [`DECLINED`], [`BRAINTREE_DECLINED`] | `payment-connector-error`, "card is declined", connector error `card_declined` |
//! | [`INSUFFICIENT_FUNDS`] | the same with `insufficient_funds` |
//! | [`CONNECTOR_OUTAGE`] | `payment-connector-error`, the gateway does not respond, `processing_error` |
//! | [`BANK_ROUTING_NUMBER`] with [`BANK_ACCOUNT`] | succeeds |
//! | [`BANK_ACCOUNT_CLOSED`] | `payment-connector-error`, "bank account is declined", `account_closed` |
//! | [`BANK_INSUFFICIENT_FUNDS`] | the same with `insufficient_funds` |
//! | [`BANK_OUTAGE`] | `payment-connector-error`, the gateway does not respond, `processing_error` |

/// A Visa number that succeeds.
pub const VISA: &str = "4242424242424242";
/// A Mastercard number that succeeds.
pub const MASTERCARD: &str = "5555555555554444";
/// An American Express number that succeeds; its security code has four digits.
pub const AMEX: &str = "378282246310005";
/// A Discover number that succeeds if `ValidCardTypes` has `discover`.
pub const DISCOVER: &str = "6011111111111117";
/// A JCB number that succeeds if `ValidCardTypes` has `jcb`.
pub const JCB: &str = "3566002020360505";
/// A Diners Club number that succeeds if `ValidCardTypes` has `diners-club`.
pub const DINERS_CLUB: &str = "36227206271667";
/// A Maestro number that succeeds if `ValidCardTypes` has `maestro`.
pub const MAESTRO: &str = "6759649826438453";
/// An enRoute number that succeeds if `ValidCardTypes` has `enroute`.
pub const ENROUTE: &str = "201400000000009";

/// Braintree's Visa number, which succeeds.
pub const BRAINTREE_VISA: &str = "4111111111111111";
/// Braintree's Diners Club number, which succeeds if `ValidCardTypes` has `diners-club`.
pub const BRAINTREE_DINERS_CLUB: &str = "36259600000004";
/// Braintree's Visa number for declined payments.
pub const BRAINTREE_DECLINED: &str = "4000111111111115";

/// A Visa number that the connector declines.
pub const DECLINED: &str = "4000000000000002";
/// A Visa number that the connector declines for insufficient funds.
pub const INSUFFICIENT_FUNDS: &str = "4000000000009995";
/// A Visa number for which the connector's gateway does not respond.
pub const CONNECTOR_OUTAGE: &str = "4000000000000119";

/// A bank's routing number with a correct checksum.
pub const BANK_ROUTING_NUMBER: &str = "110000000";
/// A bank account number that succeeds.
pub const BANK_ACCOUNT: &str = "000123456789";
/// A bank account number that the connector declines because the account is closed.
pub const BANK_ACCOUNT_CLOSED: &str = "000111111113";
/// A bank account number that the connector declines for insufficient funds.
pub const BANK_INSUFFICIENT_FUNDS: &str = "000222222227";
/// A bank account number for which the connector's gateway does not respond.
pub const BANK_OUTAGE: &str = "000000000009";
