//! Names for the API's error codes, to compare with [`ApiError::code`](crate::ApiError::code).
//!
//! The service has more codes, and may add some at any time. For most programs the methods of
//! [`ApiError`](crate::ApiError) are enough, such as [`is_rejected`](crate::ApiError::is_rejected).
//!
//! ```
//! use twilio_payments::{ApiError, codes};
//!
//! fn advice(error: &ApiError) -> &'static str {
//!     match error.code {
//!         Some(codes::INCOMPLETE) => "ask for what is still required, then complete again",
//!         Some(codes::AVS_NAME_MISSING) => "pass the account holder's name as AVSName",
//!         _ => "see the message",
//!     }
//! }
//! ```

/// The credentials are wrong, or belong to another region.
pub const AUTHENTICATION_FAILED: i64 = 20003;
/// The account is suspended or closed.
pub const ACCOUNT_INACTIVE: i64 = 20005;
/// The account may not do this.
pub const ACCESS_DENIED: i64 = 20006;
/// Test credentials cannot be used for this.
pub const TEST_CREDENTIALS: i64 = 20008;
/// The account, call or session does not exist, or belongs to another account.
pub const NOT_FOUND: i64 = 20404;
/// The request conflicts with another one.
pub const CONFLICT: i64 = 20409;
/// The rate limit was reached; the request was not processed.
pub const TOO_MANY_REQUESTS: i64 = 20429;
/// The service is unavailable.
pub const SERVICE_UNAVAILABLE: i64 = 20503;
/// The call has ended, or has not begun.
pub const CALL_NOT_IN_PROGRESS: i64 = 21220;
/// The payment connector is misconfigured.
pub const CONNECTOR_MISCONFIGURED: i64 = 64001;
/// The payment connector is unavailable; try again later.
pub const CONNECTOR_UNAVAILABLE: i64 = 64002;
/// The amount is negative, too large, or has more decimals than its currency.
pub const AMOUNT_INVALID: i64 = 64003;
/// The account has no payment connector of that name.
pub const CONNECTOR_UNKNOWN: i64 = 64004;
/// The payment connector cannot tokenize.
pub const TOKENS_NOT_SUPPORTED: i64 = 64005;
/// The payment connector does not support the token type.
pub const TOKEN_TYPE_NOT_SUPPORTED: i64 = 64006;
/// The payment connector cannot charge.
pub const CHARGES_NOT_SUPPORTED: i64 = 64007;
/// The charge was rejected.
pub const CHARGE_REJECTED: i64 = 64008;
/// The payment connector is no longer authorized by the processor.
pub const CONNECTOR_NOT_AUTHORIZED: i64 = 64009;
/// The tokenization was rejected.
pub const TOKEN_REJECTED: i64 = 64010;
/// The payment connector does not support the currency.
pub const CURRENCY_NOT_SUPPORTED: i64 = 64011;
/// The card was rejected.
pub const CARD_REJECTED: i64 = 64012;
/// The payment connector does not support the payment method.
pub const PAYMENT_METHOD_NOT_SUPPORTED: i64 = 64013;
/// `Parameter` lacks the `AVSName` that the payment connector needs for ACH.
pub const AVS_NAME_MISSING: i64 = 64014;
/// `Parameter` lacks something else that the payment connector needs.
pub const PARAMETER_INCOMPLETE: i64 = 64015;
/// An action URL is not https.
pub const URL_NOT_HTTPS: i64 = 64016;
/// `BankAccountType` was given for a card payment.
pub const BANK_ACCOUNT_TYPE_FOR_CARD: i64 = 64017;
/// An update has neither or both of `Capture` and `Status`.
pub const CAPTURE_OR_STATUS: i64 = 64018;
/// A request to complete the session came before everything required was captured. The session goes on.
pub const INCOMPLETE: i64 = 64019;
/// A parameter has an invalid value.
pub const PARAMETER_INVALID: i64 = 64020;
/// A session was started while another is open on the call.
pub const SESSION_IN_PROGRESS: i64 = 64021;
/// The card is not a test card, but the payment connector is in test mode.
pub const NOT_A_TEST_CARD: i64 = 64022;
/// The bank account is not a test account, but the payment connector is in test mode.
pub const NOT_A_TEST_ACCOUNT: i64 = 64023;
/// The payment connector is not approved for live payments.
pub const CONNECTOR_NOT_LIVE: i64 = 64024;
/// The restricted API key lacks a permission.
pub const PERMISSION_MISSING: i64 = 70051;
