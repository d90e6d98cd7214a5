//! What a session was created with, and the sandbox's own limits for it.

use std::time::Duration;

use super::capture::Piece;
use crate::model::Amount;
use crate::model::{BankAccountType, Capture, CardType, PaymentMethod, TokenType};

/// How long a caller may take for the first key, at the least: the card must be found first.
const FIRST_KEY: Duration = Duration::from_secs(60);

/// The parameters of a session that matter to the caller, checked by whoever read them from the request.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) account_sid: String,
    pub(crate) call_sid: String,
    pub(crate) sid: String,
    /// `None` and zero both ask for a token.
    pub(crate) charge_amount: Option<Amount>,
    pub(crate) currency: String,
    pub(crate) payment_method: PaymentMethod,
    pub(crate) token_type: TokenType,
    pub(crate) bank_account_type: BankAccountType,
    pub(crate) payment_connector: String,
    /// Whether the postal code is wanted.
    pub(crate) postal_code: bool,
    /// Whether the security code is wanted.
    pub(crate) security_code: bool,
    pub(crate) min_postal_code_length: u32,
    /// How long a caller may take between two keys.
    pub(crate) timeout: Duration,
    pub(crate) valid_card_types: Vec<CardType>,
    /// The captures that are typed twice; those that have no second form are passed over.
    pub(crate) require_matching_inputs: Vec<Capture>,
    /// Whether the caller confirms before the connector is asked.
    pub(crate) confirmation: bool,
    /// How long a caller may take for the first key of a capture, and to confirm. `None` stands for a minute,
    /// or the timeout where that is longer. The service does not say how long it waits.
    pub(crate) first_key: Option<Duration>,
    /// After how many failed attempts at one piece the session ends with `too-many-failed-attempts`. `None`
    /// stands for no limit: with the Payments resource it is the agent who decides to ask again.
    pub(crate) max_attempts: Option<u32>,
}

impl Settings {
    /// The service's defaults.
    pub(crate) fn new(account_sid: &str, call_sid: &str, sid: &str) -> Self {
        Self {
            account_sid: account_sid.to_owned(),
            call_sid: call_sid.to_owned(),
            sid: sid.to_owned(),
            charge_amount: None,
            currency: "USD".to_owned(),
            payment_method: PaymentMethod::CreditCard,
            token_type: TokenType::Reusable,
            bank_account_type: BankAccountType::ConsumerChecking,
            payment_connector: "Default".to_owned(),
            postal_code: true,
            security_code: true,
            min_postal_code_length: 1,
            timeout: Duration::from_secs(5),
            valid_card_types: vec![CardType::Visa, CardType::Mastercard, CardType::Amex],
            require_matching_inputs: Vec::new(),
            confirmation: false,
            first_key: None,
            max_attempts: None,
        }
    }

    pub(super) fn is_ach(&self) -> bool {
        self.payment_method == PaymentMethod::AchDebit
    }

    /// The amount to charge; `None` where a token is made instead.
    pub(super) fn charge(&self) -> Option<Amount> {
        self.charge_amount.filter(|amount| !amount.is_zero())
    }

    pub(super) fn first_key(&self) -> Duration {
        self.first_key.unwrap_or_else(|| FIRST_KEY.max(self.timeout))
    }

    pub(super) fn min_postal_code_length(&self) -> usize {
        usize::try_from(self.min_postal_code_length).unwrap_or(usize::MAX).max(1)
    }

    /// What must be collected, in the order in which the service names it.
    pub(super) fn wanted(&self) -> impl Iterator<Item = Piece> {
        let (security_code, postal_code) = (self.security_code, self.postal_code);
        Piece::of_method(self.is_ach()).iter().copied().filter(move |piece| match piece {
            Piece::SecurityCode => security_code,
            Piece::PostalCode => postal_code,
            _ => true,
        })
    }

    /// Whether the piece is typed twice.
    pub(super) fn is_matched(&self, piece: Piece) -> bool {
        piece.matcher().is_some() && self.require_matching_inputs.contains(&piece.capture())
    }
}
