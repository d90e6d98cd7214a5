//! Bodies that the live service sent, byte by byte.

use super::*;

const FIRST: &str = "PaymentConnector=PGP_MOCK&DateCreated=2021-08-10T03%3A55%3A53.408Z\
    &PaymentMethod=credit-card&CallSid=CAfc8f6c8101fca0723d77312b81d8e79a&ChargeAmount=9.99\
    &AccountSid=AC00000000000000000000000000000000&Sid=PK248a4899c8e3311dabc8edadfb9aa07e";
const CHARGED: &str = "SecurityCode=xxx&PaymentCardType=visa&Sid=PK5967a7414bd0566b5fba68d7728e3923\
    &PaymentConfirmationCode=ch_a9dc6297cd1a4fb095e61b1a9cf2dd1d\
    &CallSid=CAc99f75b7f210edd87b01577c84655b4a&Result=success\
    &AccountSid=AC00000000000000000000000000000000&ProfileId=&DateUpdated=2021-08-10T03%3A58%3A27.290Z\
    &PaymentToken=&PaymentMethod=credit-card&PaymentCardNumber=xxxxxxxxxxxx1111&ExpirationDate=1225";

/// A tokenization has the same names as a charge, with the confirmation code empty. Its values are made up.
const TOKENIZED: &str = "SecurityCode=xxx&PaymentCardType=visa&Sid=PK5967a7414bd0566b5fba68d7728e3923\
    &PaymentConfirmationCode=&CallSid=CAc99f75b7f210edd87b01577c84655b4a&Result=success\
    &AccountSid=AC00000000000000000000000000000000&ProfileId=cus_JzP2wN9RhY\
    &DateUpdated=2021-08-10T03%3A58%3A27.290Z&PaymentToken=card_1JMqLe2eZvKYlo2C\
    &PaymentMethod=credit-card&PaymentCardNumber=xxxxxxxxxxxx1111&ExpirationDate=1225";

#[test]
fn the_last_callback_of_a_tokenization() {
    let callback = StatusCallback::parse(TOKENIZED.as_bytes()).unwrap();
    let mut expected = StatusCallback::parse(CHARGED.as_bytes()).unwrap();
    expected.payment_confirmation_code = None;
    expected.payment_token = Some(Withheld("card_1JMqLe2eZvKYlo2C".to_owned()));
    expected.profile_id = Some(Withheld("cus_JzP2wN9RhY".to_owned()));
    assert_eq!((&callback, callback.form()), (&expected, TOKENIZED));
    assert_eq!(
        callback.event(),
        Event::Succeeded {
            confirmation_code: None,
            token: Some("card_1JMqLe2eZvKYlo2C"),
            profile: Some("cus_JzP2wN9RhY")
        }
    );
    assert_eq!((callback.last_digits(), callback.required()), (Some("1111"), None));
    assert!(callback.is_final());
}

#[test]
fn the_first_callback_of_a_session() {
    let callback = StatusCallback::parse(FIRST.as_bytes()).unwrap();
    let mut expected = StatusCallback::parse(b"Sid=PK248a4899c8e3311dabc8edadfb9aa07e").unwrap();
    expected.account_sid = some("AC00000000000000000000000000000000");
    expected.call_sid = some("CAfc8f6c8101fca0723d77312b81d8e79a");
    expected.payment_connector = some("PGP_MOCK");
    expected.date_created = some("2021-08-10T03:55:53.408Z");
    expected.payment_method = Some(PaymentMethod::CreditCard);
    expected.charge_amount = Some(Amount::from_cents(999).unwrap());
    assert_eq!((&callback, callback.form()), (&expected, FIRST));
    assert_eq!(callback.event(), Event::Started);
    assert!(!callback.is_final());
}

#[test]
fn the_last_callback_of_a_charge() {
    let callback = StatusCallback::parse(CHARGED.as_bytes()).unwrap();
    let mut expected = StatusCallback::parse(b"Sid=PK5967a7414bd0566b5fba68d7728e3923").unwrap();
    expected.account_sid = some("AC00000000000000000000000000000000");
    expected.call_sid = some("CAc99f75b7f210edd87b01577c84655b4a");
    expected.date_updated = some("2021-08-10T03:58:27.290Z");
    expected.payment_method = Some(PaymentMethod::CreditCard);
    expected.payment_card_number = some("xxxxxxxxxxxx1111");
    expected.payment_card_type = Some(CardType::Visa);
    expected.expiration_date = some("1225");
    expected.security_code = some("xxx");
    expected.result = Some(PayResult::Success);
    expected.payment_confirmation_code = some("ch_a9dc6297cd1a4fb095e61b1a9cf2dd1d");
    assert_eq!((&callback, callback.form()), (&expected, CHARGED));
    let code = Some("ch_a9dc6297cd1a4fb095e61b1a9cf2dd1d");
    assert_eq!(callback.event(), Event::Succeeded { confirmation_code: code, token: None, profile: None });
    assert!(callback.is_final());
}
