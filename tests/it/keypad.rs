//! The sandbox's caller, over real sockets: what is typed on the keypad arrives at a listener, signed and in
//! order.

use std::time::Duration;

use twilio_payments::sandbox::{Asking, Call, Delivery, Sandbox, SandboxBuilder, numbers};
use twilio_payments::{
    CallbackListener, Capture, CaptureError, CardType, CreatePaymentsParams, Event, PayResult, PaymentMethod,
    PaymentsApi, SessionCallbacks, SignatureValidator, StatusCallback, TokenType, UpdatePaymentsParams,
};

const SOON: Duration = Duration::from_secs(10);

struct Stage {
    sandbox: Sandbox,
    api: PaymentsApi,
    listener: CallbackListener,
    call: Call,
}

/// A session under way.
struct Played<'a> {
    stage: &'a Stage,
    sid: String,
    callbacks: SessionCallbacks,
}

impl Stage {
    fn new() -> Self {
        Self::of(Sandbox::builder())
    }

    fn of(sandbox: SandboxBuilder) -> Self {
        let sandbox = sandbox.start().unwrap();
        let validator = SignatureValidator::new(sandbox.auth_token()).unwrap();
        let (api, call) = (sandbox.client(), sandbox.call());
        Self { api, call, listener: CallbackListener::local(validator).unwrap(), sandbox }
    }

    fn params(&self) -> CreatePaymentsParams {
        CreatePaymentsParams::new(self.listener.public_url()).charge_amount("9.99".parse().unwrap())
    }

    fn start(&self, params: &CreatePaymentsParams) -> Played<'_> {
        let sid = self.api.create_payments(self.call.sid(), params).unwrap().sid;
        let callbacks = self.listener.session(&sid).unwrap();
        let played = Played { stage: self, sid, callbacks };
        assert_eq!(played.next_callback().event(), Event::Started);
        played
    }
}

impl Played<'_> {
    fn next_callback(&self) -> StatusCallback {
        self.callbacks.recv_timeout(SOON).unwrap()
    }

    fn update(&self, params: &UpdatePaymentsParams) {
        self.stage.api.update_payments(self.stage.call.sid(), &self.sid, params).unwrap();
    }

    fn ask(&self, capture: &Capture) {
        self.update(&UpdatePaymentsParams::new_capture(self.stage.listener.public_url(), capture.clone()));
        assert_eq!(self.stage.call.asking(), Some(Asking::Capture(capture.clone())));
    }

    /// Asks for a capture, types it, and returns the callback that ends the ask.
    fn give(&self, capture: &Capture, keys: &str) -> StatusCallback {
        self.ask(capture);
        self.stage.call.press(keys);
        self.settled()
    }

    /// Skips callbacks about digits, and returns the next other one.
    fn settled(&self) -> StatusCallback {
        loop {
            let callback = self.next_callback();
            if !matches!(callback.event(), Event::Typing { .. }) {
                return callback;
            }
        }
    }

    fn complete(&self) -> StatusCallback {
        self.update(&UpdatePaymentsParams::new_complete(self.stage.listener.public_url()));
        self.next_callback()
    }

    #[track_caller]
    fn fails(&self, capture: &Capture, keys: &str, reason: &CaptureError) {
        let callback = self.give(capture, keys);
        match callback.event() {
            Event::CaptureFailed { reason: given, .. } => assert_eq!(given, reason, "{keys}"),
            other => panic!("{keys}: {other:?}"),
        }
    }

    fn card(&self, number: &str) {
        self.give(&Capture::PaymentCardNumber, number);
        self.give(&Capture::ExpirationDate, "1234");
        self.give(&Capture::SecurityCode, "123");
        self.give(&Capture::PostalCode, "94109#");
    }
}

#[test]
fn a_card_payment_as_the_program_receives_it() {
    let stage = Stage::new();
    let played = stage.start(&stage.params());
    played.ask(&Capture::PaymentCardNumber);
    stage.call.press("4242 4242 4242 4242");
    let mut masked = Vec::new();
    let last = loop {
        let callback = played.next_callback();
        match callback.event() {
            Event::Typing { shown: typed, .. } => masked.push(typed.unwrap_or_default().to_owned()),
            _ => break callback,
        }
    };
    let expected: Vec<String> = (0..16).map(|count| "x".repeat(count)).collect();
    assert_eq!(masked, expected, "in order, one a key");
    assert_eq!(last.payment_card_number.as_deref(), Some("xxxxxxxxxxxx4242"));
    assert_eq!(last.payment_card_type, Some(CardType::Visa));
    let left = [Capture::ExpirationDate, Capture::SecurityCode, Capture::PostalCode];
    assert_eq!(last.required(), Some(&left[..]));
    let expiry = played.give(&Capture::ExpirationDate, "1234");
    assert_eq!(expiry.expiration_date.as_deref(), Some("1234"));
    let code = played.give(&Capture::SecurityCode, "123");
    assert_eq!(code.security_code.as_deref(), Some("xxx"));
    let postal = played.give(&Capture::PostalCode, "94109#");
    assert_eq!(postal.payment_card_postal_code.as_deref(), Some("94109"));
    assert_eq!(postal.required(), Some(&[][..]));
    let end = played.complete();
    let code = end.payment_confirmation_code.as_deref().unwrap();
    assert!(matches!(end.event(), Event::Succeeded { token: None, profile: None, .. }));
    let transactions = stage.sandbox.transactions();
    assert_eq!(transactions.len(), 1);
    assert_eq!(transactions[0].confirmation_code.as_deref(), Some(code));
    assert_eq!(transactions[0].amount, Some("9.99".parse().unwrap()));
    assert!(stage.sandbox.wait_for_delivery(SOON));
    let records = stage.sandbox.callbacks(&played.sid);
    assert!(records.iter().all(|record| record.delivery == Delivery::Delivered && record.attempts == 1));
}

#[test]
fn entries_that_are_not_accepted() {
    let stage = Stage::new();
    let played = stage.start(&stage.params().min_postal_code_length(5));
    let early = UpdatePaymentsParams::new_capture(stage.listener.public_url(), Capture::SecurityCode);
    played.update(&early);
    let reason = CaptureError::InvalidCardNumberSecurityCodeCaptureSequence;
    assert_eq!(played.next_callback().error_type, Some(reason), "the security code before the card number");
    let (number, expiry) = (Capture::PaymentCardNumber, Capture::ExpirationDate);
    for (capture, keys, reason) in [
        (&number, "4242424242424241#", CaptureError::InvalidCardNumber),
        (&number, "4#", CaptureError::InvalidCardNumber),
        (&number, "#", CaptureError::InputTimeout),
        (&number, numbers::DISCOVER, CaptureError::InvalidCardType),
        (&expiry, "1334", CaptureError::InvalidDate),
        (&expiry, "0120", CaptureError::InvalidDate),
    ] {
        played.fails(capture, keys, &reason);
    }
    played.give(&number, numbers::AMEX);
    played.fails(&Capture::SecurityCode, "123#", &CaptureError::InvalidSecurityCode);
    assert_eq!(played.give(&Capture::SecurityCode, "1234").security_code.as_deref(), Some("xxxx"));
    played.fails(&Capture::PostalCode, "9410#", &CaptureError::InvalidPostalCode);
    assert_eq!(stage.sandbox.transaction_count(), 0);
}

#[test]
fn a_wait_for_a_key_ends() {
    let stage = Stage::new();
    let played = stage.start(&stage.params().timeout(7));
    played.ask(&Capture::PostalCode);
    stage.sandbox.advance_clock(Duration::from_secs(61));
    assert_eq!(played.settled().error_type, Some(CaptureError::InputTimeout), "no key at all");
    played.ask(&Capture::PostalCode);
    stage.call.press("941");
    stage.sandbox.advance_clock(Duration::from_secs(8));
    let given = played.settled();
    assert_eq!(given.payment_card_postal_code.as_deref(), Some("941"), "the entry ends by waiting");
}

#[test]
fn typed_twice_and_confirmed() {
    let stage = Stage::new();
    let params = stage
        .params()
        .security_code(false)
        .postal_code(false)
        .require_matching_inputs([Capture::ExpirationDate])
        .confirmation(true);
    let played = stage.start(&params);
    played.give(&Capture::PaymentCardNumber, numbers::MASTERCARD);
    let once = played.give(&Capture::ExpirationDate, "1234");
    assert_eq!(once.required(), Some(&[Capture::ExpirationDateMatcher][..]));
    played.fails(&Capture::ExpirationDateMatcher, "1134", &CaptureError::InputMatchingFailed);
    played.give(&Capture::ExpirationDate, "1234");
    assert_eq!(played.give(&Capture::ExpirationDateMatcher, "1234").required(), Some(&[][..]));
    played.update(&UpdatePaymentsParams::new_complete(stage.listener.public_url()));
    assert_eq!(stage.call.wait_until_asked(SOON), Some(Asking::Confirmation));
    assert_eq!(stage.sandbox.transaction_count(), 0, "not before the caller confirms");
    stage.call.press("1");
    assert!(matches!(played.next_callback().event(), Event::Succeeded { .. }));
    assert_eq!(stage.sandbox.transaction_count(), 1);
}

#[test]
fn endings_without_a_payment() {
    let stage = Stage::new();
    let url = stage.listener.public_url().to_owned();

    let declined = stage.start(&stage.params());
    declined.card(numbers::DECLINED);
    let end = declined.complete();
    assert_eq!(end.result, Some(PayResult::PaymentConnectorError));
    assert!(end.payment_error.is_some() && end.connector_error.is_some() && end.pay_error_code.is_some());

    // Something is missing: the completion is refused, and the session goes on.
    let missing = stage.start(&stage.params());
    let complete = UpdatePaymentsParams::new_complete(url.as_str());
    let error = stage.api.update_payments(stage.call.sid(), &missing.sid, &complete).unwrap_err();
    assert_eq!(error.api_error().and_then(|api| api.code), Some(64019));
    assert!(stage.sandbox.session(&missing.sid).unwrap().is_open());
    missing.update(&UpdatePaymentsParams::new_cancel(url.as_str()));
    // No result is documented for a cancellation.
    assert_eq!(missing.next_callback().result, None);

    let starred = stage.start(&stage.params());
    starred.ask(&Capture::PaymentCardNumber);
    stage.call.press("4242*");
    assert_eq!(starred.settled().result, Some(PayResult::CallerInterruptedWithStar));

    let cancelled = stage.start(&stage.params());
    cancelled.update(&UpdatePaymentsParams::new_cancel(url));
    assert_eq!(cancelled.next_callback().result, None);

    let left = stage.start(&stage.params());
    left.ask(&Capture::PaymentCardNumber);
    stage.call.hang_up();
    assert_eq!(left.settled().result, Some(PayResult::CallerHungUp));
    assert_eq!(stage.call.wait_until_asked(SOON), None, "a call that is over asks nothing");
    assert_eq!(stage.sandbox.transaction_count(), 0);
}

/// Results that are seen, but not documented for this API.
#[test]
fn undocumented_results_on_request() {
    let stage = Stage::of(Sandbox::builder().undocumented_words(true).max_failed_attempts(2));
    let url = stage.listener.public_url().to_owned();
    let cancelled = stage.start(&stage.params());
    cancelled.fails(&Capture::PaymentCardNumber, "1#", &CaptureError::InvalidCardNumber);
    cancelled.update(&UpdatePaymentsParams::new_cancel(url));
    assert_eq!(cancelled.next_callback().event(), Event::Cancelled);
    let clumsy = stage.start(&stage.params());
    let first = clumsy.give(&Capture::PaymentCardNumber, "1#");
    let second = clumsy.give(&Capture::PaymentCardNumber, "1#");
    assert_eq!((first.attempt, second.attempt), (Some(1), Some(2)));
    assert_eq!(clumsy.next_callback().result, Some(PayResult::TooManyFailedAttempts));
}

#[test]
fn a_bank_account_and_a_token() {
    let stage = Stage::new();
    let mut params = stage
        .params()
        .payment_method(PaymentMethod::AchDebit)
        .token_type(TokenType::PaymentMethod)
        .parameter(serde_json::json!({"name": "x"}));
    params.charge_amount = None;
    let played = stage.start(&params);
    played.fails(&Capture::BankRoutingNumber, "110000001", &CaptureError::InvalidBankRoutingNumber);
    let routing = played.give(&Capture::BankRoutingNumber, numbers::BANK_ROUTING_NUMBER);
    assert_eq!(routing.bank_routing_number(), Some(numbers::BANK_ROUTING_NUMBER));
    let account = played.give(&Capture::BankAccountNumber, &format!("{}#", numbers::BANK_ACCOUNT));
    assert_eq!(account.bank_account_number.as_deref(), Some("**********89"));
    let end = played.complete();
    assert!(end.payment_token().is_some() && end.profile_id().is_some());
    assert_eq!(end.payment_confirmation_code, None);
    let transaction = &stage.sandbox.transactions()[0];
    assert_eq!(transaction.token(), end.payment_token());
    assert_eq!((transaction.amount, transaction.token_type.clone()), (None, Some(TokenType::PaymentMethod)));
    assert!(!format!("{end:?} {transaction:?}").contains(end.payment_token().unwrap()));
}

#[test]
fn callbacks_to_other_hosts_are_recorded_and_not_sent() {
    let stage = Stage::new();
    for url in ["https://example.com/status", "http://192.0.2.1/status", "/relative"] {
        let sid = stage.api.create_payments(stage.call.sid(), &CreatePaymentsParams::new(url)).unwrap().sid;
        let records = stage.sandbox.callbacks(&sid);
        assert_eq!((records.len(), records[0].delivery, &*records[0].url), (1, Delivery::NotSent, url));
        stage.api.update_payments(stage.call.sid(), &sid, &UpdatePaymentsParams::new_cancel(url)).unwrap();
    }
}

#[test]
fn nothing_is_left_running() {
    let stage = Stage::new();
    let call = stage.call.clone();
    let waiting = std::thread::spawn(move || call.wait_until_asked(Duration::from_secs(60)));
    let started = std::time::Instant::now();
    drop(stage);
    assert_eq!(waiting.join().unwrap(), None);
    assert!(started.elapsed() < Duration::from_secs(20));
}
