//! What one history is like: the service, the network, the caller and the program.

use twilio_payments::{Amount, Capture, CreatePaymentsParams, PaymentMethod};

use super::choices::Choices;
use super::service;

/// How a completed session can end, and whether it has charged.
pub const RESULTS: [(&str, bool); 10] = [
    ("payment-connector-error", false),
    // A timeout of the connector that hides a charge.
    ("payment-connector-error", true),
    ("validation-error", false),
    ("caller-hung-up", false),
    ("caller-interrupted-with-star", false),
    ("internal-error", false),
    ("cancelled", false),
    ("approved", true),
    ("Success", true),
    ("too-many-failed-attempts", false),
];

/// Frequencies are in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nature {
    pub service: service::Nature,
    /// An earlier session on the call: none, open, or over with callbacks under way; with another tag or none.
    pub earlier: Earlier,
    pub faults: u32,
    pub losses: u32,
    pub repeats: u32,
    /// Callbacks that arrive before the response that is under way.
    pub early: u32,
    /// Callbacks that another process takes.
    pub elsewhere: u32,
    pub crashes: u32,
    pub two: bool,
    /// Captures that fail.
    pub nasty: u32,
    /// Completions that do not end in `success`.
    pub declines: u32,
    /// Waits in which callbacks arrive out of order, or time passes.
    pub impatient: u32,
    pub hang_ups: u32,
    pub interrupts: u32,
    pub cancels: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Earlier {
    #[default]
    None,
    Open,
    Paid,
    Completing,
}

impl Nature {
    /// One history in seven is calm.
    pub fn choose(choices: &mut Choices) -> Self {
        let nature = Self::any(choices);
        if choices.below(7) < 6 {
            return nature;
        }
        let earlier = if nature.earlier == Earlier::Paid { Earlier::Paid } else { Earlier::None };
        let service = service::Nature { forgets: 0, ..nature.service };
        Self { service, earlier, repeats: nature.repeats, early: nature.early, ..Self::default() }
    }

    fn any(choices: &mut Choices) -> Self {
        Self {
            service: service::Nature {
                replays: choices.one_of(&[true, false]),
                replays_refusals: choices.one_of(&[false, false, false, true]),
                undated: choices.one_of(&[0, 0, 200, 1000]),
                forgets: choices.one_of(&[0, 0, 0, 300]),
                asks_anew: choices.one_of(&[false, true]),
                omits_required: choices.one_of(&[false, false, false, true]),
                empties_required: choices.one_of(&[false, false, false, true]),
                omits_partial: choices.one_of(&[false, false, false, true]),
            },
            earlier: choices.one_of(&[
                Earlier::None,
                Earlier::None,
                Earlier::None,
                Earlier::Paid,
                Earlier::Paid,
                Earlier::Paid,
                Earlier::Completing,
                Earlier::Open,
            ]),
            faults: choices.one_of(&[0, 50, 150, 400]),
            losses: choices.one_of(&[0, 0, 100, 400]),
            repeats: choices.one_of(&[0, 200, 500]),
            early: choices.one_of(&[0, 300, 700]),
            elsewhere: choices.one_of(&[0, 0, 200, 1000]),
            crashes: choices.one_of(&[0, 0, 10, 80]),
            two: choices.one_of(&[false, false, true]),
            nasty: choices.one_of(&[0, 0, 0, 100, 300]),
            declines: choices.one_of(&[0, 0, 500, 900]),
            impatient: choices.one_of(&[0, 0, 100, 500]),
            hang_ups: choices.one_of(&[0, 0, 0, 10]),
            interrupts: choices.one_of(&[0, 0, 0, 10]),
            cancels: choices.one_of(&[0, 0, 0, 10]),
        }
    }

    /// Whether nothing happens that could make the payment fail.
    pub fn is_calm(&self) -> bool {
        let bad = self.faults
            + self.losses
            + self.crashes
            + self.nasty
            + self.declines
            + self.impatient
            + self.elsewhere;
        bad + self.service.forgets + self.hang_ups + self.interrupts + self.cancels == 0
            && !self.two
            && matches!(self.earlier, Earlier::None | Earlier::Paid)
    }
}

/// The params of a card payment, bank payment or tokenization.
pub fn params(choices: &mut Choices) -> CreatePaymentsParams {
    let url = choices.one_of(&["https://example.com/pay", "https://example.com/pay?order=7#rc=5&rp=all"]);
    let mut params = CreatePaymentsParams::new(url).idempotency_key("order-7");
    if choices.below(4) < 3 {
        params = params.charge_amount(Amount::from_cents(1999).unwrap());
    }
    match choices.below(4) {
        0 | 1 => params,
        2 => params.payment_method(PaymentMethod::AchDebit),
        _ => params
            .security_code(choices.below(2) == 1)
            .postal_code(choices.below(2) == 1)
            .require_matching_inputs([Capture::PaymentCardNumber, Capture::ExpirationDate]),
    }
}
