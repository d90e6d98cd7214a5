//! The payment connector: what becomes of a completed session. It knows a few test numbers and says yes
//! to the rest.

use super::numbers;

/// Why a session ended without an effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// For people (`PaymentError`).
    pub(crate) message: String,
    /// The service's error code (`PayErrorCode`).
    pub(crate) code: Option<u32>,
    /// The payment processor's own code (`ConnectorError`).
    pub(crate) connector: &'static str,
}

impl Failure {
    /// A failure that the connector had no part in.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }
}

/// The service's error code if the connector refused to charge.
const CHARGE_REJECTED: u32 = 64008;
/// The service's error code if the connector refused to make a token.
const TOKEN_REJECTED: u32 = 64010;

/// What the connector thinks of a card or account number.
///
/// # Errors
/// Returns the failure that the number stands for, if it is one of those.
pub(crate) fn judge(number: &str, charge: bool) -> Result<(), Failure> {
    let (message, connector) = match number {
        numbers::DECLINED => ("card is declined", "card_declined"),
        numbers::INSUFFICIENT_FUNDS => ("card is declined", "insufficient_funds"),
        numbers::BANK_ACCOUNT_CLOSED => ("bank account is declined", "account_closed"),
        numbers::BANK_INSUFFICIENT_FUNDS => ("bank account is declined", "insufficient_funds"),
        numbers::CONNECTOR_OUTAGE | numbers::BANK_OUTAGE => {
            ("payment gateway did not answer", "processing_error")
        }
        _ => return Ok(()),
    };
    let code = if charge { CHARGE_REJECTED } else { TOKEN_REJECTED };
    Err(Failure { message: message.to_owned(), code: Some(code), connector })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        for (number, code) in [
            (numbers::VISA, None),
            (numbers::MASTERCARD, None),
            (numbers::AMEX, None),
            (numbers::BANK_ACCOUNT, None),
            ("4111111111111111", None),
            (numbers::DECLINED, Some("card_declined")),
            (numbers::INSUFFICIENT_FUNDS, Some("insufficient_funds")),
            (numbers::CONNECTOR_OUTAGE, Some("processing_error")),
            (numbers::BANK_ACCOUNT_CLOSED, Some("account_closed")),
            (numbers::BANK_INSUFFICIENT_FUNDS, Some("insufficient_funds")),
            (numbers::BANK_OUTAGE, Some("processing_error")),
        ] {
            assert_eq!(judge(number, true).err().map(|failure| failure.connector), code, "{number}");
        }
    }
}
